"""Receipts for paid invoices, as a page and as a PDF, made anew from the facts each time."""
