"""What is the same in many cases is one object, whichever way it is read."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from pydantic import PlainValidator, TypeAdapter, ValidationError

from models.sharing import _MOST, shared


class Reader:
    """Reads a content, and counts how often."""

    def __init__(self) -> None:
        self.read = 0
        self.adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(Annotated[Any, PlainValidator(self.look), shared()])

    def look(self, value: Any) -> Any:
        self.read += 1
        if not isinstance(value, dict):
            raise ValueError("a table is wanted")  # noqa: TRY004 - as pydantic wants it
        return dict(value)

    def __call__(self, value: Any) -> dict[str, Any]:
        return self.adapter.validate_python(value)


def test_the_same_content_is_one_object_and_read_once() -> None:
    read = Reader()
    first = read({"a": 1})
    assert read({"a": 1}) is first
    assert read.adapter.validate_json(json.dumps({"a": 1})) is first
    assert read(first) is first
    assert read.read == 1
    assert read({"a": 2}) == {"a": 2}
    assert read.read == 2


def test_what_comes_back_is_not_looked_at_again_and_what_only_looks_like_it_is() -> None:
    read, content = Reader(), {"a": {1, 2}}  # no JSON: the text of it would not do
    first = read({"a": 1})
    first["later"] = content  # nobody may, and were it looked at again, it would show
    assert read(first) is first
    assert read({"a": 1, "later": content}) is not first


def test_each_field_shares_by_itself() -> None:
    one, other = Reader(), Reader()
    assert one({"a": 1}) is not other(one({"a": 1}))


def test_what_is_wrong_is_said_each_time_and_not_remembered() -> None:
    read = Reader()
    for _ in range(2):
        with pytest.raises(ValidationError, match="a table is wanted"):
            read(3)
    assert read.read == 2


def test_the_oldest_goes_first() -> None:
    read = Reader()
    first = read({"a": 0})
    for number in range(1, _MOST):
        read({"a": number})
    assert read({"a": 0}) is first
    read({"a": _MOST})
    assert read({"a": 0}) is not first
    assert read(dict(first)) == first


def test_many_threads_that_share_get_what_they_gave() -> None:
    read = Reader()

    def ask(number: int) -> bool:
        content = {"a": number * 7919 % (3 * _MOST)}
        return read(content) == content and read(read(content)) == content

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(20_000)))
