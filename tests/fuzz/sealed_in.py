"""What the Temporal Web UI and the engine hand to the codec."""

import asyncio
import json
import zlib
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from fuzz.driver import Target
from fuzz.mutating import bytes_of, text_of, tree_of
from payloads import SealingCodec, readable
from register.sealed import Ring

CONTEXT = "a case in the engine"


class NotPayloads(ValueError):
    """The one way in which `readable` refuses."""


class SealedPayloads(Target):
    """Payloads in JSON, altered ones, and such as hold what nobody would have sealed."""

    name, share = "payloads", 12
    refusals = (NotPayloads,)

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()
        self._ring = Ring.load_or_make(Path(self._folder.name) / "register.key")
        self._codec = SealingCodec(self._ring)
        plain = [
            Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(text).encode())
            for text in ("short", "long " * 200)
        ]
        self._sealed = asyncio.run(self._codec.encode(plain))
        self._plain = [payload.SerializeToString() for payload in plain]
        sent = json_format.MessageToJson(Payloads(payloads=[*self._sealed, *plain]))
        self._texts, self._trees = [sent], [json.loads(sent)]

    def make(self, random: Random) -> bytes:
        """What is sent to the codec."""
        match random.randrange(4):
            case 0:
                return text_of(random, self._texts).encode("utf-8", "surrogatepass")
            case 1:
                return json.dumps(tree_of(random, self._trees)).encode("utf-8", "surrogatepass")
            case 2:
                altered = bytes_of(random, [payload.data for payload in self._sealed])
            case _:
                held = bytes_of(random, self._plain)
                packed = random.choice((b"p" + held, b"z" + zlib.compress(held), b"z" + held, held))
                altered = self._ring.seal(packed, CONTEXT)
        payload = Payload(metadata={"encoding": b"binary/encrypted"}, data=altered)
        return json_format.MessageToJson(Payloads(payloads=[payload])).encode()

    def give(self, made: Any) -> None:
        try:
            opened, number = readable(self._ring, made.decode())
        except UnicodeDecodeError as error:
            raise NotPayloads("Not UTF-8.") from error
        except ValueError as error:
            if str(error) == "These are no payloads.":
                raise NotPayloads(str(error)) from error
            raise
        assert len(json_format.Parse(opened, Payloads()).payloads) == number

    def end(self) -> None:
        self._folder.cleanup()
