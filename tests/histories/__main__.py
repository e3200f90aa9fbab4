"""Plays the 2013 review on a time-skipping server and keeps its history at each stage in this folder.

Run it (`python -m tests.histories`) when a change of the workflow is meant to break replay and no case is running
under the old code; otherwise keep the old histories and guard the change with `workflow.patched`.
"""

import asyncio
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # where the tests' own modules are

from engine import Play, playing  # noqa: E402
from stories import REVIEW, closing  # noqa: E402

from models.decisions import Recuse  # noqa: E402

STAGES = {1: "1-consideration", 3: "2-decision", 6: "3-review", 11: "4-publication", 16: "5-action-plan"}


async def _keep(play: Play, name: str) -> None:
    history = await play.history()
    (HERE / f"{name}.json").write_text(history.to_json() + "\n", encoding="utf-8")


async def make() -> None:
    """Write the history of each stage, of a closed case, and of one that has continued as new."""
    async with playing() as play, play.worker():
        for number, entry in enumerate(REVIEW, start=1):
            await play.play(entry)
            if number in STAGES:
                await _keep(play, STAGES[number])
        await play.say(closing("2013-10-11"))
        await play.handle.result()
        await _keep(play, "6-closed")
    async with playing(renew_after=8) as play, play.worker():
        await play.play(*REVIEW[:4])
        await _keep(play, "7-renewed")
    async with playing() as play, play.worker():
        play.office.register_up = False
        await play.signal({"kind": "wish"})
        await play.decide("recommend", "scr")
        play.office.register_up = True
        await play.settle()
        await _keep(play, "8-register-down-and-a-refusal")
    async with playing() as play, play.worker():
        await play.play(*REVIEW[:15])
        await play.say(Recuse(**play.by_manager(), person="panel"))
        await _keep(play, "9-documents-and-a-recusal")


if __name__ == "__main__":
    asyncio.run(make())
