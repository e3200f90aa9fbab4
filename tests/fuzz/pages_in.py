"""Requests to the pages and the public register, in process: no error of ours, no trace, the register stays whole."""

import asyncio
import contextlib
import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
from reading_world import CASE, post, read_by, signed_in, told
from starlette.applications import Starlette
from starlette.routing import Route

from fuzz.driver import Target
from fuzz.mutating import ODD, a_word, text_of
from library import Library
from register import audit
from starter import Unreachable
from web.frame import COOKIE
from web.public import build_public

PEOPLE = (("bm", "demo"), ("imr-author[health]", "demo"), ("a-stranger", "demo"), ("bm", "milton-keynes"))
FIELDS = (
    *("id", "stage", "by", "on-day", "on-month", "on-year", "made_on-day", "made_on-month", "made_on-year", "because"),
    *(
        "outcome",
        "step",
        "person",
        "role",
        "agency",
        "period",
        "to-day",
        "to-month",
        "to-year",
        "agreed_with",
        "letter",
    ),
    *(
        "name",
        "password",
        "next",
        "again",
        "reference",
        "source",
        "do",
        "based_on",
        "then",
        "why",
        "procedure",
        "found",
    ),
    *("received-day", "received-month", "received-year", "agencies", "born-day", "email", "choice", "year", "page"),
    *(
        "document",
        "file",
        "action",
        "title",
        "due-day",
        "how",
        "day-day",
        "day-month",
        "day-year",
        "evidence",
        "looked",
    ),
)
VALUES = (
    *(
        "4d6f7c1e-8f0a-4a52-9f0e-2f6d0b9a1c11",
        "check",
        "form",
        "confirm",
        "bm",
        "1",
        "12",
        "8",
        "2013",
        "29",
        "2",
        "31",
    ),
    *("health", "chair", "recommend", "scr", "done", "1 month", CASE, "save", "pdf", "yes", "So it is.", "wt2013", "/"),
    *("//evil.example", "x@y.example", "wt2013 {{ 7*7 }}", "recommend scr", "2013-08-09", "overview-report", "-1", "0"),
)
KINDS = (
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "application/json",
    "",
    "text/plain",
    "x",
)
CSRF = "token of forms"
PARTS = (
    b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\ntoken of forms\r\n',
    b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n4d6f7c1e-8f0a-4a52-9f0e-2f6d0b9a1c11\r\n',
    b'--b\r\nContent-Disposition: form-data; name="document"\r\n\r\noverview-report\r\n',
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nA\r\n',
    b'--b\r\nContent-Disposition: form-data; name="because"\r\n\r\nSo.\r\n--b--\r\n',
)


class Pages(Target):
    """Anything that a browser, or something that is none, may send."""

    name, share = "pages", 8
    refusals = ()
    seconds = 8.0

    def __init__(self) -> None:
        self._runner, self._stack = asyncio.Runner(), contextlib.AsyncExitStack()
        self._folder = TemporaryDirectory()
        self._story = told()
        self._letters = post(self._story, Path(self._folder.name) / "outbox")
        self._runner.run(self._open())
        self.statuses: dict[int, int] = {}

    async def _open(self) -> None:
        folder = Path(self._folder.name)
        self._reader = await self._stack.enter_async_context(read_by(folder, self._story))
        office = self._reader.app.state.office
        office.engine = self._no_engine
        self._register = self._reader.register
        for who, board in PEOPLE:
            await signed_in(self._register, f"{who} of {board}", who, board)
        public = build_public(self._register, Library(folder).board("demo"), folder / "public")
        self._apps: tuple[Starlette, Starlette] = (self._reader.app, public)
        self._paths = sorted({route.path for route in self._reader.app.routes if isinstance(route, Route)})

    async def _no_engine(self) -> Any:
        raise Unreachable("The engine does not answer.")

    def make(self, random: Random) -> dict[str, Any]:
        """A request: which application, method, address, headers, body."""
        public = random.random() < 0.05
        path = quote("/" + random.choice((*ODD, "reviews.json", "documents/x", "../register.db", "index.html")))
        if not public:
            path = self._path(random)
        if random.random() < 0.3:
            pairs = [(random.choice(FIELDS), self._value(random)) for _ in range(random.randint(1, 4))]
            path += "?" + "&".join(f"{name}={_quoted(value)}" for name, value in pairs)
        if random.random() < 0.05:
            path = path.encode("ascii", "replace").decode() + random.choice(("%ff", "%00", "%2e%2e/", "//", "?%", ";a"))
        method = random.choice(("GET", "GET", "POST", "POST", "POST", "HEAD", "PUT", "OPTIONS", "TRACE", "DELETE"))
        headers, body = self._headers(random), b""
        if method == "POST":
            kind = random.choice(KINDS[:1] * 6 + KINDS)
            body = self._multipart(random) if kind.startswith("multipart") else self._form(random)
            headers["content-type"] = kind
        return {"public": public, "method": method, "path": path, "headers": headers, "body": body}

    def _path(self, random: Random) -> str:
        path, keys = random.choice(self._paths), [*self._story.case.steps, "chronology[health]"]
        known = {
            "reference": (CASE, CASE, CASE, CASE, CASE.lower(), "DEMO-2013-999"),
            "letter": (*self._letters.values(), "reminder", "decision-notice"), "key:path": keys,
            "kind": ("xlsx", "file", "decide", "assign", "extend"),
            "version:int": ("1", "2", "0", "9" * 20, "9" * 5000), "draft": ("1", "x"),
            "question": ("received", "child"),
            "id": ("wt2013", "wt2023"), "account": ("bm@demo",), "decision": ("decision-1", "decision-40"),
            "token": ("x",),
        }  # fmt: skip
        for name, values in known.items():
            odd = random.random() < 0.15
            value = random.choice(ODD) if odd and not name.endswith("int") else random.choice(values)
            path = path.replace("{" + name + "}", quote(value, safe="", errors="replace")[:8_000])
        return path

    def _value(self, random: Random) -> str:
        return random.choice(ODD) if random.random() < 0.3 else random.choice(VALUES)

    def _headers(self, random: Random) -> dict[str, str]:
        who, board = random.choice(PEOPLE[:1] * 4 + PEOPLE)
        cookie = random.choice(
            (f"{COOKIE}={who} of {board}",) * 8 + ("", f"{COOKIE}=", f"{COOKIE}={a_word(random)}", "=;;=", "a")
        )
        if random.random() < 0.2:
            cookie += "; " + random.choice(
                ("scr_known=%%%", "scr_known=AAAA", "scr_form=x", "scr_known=é", 'scr_sign_on="')
            )
        headers = {"cookie": cookie}
        if random.random() < 0.2:
            names = ("origin", "host", "x-forwarded-for", "range", "accept", "if-modified-since", "accept-encoding")
            odd = random.choice((*ODD[:20], "http://127.0.0.1:8233", "bytes=0-1", "-5", "0", "x", "99999999999"))
            headers[random.choice(names)] = odd[:200]
        return headers

    def _form(self, random: Random) -> bytes:
        if random.random() < 0.1:
            return json.dumps({"payloads": [{"data": self._value(random)[:100]}]}).encode("utf-8", "replace")
        pairs = [("csrf", CSRF)] * (random.random() < 0.95) + [("id", VALUES[0])] * (random.random() < 0.7)
        pairs += [(random.choice(FIELDS), self._value(random)) for _ in range(random.randint(0, 14))]
        body = "&".join(f"{name}={_quoted(value)}" for name, value in pairs)
        return (text_of(random, [body]) if random.random() < 0.05 else body).encode("utf-8", "replace")

    def _multipart(self, random: Random) -> bytes:
        parts = list(PARTS)
        if random.random() < 0.4:
            parts[random.randrange(len(parts))] = random.choice(ODD).encode()
        if random.random() < 0.4:
            return text_of(random, [b"".join(parts).decode()]).encode()
        return b"".join(random.sample(parts, k=random.randint(1, len(parts))) if random.random() < 0.2 else parts)

    def give(self, made: Any) -> None:
        status, text = self._runner.run(self._ask(made))
        self.statuses[status] = self.statuses.get(status, 0) + 1
        assert status < 500 or status == 503, f"{status}: {made['method']} {made['path'][:200]}"
        assert "Traceback (most" not in text

    async def _ask(self, made: dict[str, Any]) -> tuple[int, str]:
        """What the application answers; the request goes to it as the server would hand it on, unmended by a client."""
        raw, _, query = made["path"].partition("?")
        path = httpx.URL(scheme="http", host="pages", path="/").copy_with(raw_path=raw.encode()).path if raw else "/"
        headers = {"host": "pages", **made["headers"]}
        if made["body"]:
            headers.setdefault("content-length", str(len(made["body"])))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": made["method"],
            "scheme": "http",
            "path": path, "raw_path": raw.encode(), "query_string": query.encode("ascii", "replace"), "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
            "client": ("127.0.0.1", 5000), "server": ("pages", 80),
        }  # fmt: skip
        waiting = [{"type": "http.request", "body": made["body"], "more_body": False}]
        status, said = 0, bytearray()

        async def receive() -> dict[str, Any]:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal status, said
            status = message.get("status", status)
            said += message.get("body", b"")

        await self._apps[made["public"]](scope, receive, send)
        return status, said[:20_000].decode("utf-8", "replace")

    def end(self) -> None:
        faults = self._runner.run(audit.verify(self._register))
        self._runner.run(self._stack.aclose())
        self._runner.close()
        self._folder.cleanup()
        assert not faults, faults
        assert len(self.statuses) > 4, self.statuses


def _quoted(value: str) -> str:
    return quote_plus(value, errors="replace")[:6_000]
