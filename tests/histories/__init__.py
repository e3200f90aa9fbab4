"""Histories of a review at each of its stages, for the replay test; `python -m tests.histories` makes them anew."""
