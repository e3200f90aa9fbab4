"""Kept histories of cases, for the replay tests; `python -m tests.histories NAME` adds those of the code as it is."""
