"""The commands of `scr`, and how they print."""
