"""The chain: each event's hash covers the event and the hash before it, so that none can be changed alone."""

import hashlib
import json
from typing import Any

from pydantic_core import to_jsonable_python

from models.events import Event, EventAdapter


def canonical_json(value: Any) -> str:
    """JSON of a value in the one form that is hashed: sorted keys, no spaces, Unicode as it is."""
    return json.dumps(to_jsonable_python(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(event: Event) -> str:
    """The canonical JSON of an event."""
    return canonical_json(event)


def same(stored: str, event: Event) -> bool:
    """Whether a stored body says the same as an event.

    A body written before a field was added to the model lacks it; read with today's model it must still be the same.
    """
    body = canonical(event)
    return stored == body or canonical(EventAdapter.validate_json(stored)) == body


def genesis(reference: str) -> str:
    """What stands before the first event of a case: SHA-256 (hexadecimal) of its reference."""
    return hashlib.sha256(reference.encode()).hexdigest()


def link(previous: str, body: str) -> str:
    """The hash (hexadecimal) of an event: SHA-256 of the bytes of the hash before it and of its canonical JSON."""
    return hashlib.sha256(bytes.fromhex(previous) + body.encode()).hexdigest()
