"""What is kept of a person, for that person: all of it in one document."""
