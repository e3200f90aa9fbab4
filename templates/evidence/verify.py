"""Checks the bundle that this file lies in: `python3 verify.py`. It needs Python 3.10 or later and nothing else.

Each event's hash covers the event and the hash before it; documents and letters are held against the hashes that the
events name; every file is held against manifest.json. Prints "sound" (exit code 0), or what is wrong (1).
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def sha256(content: bytes) -> str:
    """The SHA-256 of a content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def lines_of(name: str) -> list[str]:
    """The lines of a file of the bundle."""
    return (HERE / name).read_text(encoding="utf-8").split("\n")[:-1]


def files(manifest: dict[str, Any]) -> Iterator[str]:
    """Every file is there, unchanged, and no other is."""
    there = {path.relative_to(HERE).as_posix() for path in HERE.rglob("*") if path.is_file()}
    for name, wanted in manifest["files"].items():
        if name not in there:
            yield f"{name} is missing"
        elif sha256((HERE / name).read_bytes()) != wanted:
            yield f"{name} was changed"
    for name in sorted(there - set(manifest["files"]) - {"manifest.json"}):
        if "__pycache__" not in name:
            yield f"{name} does not belong to the bundle"


def chain(manifest: dict[str, Any]) -> Iterator[str]:
    """Each event follows the one before it, and the last one is the head."""
    events, links = lines_of("events.jsonl"), [json.loads(line) for line in lines_of("chain.jsonl")]
    if len(events) != len(links):
        yield f"there are {len(events)} events and {len(links)} hashes"
    known = sha256(manifest["reference"].encode())
    for number, (event, link) in enumerate(zip(events, links, strict=False), 1):
        if json.loads(event)["seq"] != number or link["seq"] != number:
            yield f"event {number} does not have its number"
        if link["previous"] != known:
            yield f"event {number} does not follow the one before it"
        if sha256(bytes.fromhex(link["previous"]) + event.encode()) != link["hash"]:
            yield f"event {number} was changed"
        known = link["hash"]
    if known != manifest["head"] or len(links) != manifest["last_event"]:
        yield "the last event is not the head that the manifest names"


def documents(manifest: dict[str, Any]) -> Iterator[str]:
    """Each document is one that an event names, and each that was kept is there."""
    events = [json.loads(line) for line in lines_of("events.jsonl")]
    filed = {event["decision"]["sha256"] for event in events if event["kind"] == "filed"}
    for entry in manifest["documents"]:
        if entry["sha256"] not in filed:
            yield f"no event names the document {entry['document']}, version {entry['version']}"
        if entry["file"] and sha256((HERE / entry["file"]).read_bytes()) != entry["sha256"]:
            yield f"{entry['file']} is not the document that was filed"
    if filed - {entry["sha256"] for entry in manifest["documents"]}:
        yield "a document that an event names is not in the manifest"


def letters(manifest: dict[str, Any]) -> Iterator[str]:
    """Each letter says what was sent, by the hash that its event names."""
    events = [json.loads(line) for line in lines_of("events.jsonl")]
    sent = {event["letter"]: event["sha256"] for event in events if event["kind"] == "letter sent"}
    for letter, wanted in sent.items():
        if letter in manifest["letters_not_kept"]:
            continue
        path = HERE / "letters" / f"{letter}.eml"
        if not path.exists():
            yield f"the letter {letter} is missing"
        elif content_of(path) != wanted:
            yield f"the letter {letter} is not what was sent"


def content_of(path: Path) -> str:
    """The hash of what a recipient reads: of subject, text, HTML and PDF, without anything of how it travels."""
    message = message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=policy.SMTP)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    pdf = next(message.iter_attachments(), None)
    if text is None or html is None or pdf is None:
        return ""
    read = [part.get_content().replace("\r\n", "\n").encode() for part in (text, html)]
    parts = [str(message["Subject"]).encode(), *read, pdf.get_content()]
    return sha256("\n".join(sha256(part) for part in parts).encode())


def main() -> int:
    """Check everything and say how it is."""
    found: list[str] = []
    try:
        manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
        for check in (files, chain, documents, letters):
            found += check(manifest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        found.append(f"the bundle cannot be read to its end ({type(error).__name__}: {error})")
    for fault in found:
        print(f"Wrong: {fault}.")
    if not found:
        print(f"sound: {manifest['reference']}, {manifest['last_event']} events, head {manifest['head']}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
