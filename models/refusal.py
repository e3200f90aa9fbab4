"""What is said to a person whose input cannot be taken."""

import re

LONGEST = 10_000
"""Characters of a line."""
_HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")


class Refusal(ValueError):
    """Bad input: one sentence that says what is wrong and what would be right. Nothing has changed."""

    def __str__(self) -> str:
        return plainly(super().__str__())


def plainly(text: str) -> str:
    """A text that may quote what somebody sent: signs that steer a screen or show nothing are made visible."""
    lines = (_HIDDEN.sub(lambda one: one[0].encode("unicode_escape").decode(), line) for line in text.split("\n"))
    return "\n".join(line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in lines)
