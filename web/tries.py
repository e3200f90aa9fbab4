"""The limit on guessing: how many tries something has, counted by what tells one guesser from another."""

import time
from collections.abc import Mapping

WINDOW = 900.0
"""For how many seconds a try counts."""


class Tries:
    """Tries of the last quarter of an hour, by key. They live in this process and end with it."""

    def __init__(self) -> None:
        self._at: dict[str, list[float]] = {}

    def take(self, limits: Mapping[str, int]) -> bool:
        """Count one try for each key, before its outcome is known; False, and nothing counted, where one is used up."""
        now = time.monotonic()
        # what has passed is forgotten for every key, so that names that somebody makes up do not pile up
        recent = {key: [at for at in times if at > now - WINDOW] for key, times in self._at.items()}
        self._at = {key: times for key, times in recent.items() if times}
        if any(len(self._at.get(key, ())) >= most for key, most in limits.items()):
            return False
        for key in limits:
            self._at.setdefault(key, []).append(now)
        return True

    def give_back(self, limits: Mapping[str, int]) -> None:
        """Have the latest try of each key not count: it was right."""
        for key in limits:
            self._at[key].pop()
