"""Providers of single sign-on for tests: one that can be made to lie, and the mock that others have written."""

import base64
import hmac
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import httpx
import pytest
from desk import until
from engine import free_port
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from visitor import Browser, office_at

from register import accounts
from register.store import Register
from web.frame import COOKIE, Office
from web.provider import Provider

EMAIL = "bm@demoshire-lscb.example.org"
CLIENT, SECRET = "the pages", "a secret: 1+1=2"
KEY, OTHER = (RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}) for _ in range(2))


class Liar:
    """A provider by HTTP that signs on whoever comes, and does what a provider should until a test changes it."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.claims: dict[str, Any] = {"sub": "subject-1", "email": EMAIL}
        self.claims |= {"email_verified": True}
        self.metadata: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.keys: dict[str, Any] = dict(KeySet([KEY]).as_dict(private=False))
        self.asked: dict[str, str] = {}
        self.signed: Any = signed
        self.broken: set[str] = set()

    def answer(self, method: str, path: str, sent: dict[str, str], head: Any) -> tuple[int, Any]:
        """The status and the JSON for a request; for a redirect its address."""
        if path in self.broken:
            return 500, {}
        if path == "/.well-known/openid-configuration":
            ends = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in ("authorization", "token", "userinfo")}
            known = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **ends}
            return 200, known | {"end_session_endpoint": f"{self.issuer}/end?it=1"} | self.metadata
        if path == "/jwks":
            return 200, self.keys
        if path == "/authorization":
            self.asked = sent
            return 302, f"{sent['redirect_uri']}?{urlencode({'code': 'once', 'state': sent['state']})}"
        if path == "/userinfo":
            return 200, {"sub": self.claims["sub"]} | self.userinfo
        return self.token(sent, head) if (method, path) == ("POST", "/token") else (404, {})

    def token(self, sent: dict[str, str], head: Any) -> tuple[int, Any]:
        """An identity token, once, for whoever has begun the sign-on and is the client."""
        said = base64.b64decode(head["authorization"].removeprefix("Basic ")).decode()
        challenge = _base64(sha256(sent["code_verifier"].encode()).digest())
        right = {
            "secret": [unquote_plus(part) for part in said.split(":")] == [CLIENT, SECRET],
            "code": (sent["code"], sent["grant_type"]) == ("once", "authorization_code"),
            "address": sent["redirect_uri"] == self.asked["redirect_uri"],
            "challenge": (challenge, "S256") == (self.asked["code_challenge"], self.asked["code_challenge_method"]),
        }
        if not all(right.values()):
            return 400, {"error": "invalid_grant", "wrong": right}
        now = int(time.time())
        told = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": self.asked["nonce"]}
        claims = {name: value for name, value in (told | self.claims).items() if value is not None}
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": self.signed(claims)}


def handler(liar: Liar) -> type[BaseHTTPRequestHandler]:
    """What puts requests to the provider."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer("GET", dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"])).decode()
            self.answer("POST", {key: values[0] for key, values in parse_qs(sent).items()})

        def answer(self, method: str, sent: dict[str, str]) -> None:
            status, said = liar.answer(method, urlsplit(self.path).path, sent, self.headers)
            body = b"" if status == 302 else json.dumps(said).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("location", said)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    return Handler


def signed(claims: dict[str, Any], key: RSAKey = KEY) -> str:
    """An identity token as it should be."""
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)


def by_another(claims: dict[str, Any]) -> str:
    """One that somebody else has signed."""
    return signed(claims, OTHER)


def unsigned(claims: dict[str, Any]) -> str:
    """One that nobody has signed."""
    return f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."


def by_everybody(claims: dict[str, Any]) -> str:
    """One that is signed with the public key, as if it were a secret."""
    parts = f"{_encoded({'alg': 'HS256', 'kid': 'one'})}.{_encoded(claims)}"
    return f"{parts}.{_base64(hmac.digest(KEY.as_pem(private=False), parts.encode(), 'sha256'))}"


def _encoded(part: dict[str, Any]) -> str:
    return _base64(json.dumps(part).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def lying() -> Iterator[Liar]:
    """A provider that can be made to lie."""
    liar = Liar()
    thread = threading.Thread(target=liar.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield liar
    finally:
        liar.server.shutdown()
        thread.join()
        liar.server.server_close()


@contextmanager
def mocked(folder: Path, *people: dict[str, Any]) -> Iterator[str]:
    """The mock with these people, in a process of its own; its issuer."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    for person in people:
        command += ["--user-claims", json.dumps(person)]
    with (folder / "mock.log").open("wb") as log:
        served = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}/"), "the provider answers")
            yield f"http://127.0.0.1:{port}"
        finally:
            served.terminate()
            served.wait(30)


def answers(address: str) -> bool:
    """Whether something answers there."""
    try:
        return httpx.get(address).is_success
    except httpx.TransportError:
        return False


def provided(register: Register, folder: Path, issuer: str, **more: Any) -> Office:
    """An office whose people sign on at a provider."""
    provider = Provider(issuer, CLIENT, SECRET, more.pop("board", "demo"), "http://pages.example", **more)
    return office_at(register, folder, provider=provider)


async def invited(register: Register, person: str, name: str | None = None) -> None:
    """An account of Demoshire that has no password."""
    await accounts.invite(register, name or person, "demo", person, datetime.now(UTC))


def back(left: httpx.Response) -> str:
    """Where the provider sends a browser back to, that was sent there."""
    assert left.status_code == 303, left.text
    sent = httpx.get(left.headers["location"])
    assert sent.status_code == 302
    return str(sent.headers["location"])


async def sign_on(browser: Browser, path: str = "/sign-on") -> httpx.Response:
    """Go to the provider and come back."""
    return await browser.get(back(await browser.get(path)))


def is_in(browser: Browser) -> bool:
    return COOKIE in browser.client.cookies


def told(browser: Browser, caplog: pytest.LogCaptureFixture, *words: str, status: int = 422) -> None:
    """The page says why somebody was not let in, and so does one line of the log, which names nobody."""
    assert (browser.page.status_code, is_in(browser)) == (status, False), browser.text
    [line] = [record.getMessage() for record in caplog.records if record.name == "web.single_sign_on"]
    for word in words:
        assert word in browser.text
        assert word in line
    assert "Name of your account" in browser.text, "one can sign in with a password"
    for secret in (EMAIL, "@", "subject-", "code=", "Appleyard"):
        assert secret not in line
