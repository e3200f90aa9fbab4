"""What tests share: the product's own library, and a register in a folder of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from library import Library
from register.sealed import Ring
from register.store import Register


@pytest.fixture(scope="session")
def library() -> Library:
    return Library()


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    async with await Register.open(tmp_path / "register.db", Ring.load_or_make(tmp_path / "register.key")) as opened:
        yield opened
