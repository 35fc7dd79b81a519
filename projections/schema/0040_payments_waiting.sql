-- Payments that wait for their cardholders: few, and looked for all the time.
CREATE INDEX payments_waiting ON payments (initiated_at, payment_id) WHERE status = 'requires_action';
