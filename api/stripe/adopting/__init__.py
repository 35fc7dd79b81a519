"""Take up what Stripe has and a restored ledger lacks, object by object, as webhooks would."""
