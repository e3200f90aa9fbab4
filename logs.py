"""What processes log: a line for each thing, in words or as one JSON object, and never what a person has written.

The words of an exception may quote a letter or a referral, so only its type and the places in the code are logged.
"""

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TypeAlias

from models.refusal import Refusal

SHAPES = ("plain", "json")
_Caught: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Plain(logging.Formatter):
    """Time, logger, level and message; of an exception its type and where it came from."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line, and below it where an exception came from."""
        record.exc_text = None  # what another handler has made of the exception has its words
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line."""
        record.message = words(record)
        return super().formatMessage(record)

    def formatException(self, ei: _Caught) -> str:  # noqa: N802 - logging's own name
        """Where an exception came from, and each that led to it, without their words."""
        return trace(ei[1]) if ei[1] is not None else ""


class Json(Plain):
    """One JSON object a line: time (UTC), level, logger, message, what the record gives besides, trace."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": words(record),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            said["trace"] = trace(record.exc_info[1])
        return json.dumps(said, ensure_ascii=False)


def set_up(environment: Mapping[str, str]) -> None:
    """Log to stderr from now on, in the shape that `SCR_LOG` names. Raises Refusal for a shape there is not."""
    shape = environment.get("SCR_LOG") or "plain"
    if shape not in SHAPES:
        raise Refusal(f"SCR_LOG is {shape!r}; say {' or '.join(SHAPES)}.")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if shape == "json" else Plain())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    sys.excepthook = _ended
    for chatty in ("httpx", "alembic", "uvicorn.error"):  # httpx logs addresses, which may hold a reference or a name
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _ended(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Log what ends the process as everything else is logged; Python itself would print its words."""
    logging.getLogger("process").critical("It ends by a fault of ours.", exc_info=(kind, error, where))


def words(record: logging.LogRecord) -> str:
    """The message of a record; asyncio puts an exception, with its words, into the second line of its own."""
    said = record.getMessage()
    return said.partition("\n")[0] if record.name == "asyncio" else said


def trace(error: BaseException) -> str:
    """The types of an exception and of those that led to it, each with its places in the code; no words, no values."""
    parts: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        places = "".join(traceback.format_tb(cause.__traceback__))
        parts.append(f"{places}{type(cause).__module__}.{type(cause).__qualname__}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\nled to\n".join(reversed(parts))
