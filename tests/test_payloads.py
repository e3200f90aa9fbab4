"""What the engine is given: sealed, compressed, readable with every key of the ring and without none of them."""

import hashlib
import json
import os
import time
import zlib
from datetime import date
from pathlib import Path

import pytest
from engine import ROOT
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError
from test_sealed import path_of

from models.decisions import Decide
from payloads import ENCODING, SealingCodec, converter, plain_converter
from register.sealed import LOOKED_AT_EVERY, Ring, SealError

NAME = "Wilhelmina Invented"


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring.load_or_make(tmp_path / "ring.json")


async def sealed(ring: Ring, value: object) -> Payload:
    return (await converter(ring).encode([value]))[0]


@pytest.mark.parametrize("value", [NAME, {"said": NAME * 500}, None, [1, 2.5, True]])
async def test_a_value_comes_back_and_is_not_to_be_seen(ring: Ring, value: object) -> None:
    payload = await sealed(ring, value)
    assert NAME.encode() not in payload.SerializeToString()
    assert payload.metadata["encoding"] == ENCODING
    assert ring.current.encode() == payload.data[1:9]
    assert await converter(ring).decode([payload]) == [value]


async def test_what_is_long_is_compressed_first(ring: Ring) -> None:
    assert len((await sealed(ring, {"said": NAME * 500})).SerializeToString()) < 400


def test_the_words_that_compression_begins_with_never_change() -> None:
    """Every history sealed so far would be lost with them; better words go into a file of another name."""
    words = (ROOT / "payloads.words").read_bytes()
    assert hashlib.sha256(words).hexdigest() == "e5dfb1b004044e46762aed7d80cfe77a3496499b8bf8692c849c993775454a22"


@pytest.mark.parametrize("value", ["short", NAME * 3, {"calendar": "england-and-wales", "said": NAME * 50}])
async def test_what_was_compressed_without_words_is_still_read(ring: Ring, value: object) -> None:
    old = Payload(metadata={"encoding": b"json/zlib"}, data=zlib.compress(json.dumps(value).encode(), 1))
    assert await converter(ring).decode(await SealingCodec(ring).encode([old])) == [value]


async def test_a_decision_costs_the_engine_few_bytes(ring: Ring) -> None:
    """Much of its JSON goes without saying, in every case."""
    decision = Decide(
        id="DEMO-2026-0001-0001",
        by="chair",
        step="decide",
        outcome="initiate",
        made_on=date(2026, 9, 1),
        because="Abuse is known, and there is cause for concern about how the agencies worked together.",
    )
    plain = len(decision.model_dump_json())
    payload = await sealed(ring, decision)
    sealing = len((await sealed(ring, "")).data)
    assert len(payload.data) - sealing < 0.67 * plain


async def test_another_ring_cannot_read_it_and_says_which_key_is_missing(ring: Ring, tmp_path: Path) -> None:
    payload = await sealed(ring, NAME)
    with pytest.raises(SealError, match=ring.current):
        await converter(Ring.load_or_make(tmp_path / "other.json")).decode([payload])


@pytest.mark.parametrize("place", [0, 5, 15, 40, -1])
async def test_an_altered_payload_is_refused(ring: Ring, place: int) -> None:
    payload = await sealed(ring, NAME * 100)
    data = bytearray(payload.data)
    data[place] ^= 1
    with pytest.raises(SealError):
        await converter(ring).decode([Payload(metadata=payload.metadata, data=bytes(data))])


async def test_what_was_written_in_plain_is_still_read(ring: Ring) -> None:
    assert await converter(ring).decode(await plain_converter.encode([NAME])) == [NAME]


async def test_after_a_rotation_the_old_is_read_and_the_new_key_used_by_a_process_that_goes_on(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr("register.sealed.time.monotonic", lambda: now)
    running = converter(ring)
    old = (await running.encode([NAME]))[0]
    new_key = Ring.load_or_make(path_of(ring)).rotate()
    now += LOOKED_AT_EVERY
    new = (await running.encode([NAME]))[0]
    assert new.data[1:9] == new_key.encode() != old.data[1:9]
    assert await running.decode([old, new]) == [NAME, NAME]


async def test_a_failure_tells_nothing_of_its_message_or_its_place(ring: Ring) -> None:
    failure = Failure()
    await converter(ring).encode_failure(ApplicationError(NAME, type="Refused"), failure)
    assert NAME.encode() not in failure.SerializeToString()
    error = await converter(ring).decode_failure(failure)
    assert isinstance(error, ApplicationError)
    assert (error.message, error.type) == (NAME, "Refused")


async def test_a_payload_that_grows_without_end_is_refused(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    payload = await sealed(ring, "x" * 100_000)
    monkeypatch.setattr("payloads._LARGEST", 1000)
    with pytest.raises(SealError, match="too large"):
        await converter(ring).decode([payload])


@given(data=st.binary(max_size=300), metadata=st.dictionaries(st.text(max_size=5), st.binary(max_size=5), max_size=3))
async def test_every_payload_comes_back_as_it_was(data: bytes, metadata: dict[str, bytes]) -> None:
    codec = SealingCodec(Ring(None, {"12345678": bytes(32)}, "12345678"))
    payload = Payload(metadata=metadata, data=data)
    assert await codec.decode(await codec.encode([payload])) == [payload]


def test_the_ring_comes_from_the_environment_or_from_the_file_it_names(
    ring: Ring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = ring.seal(b"text", "c")
    monkeypatch.setenv("SCR_KEY_FILE", str(path_of(ring)))
    assert Ring.of(tmp_path / "empty").unseal(blob, "c") == b"text"
    monkeypatch.setenv("SCR_KEYS", path_of(ring).read_text())
    os.remove(path_of(ring))
    given = Ring.of(tmp_path / "empty")
    assert given.unseal(blob, "c") == b"text"
    with pytest.raises(SealError, match="The keys come from SCR_KEYS"):
        given.rotate()
    with pytest.raises(SealError, match="is not in SCR_KEYS: put that key back"):
        given.unseal(Ring.load_or_make(tmp_path / "other.json").seal(b"text", "c"), "c")
    monkeypatch.setenv("SCR_KEYS", "no JSON")
    with pytest.raises(SealError, match="What SCR_KEYS holds is not readable as a ring of keys"):
        Ring.of(tmp_path)


def test_two_rotations_at_once_keep_both_keys(ring: Ring) -> None:
    ring.seal(b"makes the file", "c")
    other = Ring.load_or_make(path_of(ring))
    keys = {ring.current, ring.rotate(), other.rotate()}
    assert Ring.load_or_make(path_of(ring)).key_ids == keys


def test_nothing_but_the_door_speaks_to_the_engine_unsealed() -> None:
    """Only the module that seals names a converter of Temporal's own."""
    names = ("pydantic_data_converter", "DataConverter(")
    files = [path for path in ROOT.glob("[!.]*/**/*.py") if "tests" not in path.parts] + list(ROOT.glob("*.py"))
    assert [path.name for path in files if any(name in path.read_text() for name in names)] == ["payloads.py"]
