-- A return is found by its refund before the payment has heard of it.
CREATE INDEX enrolments_returning ON enrolments (refund_id) WHERE refund_id <> '';
