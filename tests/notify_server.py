"""A GOV.UK Notify of one's own: its HTTP protocol (v2), with signed tokens, references and statuses."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from notifications_python_client.authentication import decode_jwt_token, get_token_issuer
from notifications_python_client.errors import TokenError

SERVICE, SECRET = "8f8b2b0e-5a8e-4f0e-9a54-3f6f0d0c5b11", "1d5b7c9e-2f4a-4a6b-8c8d-0e1f2a3b4c5d"
KEY = f"invented-{SERVICE}-{SECRET}"
TEMPLATE = "5c1f2f38-52b7-4f7b-9a43-97d1f6a0e2aa"


@dataclass
class NotifyServer:
    """What it was sent, and how it answers. `refusals` are given once each: status, name of the error, message."""

    url: str = ""
    sent: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, str, str]] = field(default_factory=list)
    drop_after_sending: int = 0
    asked: int = 0
    requests: int = 0

    def set(self, status: str) -> None:
        """Say how far the letters are."""
        for one in self.sent:
            one["status"] = status

    def post(self, kind: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if kind == "email" and body["template_id"] != TEMPLATE:
            return _refusal(400, "BadRequestError", "Template not found")
        if kind == "email" and "@" not in body["email_address"]:
            return _refusal(400, "ValidationError", "email_address Not a valid email address")
        if kind == "letter" and not base64.b64decode(body["content"]).startswith(b"%PDF-"):
            return _refusal(400, "BadRequestError", "Letter content is not a valid PDF")
        status = "created" if kind == "email" else "pending-virus-check"
        one = {"id": str(uuid4()), "type": kind, "reference": body.get("reference"), "status": status, "body": body}
        self.sent.append(one)
        return 201, {"id": one["id"], "reference": one["reference"]}

    def get(self, reference: str) -> dict[str, Any]:
        self.asked += 1
        found = [one for one in self.sent if one["reference"] == reference]
        plain = [{name: one[name] for name in ("id", "type", "reference", "status")} for one in found]
        return {"notifications": plain, "links": {}}


def _refusal(status: int, error: str, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"status_code": status, "errors": [{"error": error, "message": message}]}


@contextmanager
def notify_server() -> Iterator[NotifyServer]:
    """The server on a port of this machine, in threads of its own."""
    server = NotifyServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            if self._known():
                parts = urlsplit(self.path)
                assert parts.path == "/v2/notifications"
                self._answer(200, server.get(parse_qs(parts.query)["reference"][0]))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self._known():
                return
            answer = server.post(self.path.removeprefix("/v2/notifications/"), body)
            if server.drop_after_sending:
                server.drop_after_sending -= 1
                self.close_connection = True  # taken in, and gone before saying so
                return
            self._answer(*answer)

        def _known(self) -> bool:
            """Whether the request is to be looked at: its token is right, and no refusal is due."""
            server.requests += 1
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            try:
                assert get_token_issuer(token) == SERVICE  # type: ignore[no-untyped-call]
                decode_jwt_token(token, SECRET)  # type: ignore[no-untyped-call]
            except (TokenError, AssertionError):
                self._answer(*_refusal(403, "AuthError", "Invalid token: API key not found"))
                return False
            if server.refusals:
                self._answer(*_refusal(*server.refusals.pop(0)))
                return False
            return True

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
