"""What Temporal keeps of a case is sealed: payloads, headers, summaries and failures, compressed and then encrypted.

The engine stores and shows nothing else but workflow ids, search attributes and names of types, none of them personal.
"""

import dataclasses
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    EncodingPayloadConverter,
    PayloadCodec,
)

from register.sealed import Ring, SealError, key_id_of

ENCODING = b"binary/encrypted"
COMPRESSED = b"json/deflated"
_CONTEXT = "a case in the engine"
_COMPRESSED, _PLAIN = b"z", b"p"
_WORTH_COMPRESSING = 64  # bytes; below it deflate gains next to nothing
_WITHOUT_WORDS = b"json/zlib"  # as values were compressed before there were words
_WORDS = Path(__file__).with_name("payloads.words").read_bytes()
# What values of a case often hold (a calendar, a procedure, each kind of event): what stands in it need not be written
# again. NEVER CHANGE THAT FILE: what was compressed with it cannot be read without it. Better words get another name.
_DEFLATE = zlib.compressobj(wbits=-15, zdict=_WORDS)
_LARGEST = 64 << 20  # bytes; what a payload may grow to: one that was made to grow without end is refused


class SealingCodec(PayloadCodec):
    """Seals payloads under the current key of a ring; opens those of every key, and lets through what is not sealed.

    What was kept before there was encryption stays readable. Raises SealError for a missing key and for anything
    that was altered.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seal payloads; the key's id stands before what it seals and is authenticated."""
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open payloads."""
        return [self._open(payload) for payload in payloads]

    def open_or_say(self, payload: Payload) -> Payload:
        """Open a payload, or give one in its place that says why it cannot be."""
        try:
            return inflated(self._open(payload))
        except (SealError, ValueError, zlib.error, DecodeError):
            key = key_id_of(payload.data)
            why = "it was altered" if key in self._ring.key_ids else f"the key {key} is not in the ring"
            said = json.dumps(f"This cannot be read: {why}.")
            return Payload(metadata={"encoding": b"json/plain"}, data=said.encode())

    def _seal(self, payload: Payload) -> Payload:
        sealed = self._ring.seal(_PLAIN + payload.SerializeToString(), _CONTEXT)
        return Payload(metadata={"encoding": ENCODING}, data=sealed)  # which begins with the id of its key

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        packed = self._ring.unseal(payload.data, _CONTEXT)
        # what was sealed before values were compressed by their converter
        return Payload.FromString(_inflated(packed[1:], b"") if packed[:1] == _COMPRESSED else packed[1:])


def converter(ring: Ring) -> DataConverter:
    """How everything that goes to the engine is written: JSON by pydantic, sealed with a ring; failures too."""
    return dataclasses.replace(plain_converter, payload_codec=SealingCodec(ring))


class _JSON(EncodingPayloadConverter):
    """JSON by pydantic, compressed where that gains anything.

    It is compressed here and not in the codec, so that what the SDK keeps in memory of a waiting case (the activation
    that began it, the answer to the last query) is kept compressed: a third of what such a case costs a worker.
    """

    def __init__(self, plain: EncodingPayloadConverter) -> None:
        self._json = plain

    @property
    def encoding(self) -> str:
        """What such a payload says it is."""
        return COMPRESSED.decode()

    def to_payload(self, value: Any) -> Payload | None:
        """Write a value."""
        payload = self._json.to_payload(value)
        if payload is None or len(payload.data) < _WORTH_COMPRESSING:
            return payload
        deflate = _DEFLATE.copy()
        return Payload(metadata={"encoding": COMPRESSED}, data=deflate.compress(payload.data) + deflate.flush())

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Read a value. Raises SealError for one that is damaged or grows without end."""
        return self._json.from_payload(inflated(payload), type_hint)


class _OlderJSON(_JSON):
    """Reads what was compressed without words; nothing is written so any more."""

    @property
    def encoding(self) -> str:
        """What such a payload says it is."""
        return _WITHOUT_WORDS.decode()

    def to_payload(self, value: Any) -> None:
        """Leave it to the next."""


*_OTHERS, _PLAIN_JSON = PydanticPayloadConverter().converters.values()
# The first that takes a value writes it: what is nothing, plain bytes, messages, then all else as JSON.
_CONVERTERS = {
    converter.encoding.encode(): converter
    for converter in (*_OTHERS, _JSON(_PLAIN_JSON), _OlderJSON(_PLAIN_JSON), _PLAIN_JSON)
}


class SharedPayloadConverter(CompositePayloadConverter):
    """How values become payloads. All cases of a worker share the converters, and what these have compiled of types."""

    def __init__(self) -> None:
        self.converters = _CONVERTERS  # the SDK makes one of these for each task of a case


def inflated(payload: Payload) -> Payload:
    """A payload as JSON that a person can read, if it was compressed. Raises SealError."""
    if (encoding := payload.metadata.get("encoding")) not in (COMPRESSED, _WITHOUT_WORDS):
        return payload
    plain = _inflated(payload.data, _WORDS if encoding == COMPRESSED else b"")
    return Payload(metadata={"encoding": b"json/plain"}, data=plain)


plain_converter = DataConverter(
    payload_converter_class=SharedPayloadConverter,
    failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
)
"""The same without sealing."""


def readable(ring: Ring, content: str) -> tuple[str, int]:
    """Payloads as the Temporal Web UI sends them (the JSON of protobuf), opened, and how many they are.

    One that cannot be opened is replaced by the reason, so that it does not keep the others from being read. Raises
    ValueError for anything else than payloads.
    """
    try:
        sent = json_format.Parse(content, Payloads())
    except (json_format.ParseError, RecursionError) as error:
        raise ValueError("These are no payloads.") from error
    codec = SealingCodec(ring)
    opened = Payloads(payloads=[codec.open_or_say(payload) for payload in sent.payloads])
    return json_format.MessageToJson(opened, indent=None), len(sent.payloads)


def _inflated(packed: bytes, words: bytes) -> bytes:
    deflate = zlib.decompressobj(-15, words) if words else zlib.decompressobj()
    plain = deflate.decompress(packed, _LARGEST)
    if not deflate.eof:
        raise SealError("A payload of the engine is damaged or too large: restore it from a backup.")
    return plain
