"""How letters leave the house, and what comes back: carriers, their settings, bounces."""
