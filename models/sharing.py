"""One object for what is the same in many cases: a procedure, a calendar, the people of a board. Pure.

A worker keeps thousands of cases, and each carries its procedure and its calendar: half a megabyte as objects. As they
never change, cases with the same ones hold the same object, and reading one again need not check it again.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidatorFunctionWrapHandler, WrapValidator

_MOST = 64
"""How many are remembered; the oldest goes first."""


def shared() -> WrapValidator:
    """A validator, for a field that nothing ever changes in place: the same content gives the same object."""
    known: dict[bytes, Any] = {}

    def read(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, Mapping):
            return handler(value)
        try:
            content = json.dumps(value, separators=(",", ":"), default=str)
        except (TypeError, ValueError, RecursionError):  # no JSON: whatever it is, the model says what is wrong with it
            return handler(value)
        key = hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()
        if key not in known:
            while len(known) >= _MOST:
                known.pop(next(iter(known)), None)
            known[key] = handler(value)
        return known[key]

    return WrapValidator(read)
