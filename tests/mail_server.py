"""A real mail server for tests, on a port of this machine: STARTTLS with its own certificate, sign-in, refusals."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "letters", "not a secret"


@dataclass
class MailServer:
    """What the server does, and what it has got. Answers in `rcpt` and `data` are given once each, first to last."""

    port: int = 0
    rcpt: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    drop_after_data: int = 0
    got: list[tuple[str, str, bytes]] = field(default_factory=list)
    connections: int = 0

    async def handle_EHLO(  # noqa: N802 - the names are aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        session.host_name = name
        self.connections += 1
        return answers

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt:
            return self.rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data:
            return self.data.pop(0)
        content = envelope.original_content
        assert content is not None
        self.got.append((str(envelope.mail_from), *envelope.rcpt_tos, content))  # type: ignore[arg-type]
        if self.drop_after_data:
            self.drop_after_data -= 1
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()  # taken, and gone before saying so
        return "250 OK"


def _signed_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@asynccontextmanager
async def mail_server(
    tls: ssl.SSLContext | None = None, *, implicit: bool = False, port: int = 0
) -> AsyncIterator[MailServer]:
    """A server that runs in this loop. With `tls` it takes letters after STARTTLS and sign-in alone.

    `implicit`: TLS from the first byte instead, and nobody has to sign in.
    """
    server = MailServer()
    options: dict[str, Any] = {"hostname": "mail.example", "loop": asyncio.get_running_loop()}
    if tls is not None and not implicit:
        options |= {"tls_context": tls, "require_starttls": True}
        options |= {"authenticator": _signed_in, "auth_required": True}
    listening = await asyncio.get_running_loop().create_server(
        lambda: SMTP(server, **options), "127.0.0.1", port, ssl=tls if implicit else None
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()


def certificates(folder: Path, name: str = "localhost") -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS with a certificate for a name, and the file of the authority that signed it."""
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An invented authority")])
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.DNSName(name), *([x509.IPAddress(IPv4Address("127.0.0.1"))] if name == "localhost" else [])]
    alternative = (x509.SubjectAlternativeName(names), False)
    own_key = (x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), False)
    its_key = (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False)
    may_sign = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    root = _certificate(issuer, issuer, authority, authority, (x509.BasicConstraints(True, None), True), own_key,
                        (may_sign, True))  # fmt: skip
    leaf = _certificate(whose, issuer, server, authority, alternative, its_key)
    secret = server.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    ca, chain = folder / f"{name}-ca.pem", folder / f"{name}.pem"
    ca.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    chain.write_bytes(secret + leaf.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    return context, ca


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: Any, signer: Any, *extensions: tuple[x509.ExtensionType, bool]
) -> x509.Certificate:
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    for extension, critical in extensions:
        built = built.add_extension(extension, critical)
    return built.sign(signer, hashes.SHA256())
