"""What an id of Stripe is here, and whose."""
