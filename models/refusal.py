"""What is said to a person whose input cannot be taken."""


class Refusal(ValueError):
    """Bad input: one sentence that says what is wrong and what would be right. Nothing has changed."""
