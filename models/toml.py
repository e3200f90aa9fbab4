"""Text in TOML, as people write files for this service."""

import tomllib
from typing import Any


def read_toml(text: str) -> dict[str, Any]:
    """What a text says. Raises TOMLDecodeError for all that cannot be read, too long and too deep ones included."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise tomllib.TOMLDecodeError("a number is too long or a list too deep") from error
