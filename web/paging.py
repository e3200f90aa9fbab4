"""Long lists in pages: which rows a page shows, and the links to the others."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request


class Paged(NamedTuple):
    """One page of a list; `offset` is that of its first row, numbers of pages begin at 1.

    `more`: there are more rows than `total`, which are not listed.
    """

    number: int
    size: int
    total: int
    path: str
    asked: Mapping[str, str]
    more: bool = False

    @property
    def offset(self) -> int:
        """How many rows lie before this page."""
        return (self.number - 1) * self.size

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(1, -(-self.total // self.size))

    def says(self, one: str, many: str) -> str:
        """How many there are, and which of them the page shows."""
        counted = f"{'More than ' if self.more else ''}{self.total:,} {one if self.total == 1 else many}"
        if self.last == 1:
            return counted
        return f"{counted}: {self.offset + 1:,} to {min(self.offset + self.size, self.total):,} on this page"

    def links(self) -> dict[str, Any] | None:
        """The links to other pages for the pagination component; None where there is one page only."""
        if self.last == 1:
            return None
        near = {1, self.last, *range(self.number - 1, self.number + 2)}
        items: list[dict[str, Any]] = []
        for number in sorted(number for number in near if 1 <= number <= self.last):
            if items and int(items[-1]["number"]) < number - 1:
                items.append({"ellipsis": True, "number": number - 1})
            items.append({"number": number, "href": self._href(number), "current": number == self.number})
        found: dict[str, Any] = {"items": items, "landmarkLabel": "Pages"}
        if self.number > 1:
            found["previous"] = {"href": self._href(self.number - 1)}
        if self.number < self.last:
            found["next"] = {"href": self._href(self.number + 1)}
        return found

    def _href(self, number: int) -> str:
        return f"{self.path}?{urlencode({**self.asked, 'page': number})}"


def paged(request: Request, count: int, size: int, most: int | None = None) -> Paged:
    """The page of a list of `count` rows that an address asks for; the nearest there is.

    `most` is how many rows are listed, where a count above it says only that there are more.
    """
    asked = {name: value for name, value in request.query_params.items() if name != "page" and value}
    text = request.query_params.get("page", "1")
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    listed = count if most is None else min(count, most)
    page = Paged(1, size, listed, request.url.path, asked, count > listed)
    return page._replace(number=min(max(wanted, 1), page.last))
