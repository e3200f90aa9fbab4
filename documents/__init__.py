"""What documents are taken in, and their text."""
