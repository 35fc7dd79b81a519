"""One module for each concern; `HANDLERS` of each is what the application serves."""
