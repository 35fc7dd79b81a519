"""Receipts for paid invoices and payments, as page, PDF and JSON, made anew from the facts each time."""
