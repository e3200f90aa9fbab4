"""Every obligation is carried out by something, and walked by a test that exists."""

import ast
import re
from functools import cache

import pytest
from mission import PAGE, ROOT, Mission, Row, page
from test_scenarios import NAMES

from library import Library

ROWS = [row for _, rows in Mission().seeds() for row in rows]


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_there_are_as_many_rows_as_the_five_documents_have() -> None:
    counts = {seed: sum(row.id.startswith(seed) for row in ROWS) for seed in ("000", "001", "002", "003", "004")}
    assert counts == {"000": 11, "001": 20, "002": 21, "003": 9, "004": 14}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_is_carried_out_and_walked(row: Row) -> None:
    assert row.done_by
    assert row.tests
    for place in row.done_by:
        assert (ROOT / place.partition(":")[0]).is_file(), place
    for test in row.tests:
        file, _, name = test.partition("::")
        function, _, parameter = name.rstrip("]").partition("[")
        assert (ROOT / file).is_file(), test
        assert not function or function in functions(file), test
        assert not parameter or parameter in {*NAMES, *Library().procedures()}, test


def test_no_row_of_a_shipped_procedure_is_missing_from_the_page() -> None:
    named = {step.row for name in Library().procedures() for step in Library().procedure(name).step}
    seeds = {row for row in named if re.match(r"00[0-4]-", row)}
    assert seeds - {row.id for row in ROWS} == set()


def test_the_page_is_what_it_would_be_now() -> None:
    again = "write it anew: .venv/bin/python -m tests.mission"
    assert PAGE.read_text(encoding="utf-8") == page(Mission()), again
