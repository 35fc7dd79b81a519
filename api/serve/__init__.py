"""Processes: what runs, what starts it again, and how it ends."""
