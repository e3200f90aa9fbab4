"""Sealing: keys, their file, rotation, and that nothing sealed can be found in the database's files."""

import json
import stat
from pathlib import Path

import pytest
from register_stories import stored
from sqlalchemy import select, update

from register.errors import RegisterError
from register.sealed import Ring, SealError
from register.store import Register
from register.tables import ReferralRow

CHILD = {"child": {"name": "Wilhelmina Invented", "born": "2009-05-01"}, "narrative": "Näheres über die Familie"}


def path_of(ring: Ring) -> Path:
    """The file of a ring that has one."""
    assert ring.path is not None
    return ring.path


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring.load_or_make(tmp_path / "keys" / "ring.json")


def test_what_is_sealed_can_be_unsealed_and_is_never_twice_the_same(ring: Ring) -> None:
    first, second = ring.seal(b"text", "referral X"), ring.seal(b"text", "referral X")
    assert first != second
    assert b"text" not in first
    assert ring.unseal(first, "referral X") == ring.unseal(second, "referral X") == b"text"


def test_another_context_is_refused(ring: Ring) -> None:
    with pytest.raises(SealError, match="sealed for something else"):
        ring.unseal(ring.seal(b"text", "referral X"), "referral Y")


@pytest.mark.parametrize("place", [9, 20, 21, -1])
def test_an_altered_blob_is_refused(ring: Ring, place: int) -> None:
    blob = bytearray(ring.seal(b"text", "referral X"))
    blob[place] ^= 1
    with pytest.raises(SealError, match="was altered"):
        ring.unseal(bytes(blob), "referral X")


@pytest.mark.parametrize("blob", [b"", b"\x01short", b"\x02" + bytes(60)])
def test_what_is_no_sealed_data_is_refused(ring: Ring, blob: bytes) -> None:
    with pytest.raises(SealError, match="is not sealed data"):
        ring.unseal(blob, "referral X")


def test_the_key_id_is_authenticated(ring: Ring) -> None:
    old = ring.seal(b"text", "c")
    new_id = ring.rotate()
    with pytest.raises(SealError, match="was altered"):
        ring.unseal(old[:1] + new_id.encode() + old[9:], "c")


def test_the_key_of_another_ring_is_refused(ring: Ring, tmp_path: Path) -> None:
    other = Ring.load_or_make(tmp_path / "other.json")
    blob = other.seal(b"text", "c")
    with pytest.raises(SealError, match=r"is in no file at .*ring\.json: put that key back"):
        ring.unseal(blob, "c")
    ring.seal(b"makes the file", "c")
    with pytest.raises(SealError, match=r"is not in the key file .*ring\.json: put that key back"):
        ring.unseal(blob, "c")


def test_the_file_is_made_when_first_needed_and_is_the_owners_alone(ring: Ring) -> None:
    assert not ring.exists
    assert not path_of(ring).exists()
    ring.seal(b"text", "c")
    assert ring.exists
    assert stat.S_IMODE(path_of(ring).stat().st_mode) == 0o600
    assert list(path_of(ring).parent.iterdir()) == [path_of(ring)]


def test_two_rings_made_at_once_share_the_key_of_the_first(tmp_path: Path) -> None:
    one, two = (Ring.load_or_make(tmp_path / "ring.json") for _ in range(2))
    blob = one.seal(b"text", "c")
    two.seal(b"other", "c")
    assert one.key_ids == two.key_ids
    assert two.unseal(blob, "c") == b"text"


def test_after_rotation_old_blobs_open_and_new_ones_use_the_new_key(ring: Ring) -> None:
    old = ring.seal(b"old", "c")
    ring.rotate()
    new = ring.seal(b"new", "c")
    assert old[1:9] != new[1:9]
    loaded = Ring.load_or_make(path_of(ring))
    assert (loaded.unseal(old, "c"), loaded.unseal(new, "c")) == (b"old", b"new")
    assert loaded.seal(b"x", "c")[1:9] == new[1:9]
    assert stat.S_IMODE(path_of(ring).stat().st_mode) == 0o600


def test_a_key_added_by_another_process_is_found(ring: Ring) -> None:
    ring.seal(b"makes the file", "c")
    other = Ring.load_or_make(path_of(ring))
    other.rotate()
    before = other.fingerprint(b"content")
    assert ring.unseal(other.seal(b"text", "c"), "c") == b"text"
    assert before in ring.fingerprints(b"content")


def test_a_fingerprint_differs_between_rings_and_is_found_again_after_rotation(ring: Ring, tmp_path: Path) -> None:
    before = ring.fingerprint(b"content")
    assert before != Ring.load_or_make(tmp_path / "other.json").fingerprint(b"content")
    ring.rotate()
    assert before != ring.fingerprint(b"content")
    assert before in ring.fingerprints(b"content")
    assert before not in ring.fingerprints(b"other content")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("not JSON", "is not readable as a ring of keys"),
        ("[]", "is not readable as a ring of keys"),
        ('{"keys": {}}', "is not readable as a ring of keys"),
        ('{"current": "a", "keys": {}}', "is damaged"),
        ('{"current": "12345678", "keys": {"12345678": "AAAA"}}', "is damaged"),
    ],
)
def test_a_file_that_is_no_ring_is_refused(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "ring.json").write_text(content)
    with pytest.raises(SealError, match=told):
        Ring.load_or_make(tmp_path / "ring.json")


async def test_a_referral_is_read_back_as_filed_and_stands_nowhere_in_plain(where: Path | str, ring: Ring) -> None:
    async with await Register.open(where, ring) as register:
        reference = await register.file_referral("MK", 2013, "milton-keynes", CHILD)
        assert await register.referral(reference) == CHILD
        _nothing_plain(where)
    _nothing_plain(where)


def _nothing_plain(where: Path | str) -> None:
    content = stored(where)
    assert b"milton-keynes" in content
    for secret in ("Wilhelmina", "Invented", "2009-05-01", "Näheres", "narrative"):
        assert secret.encode() not in content, secret


async def test_the_files_are_their_owners_alone(tmp_path: Path, ring: Ring) -> None:
    async with await Register.open(tmp_path / "register.db", ring) as register:
        await register.file_referral("MK", 2013, "milton-keynes", CHILD)
        assert modes(tmp_path) == dict.fromkeys(("register.db", "register.db-wal", "register.db-shm"), 0o600)
    assert modes(tmp_path) == {"register.db": 0o600}


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("register.db*")}


async def test_a_blob_moved_to_another_reference_is_refused(where: Path | str, ring: Ring) -> None:
    async with await Register.open(where, ring) as register:
        first = await register.file_referral("MK", 2013, "mk", CHILD)
        second = await register.file_referral("MK", 2013, "mk", {"child": "another"})
        sealed = select(ReferralRow.sealed).where(ReferralRow.reference == first).scalar_subquery()
        swap = update(ReferralRow).where(ReferralRow.reference == second).values(sealed=sealed)
        await register.write(lambda db: db.execute(swap))
        with pytest.raises(SealError, match="altered or sealed for something else"):
            await register.referral(second)


async def test_a_register_with_referrals_does_not_open_without_its_key_and_no_new_key_is_made(
    where: Path | str, tmp_path: Path
) -> None:
    keys = tmp_path / "ring.json"
    async with await Register.open(where, Ring.load_or_make(keys)) as register:
        await register.file_referral("MK", 2013, "mk", CHILD)
    kept = keys.rename(tmp_path / "mislaid.json")
    with pytest.raises(
        RegisterError, match=r"The key file .*ring\.json is missing: put it back; without it 1 referral "
    ):
        await Register.open(where, Ring.load_or_make(keys))
    assert not keys.exists()
    Ring.load_or_make(keys).seal(b"another key", "c")
    with pytest.raises(RegisterError, match=r"The key .* is not in the key file .*: put the right file back"):
        await Register.open(where, Ring.load_or_make(keys))
    kept.rename(keys)
    async with await Register.open(where, Ring.load_or_make(keys)) as register:
        assert await register.referral("MK-2013-001") == CHILD


async def test_a_register_without_referrals_opens_without_a_key(where: Path | str, tmp_path: Path) -> None:
    for _ in range(2):
        async with await Register.open(where, Ring.load_or_make(tmp_path / "ring.json")):
            pass
    assert not (tmp_path / "ring.json").exists()


async def test_the_same_referral_is_recognised_after_a_rotation(where: Path | str, ring: Ring) -> None:
    async with await Register.open(where, ring) as register:
        first = await register.file_referral("MK", 2013, "mk", CHILD)
        ring.rotate()
        assert await register.file_referral("MK", 2013, "mk", dict(reversed(CHILD.items()))) == first
        assert await register.file_referral("MK", 2013, "other board", CHILD) == "MK-2013-002"


def test_the_key_file_is_json_with_the_current_id_and_the_keys(ring: Ring) -> None:
    ring.seal(b"text", "c")
    content = json.loads(path_of(ring).read_text())
    assert set(content) == {"current", "keys"}
    assert content["current"] in content["keys"]
