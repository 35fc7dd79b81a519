-- What is looked up by an id of Stripe's, beside what has an index for it.
CREATE INDEX refunds_at_stripe ON refunds (stripe_refund_id) WHERE stripe_refund_id <> '';
CREATE INDEX credit_notes_at_stripe ON credit_notes (stripe_credit_note_id) WHERE stripe_credit_note_id <> '';
CREATE INDEX credit_notes_of_refund ON credit_notes (stripe_refund_id) WHERE stripe_refund_id <> '';
