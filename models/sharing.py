"""One object for what is the same in many cases: a procedure, a calendar, the people of a board. Pure.

A worker keeps thousands of cases, and each carries its procedure and its calendar: half a megabyte as objects. As they
never change, cases with the same ones hold the same object, and reading one again need not check it again.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import to_json

_MOST = 64
"""How many are remembered; the oldest goes first."""


class _Known:
    """What has been read, by its content and by its identity. Threads share it: each step on a dictionary is one."""

    def __init__(self) -> None:
        self._by_content: dict[bytes, Any] = {}
        self._by_identity: dict[int, Any] = {}

    def has_given(self, value: Any) -> bool:
        """Whether this very object came from here: then it need not be looked at again."""
        return self._by_identity.get(id(value), self) is value

    def get(self, key: bytes) -> Any:
        """What was read of this content; None if nothing was."""
        return self._by_content.get(key)

    def keep(self, key: bytes, value: Any) -> Any:
        """Remember what was read of a content; what another thread remembered meanwhile goes before."""
        kept = self._by_content.setdefault(key, value)
        self._by_identity[id(kept)] = kept
        while len(self._by_content) > _MOST:
            oldest, *_ = self._by_content
            self._by_identity.pop(id(self._by_content.pop(oldest, None)), None)
        return kept


def shared() -> WrapValidator:
    """A validator, for a field that nothing ever changes in place: the same content gives the same object."""
    known = _Known()

    def read(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if known.has_given(value):
            return value
        if not isinstance(value, Mapping):
            return handler(value)
        try:
            content = to_json(value, serialize_unknown=True)
        except ValueError:  # no JSON: whatever it is, the model says what is wrong with it
            return handler(value)
        key = hashlib.sha256(content).digest()
        found = known.get(key)
        return known.keep(key, handler(value)) if found is None else found

    return WrapValidator(read)
