"""The breaking bench: rounds of cases while everything around them is killed, stopped, slowed, filled and cut."""
