-- Whether a payment names a licence: asked when an organisation buys its next one.
CREATE INDEX payments_of_licences ON payments (purpose_ref) WHERE purpose = 'licence';
