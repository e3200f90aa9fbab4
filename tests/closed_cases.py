"""Closed cases in a data folder without an engine, for tests of what a board keeps. Everything is invented."""

import asyncio
import json
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any

from case_world import Story, wt2013_opening
from desk import Desk
from engine import ROOT
from papers import pdf
from stories import REVIEW, closing

from register import papers
from register.sealed import Ring
from register.store import Register

CASE = "DEMO-2013-001"
REPORT = pdf("The overview report of Child N.")
REFERRAL = {
    "board": "demo",
    "received": "2013-07-08",
    "why": "Invented.",
    "agencies": ["health", "police"],
    "child": {"name": "Ottoline Nobody-Here", "born": "2009-01-02"},
    "referrer": {"name": "Percival Invented", "title": "Head teacher"},
}
SAID = ("--by", "bm", "--because", "It is so.")


def reviewed(report: bytes = REPORT, closed: str | None = "2013-11-01") -> Story:
    """A review of 2013 to its end, managed by the Business Manager of Demoshire, its report published on 11 October."""
    opening = wt2013_opening()
    holders = opening.holders | {"business-manager": ("bm",)}
    story = Story(opening.model_copy(update={"holders": holders}))
    about: dict[str, Any] = {"sha256": sha256(report).hexdigest(), "size": len(report), "media_type": "application/pdf"}
    for on, step, outcome in REVIEW:
        if step == "publish":
            story.file("overview-report", on, **about)
        searched = story.searched(story.case.procedure.steps[step.partition("[")[0]], outcome)
        story.decide(step, outcome, on, searched=searched)
    if closed is not None:
        story.take(closing(closed), closed)
    return story


def keep(data: Path, story: Story, report: bytes = REPORT) -> None:
    """Have the register of a data folder hold this case, its referral, its report and a letter."""

    async def run() -> None:
        ring = Ring.load_or_make(data / "register.key")
        async with await Register.open(data / "register.db", ring) as register:
            if not (data / "outbox").exists():
                assert await register.file_referral("DEMO", 2013, "demo", REFERRAL) == CASE
            await register.append(CASE, story.log)
            await papers.keep(register, CASE, report, "report.pdf")
            for content in story.contents[1:]:  # the first is the report itself
                await papers.keep(register, CASE, content, "")

    data.mkdir(exist_ok=True)
    asyncio.run(run())
    (data / "outbox" / CASE).mkdir(parents=True, exist_ok=True)
    (data / "outbox" / CASE / "decide-1.eml").write_text("Dear Sir", encoding="utf-8")


def short(desk: Desk) -> None:
    """Have Demoshire keep its records for ten years, with a board file of its own in the data folder."""
    text = (ROOT / "boards" / "demo.toml").read_text(encoding="utf-8")
    schedule = "\n".join(f'{kind} = "120 months"' for kind in ("referral", "identifiers", "documents", "letters"))
    (desk.data / "boards").mkdir(parents=True)
    (desk.data / "boards" / "demo.toml").write_text(f"{text}\n[retention]\n{schedule}\n", encoding="utf-8")


def done(desk: Desk, *words: object) -> Any:
    """What a command that succeeds prints."""
    said = desk(*words)
    assert (said.code, said.err) == (0, ""), said
    return json.loads(said.out) if "--json" in words else said.out


def everything(desk: Desk) -> list[str]:
    """All that the register keeps, as SQL."""
    with sqlite3.connect(f"file:{desk.data / 'register.db'}?mode=ro", uri=True) as db:
        rows = list(db.iterdump())
    db.close()
    return rows
