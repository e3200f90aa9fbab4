"""The provider of single sign-on: its settings and what is asked of it. It knows nothing of accounts.

OpenID Connect Core 1.0, section 3.1 (authorization code), with PKCE (RFC 7636) and discovery.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self
from urllib.parse import quote, urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import AfterValidator, BaseModel

from models.refusal import Refusal

ALGORITHMS = frozenset(f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512))
"""How an identity token may be signed: by a key that the provider alone has."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ."""
PATIENCE = 10.0
"""Seconds that the provider has to answer."""
BACK = "/sign-on/back"
"""Where the provider sends people back to, as it is registered there."""


class Unavailable(Refusal):
    """The provider does not answer, or not as OpenID Connect has it; the message is one sentence."""


class SignOn(NamedTuple):
    """What one sign-on must bring back unchanged, all of it made from the token that its browser keeps."""

    token: str

    @property
    def state(self) -> str:
        """What the provider's answer carries."""
        return self._made("state")

    @property
    def nonce(self) -> str:
        """What the identity token carries."""
        return self._made("nonce")

    @property
    def verifier(self) -> str:
        """What shows that whoever fetches the token has begun the sign-on (PKCE)."""
        return self._made("verifier")

    def _made(self, what: str) -> str:
        digest = hashlib.sha256(f"{what} {self.token}".encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _safe(url: str) -> str:
    """An address by https, or one of this machine."""
    parts = urlsplit(url)
    if not parts.hostname or not (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1"))
    ):
        raise ValueError(f"{url!r} is no address that begins with https://")
    return url


Address = Annotated[str, AfterValidator(_safe)]


class Metadata(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: Address
    token_endpoint: Address
    jwks_uri: Address
    userinfo_endpoint: Address | None = None
    end_session_endpoint: Address | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)


@dataclass(frozen=True)
class Provider:
    """A provider that vouches for the people of one board.

    `public` is the address of the pages; `claim` names a person by the e-mail of the board's file; without
    `passwords` a linked account signs in through the provider alone.
    """

    issuer: str
    client: str
    secret: str = field(repr=False)
    board: str
    public: str
    label: str = "Sign in with your work account"
    claim: str = "email"
    passwords: bool = True

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self | None:
        """The provider of the environment's variables; None where there is none. Raises Refusal."""
        issuer = given.get("SCR_OIDC_ISSUER")
        if not issuer:
            return None
        for name, value in (("SCR_OIDC_ISSUER", issuer), ("SCR_PUBLIC_URL", given.get("SCR_PUBLIC_URL", ""))):
            try:
                _safe(value)
            except ValueError as error:
                raise Refusal(f"{name} is wrong: {error}; single sign-on needs one.") from error
        passwords = given.get("SCR_LOCAL_SIGN_IN") or "on"
        if passwords not in ("on", "off"):
            raise Refusal(f"SCR_LOCAL_SIGN_IN is {passwords!r}: say on or off.")
        client = given.get("SCR_OIDC_CLIENT")
        if not client:
            raise Refusal("SCR_OIDC_CLIENT is missing: give the client id that the provider has for these pages.")
        return cls(
            issuer=issuer,
            client=client,
            secret=_secret(given),
            board=given.get("SCR_BOARD") or "demo",
            public=given["SCR_PUBLIC_URL"].rstrip("/"),
            label=given.get("SCR_OIDC_LABEL") or cls.label,
            claim=given.get("SCR_OIDC_CLAIM") or cls.claim,
            passwords=passwords == "on",
        )

    async def leave_for(self, sign_on: SignOn) -> str:
        """The address of the provider at which somebody signs on. Raises Unavailable."""
        asked = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": self.public + BACK,
            "scope": "openid email profile",
            "state": sign_on.state,
            "nonce": sign_on.nonce,
            "code_challenge": create_s256_code_challenge(sign_on.verifier),
            "code_challenge_method": "S256",
        }
        return _with((await self._metadata()).authorization_endpoint, asked)

    async def sign_out(self) -> str | None:
        """The address at which the provider's own session ends, if it has one. Raises Unavailable."""
        ends = (await self._metadata()).end_session_endpoint
        asked = {"client_id": self.client, "post_logout_redirect_uri": f"{self.public}/sign-in"}
        return _with(ends, asked) if ends else None

    async def claims(self, sign_on: SignOn, code: str) -> dict[str, Any]:
        """What the provider says of who has signed on, checked: the subject and the claim that names them.

        Raises Refusal for what is not true of this sign-on, Unavailable.
        """
        found = await self._metadata()
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.public + BACK}
        # RFC 6749, 2.3.1: id and secret are encoded before they are put together
        known = httpx.BasicAuth(quote(self.client, safe=""), quote(self.secret, safe=""))
        proof = {"code_verifier": sign_on.verifier}
        tokens = await self._ask("POST", found.token_endpoint, data=sent | proof, auth=known)
        keys = await self._ask("GET", found.jwks_uri)
        claims = self._checked(tokens, keys, found, sign_on)
        if self.claim in claims or not found.userinfo_endpoint:
            return claims
        bearer = {"Authorization": f"Bearer {tokens.get('access_token')}"}
        more = await self._ask("GET", found.userinfo_endpoint, headers=bearer)
        if more.get("sub") != claims["sub"]:
            raise Refusal(_UNTRUE)
        return more

    def email(self, claims: Mapping[str, Any]) -> str:
        """The e-mail of the board's person that the claims name. Raises Refusal where they name nobody for certain."""
        value = claims.get(self.claim)
        if not isinstance(value, str) or not value:
            raise Refusal(f"The sign-on did not say who you are: it sent no {self.claim}; tell your administrator.")
        if self.claim == "email" and claims.get("email_verified") is not True:
            raise Refusal("The sign-on has not verified your e-mail address; ask those who run it to do so.")
        return value

    def _checked(
        self, tokens: Mapping[str, Any], keys: dict[str, Any], found: Metadata, sign_on: SignOn
    ) -> dict[str, Any]:
        """The claims of the identity token, whose signature, issuer, audience, times and nonce are right."""
        allowed = ALGORITHMS.intersection(found.id_token_signing_alg_values_supported)
        registry = JWSRegistry(algorithms=sorted(allowed), strict_check_header=False)
        wanted = {name: {"essential": True, "value": value} for name, value in self._whose.items()}
        known = {"nonce": sign_on.nonce, "client_id": self.client, "access_token": tokens.get("access_token")}
        try:
            token = jwt.decode(str(tokens.get("id_token")), KeySet.import_key_set(keys), registry=registry)  # type: ignore[arg-type]
            claims = CodeIDToken(token.claims, token.header, wanted, known)
            claims.validate(leeway=LEEWAY)
        except (JoseError, ValueError, KeyError, TypeError) as error:  # all of them: it comes from elsewhere
            raise Refusal(_UNTRUE) from error
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise Refusal(_UNTRUE)
        return dict(claims)

    @property
    def _whose(self) -> dict[str, str]:
        return {"iss": self.issuer, "aud": self.client}

    async def _metadata(self) -> Metadata:
        """What the provider says of itself, asked each time: people sign on now and then, and keys change."""
        path = "/.well-known/openid-configuration"
        try:
            found = Metadata.model_validate(await self._ask("GET", self.issuer.rstrip("/") + path))
        except ValueError as error:
            raise error if isinstance(error, Refusal) else Unavailable(_SILENT) from error
        if found.issuer != self.issuer:
            raise Unavailable(_SILENT) from ValueError(f"it calls itself {found.issuer}, not {self.issuer}")
        return found

    async def _ask(self, method: str, address: str, **sent: Any) -> dict[str, Any]:
        """A JSON object that the provider answers with. Raises Refusal where it refuses what was sent, Unavailable."""
        try:
            async with httpx.AsyncClient(timeout=PATIENCE) as client:
                answer = await client.request(method, address, **sent)
            answer.raise_for_status()
            found = answer.json()
        except httpx.HTTPStatusError as error:
            refused = method == "POST" and error.response.status_code in (400, 401)
            raise (Refusal(_REFUSED) if refused else Unavailable(_SILENT)) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unavailable(_SILENT) from error
        if not isinstance(found, dict):
            raise Unavailable(_SILENT)
        return found


_SILENT = "Single sign-on does not answer as it should; try again later, or sign in with your name and password."
_REFUSED = "The sign-on was not accepted; start again, and tell your administrator if it is refused once more."
_UNTRUE = "The sign-on came back with an identity that cannot be trusted; start again, or tell your administrator."


def _secret(given: Mapping[str, str]) -> str:
    file = given.get("SCR_OIDC_SECRET_FILE")
    try:
        secret = Path(file).read_text(encoding="utf-8").strip() if file else given.get("SCR_OIDC_SECRET")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"SCR_OIDC_SECRET_FILE is {file!r}, which cannot be read: name a file of text.") from error
    if not secret:
        raise Refusal("The client's secret is missing: give it in SCR_OIDC_SECRET, or a file in SCR_OIDC_SECRET_FILE.")
    return secret


def _with(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"
