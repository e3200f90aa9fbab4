"""The commands of `scr` for letters: a case's with their journeys, those that a person has to see to, bounces."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import printing
from commands.cases import Json, case_view, checked_reference, with_register
from commands.decisions import give
from library import data_folder
from models.refusal import Refusal

if TYPE_CHECKING:
    from register.deliveries import Concern, Delivery
    from register.queries import LetterView
    from register.store import Register

app = typer.Typer(rich_markup_mode=None)
mail_app = typer.Typer(no_args_is_help=True, help="Letters by mail: what came back.")


def _checked(reference: str | None) -> str | None:
    return None if reference is None else checked_reference(reference)


MENDED = "The cause is mended."


@app.command()
def letters(
    reference: Annotated[
        str | None,
        typer.Argument(metavar="REF", callback=_checked, help="The case; with --waiting not needed."),
    ] = None,
    resend: Annotated[str | None, typer.Option("--resend", metavar="LETTER", help="Try a failed one again.")] = None,
    posted: Annotated[
        str | None, typer.Option("--posted", metavar="LETTER", help="It is posted, or given in another way.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="With --resend and --posted: who did it.")] = "",
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Of all cases: those that a person has to see to.")
    ] = False,
    as_json: Json = False,
) -> None:
    """The letters of a case and their journeys; with --waiting those that wait, failed or came back."""
    from register import deliveries, queries

    now = datetime.now(UTC)
    if (resend or posted) and not by.strip():
        raise Refusal("Say with --by who has mended the cause, or posted it, for example --by bm.")
    if waiting:
        with_register(lambda register: _waiting(register, reference, now, as_json))
        return
    if reference is None:
        raise Refusal("Name a case, or ask for --waiting to see which letters of any case need a person.")
    if resend is not None:
        give(reference, {"kind": "resend", "letter": resend, "by": by, "because": MENDED}, as_json)
        return

    async def work(register: "Register") -> None:
        await case_view(register, reference)
        if posted is not None:
            case = (await register.whole(reference)).case
            await deliveries.posted(register, case, posted, by, now)
        found = await queries.letters(register, reference)
        _show(found, await deliveries.journeys(register, reference), data_folder() / "outbox" / reference, as_json)

    with_register(work)


async def _waiting(register: "Register", reference: str | None, at: datetime, as_json: bool) -> None:
    from register import deliveries

    found = await deliveries.concerns(register, at, reference=reference)
    if as_json:
        printing.as_json([one.model_dump(mode="json") for one in found])
    elif not found:
        print("No letter waits for a person.")
    else:
        rows = [(one.reference, one.letter, one.recipient, _what(one)) for one in found]
        printing.table(("Case", "Letter", "To", "What is the matter"), rows)


def _what(one: "Concern") -> str:
    from register.deliveries import CONCERNS

    since = f" (since {printing.moment(one.since)})" if one.since else ""
    return f"{CONCERNS[one.what]}{since}" + (f"\n{one.because}" if one.because else "")


def _show(
    found: "Sequence[LetterView]", journeys: "Mapping[str, Sequence[Delivery]]", folder: Path, as_json: bool
) -> None:
    if as_json:
        stages = {letter: [_plain(stage) for stage in journey] for letter, journey in journeys.items()}
        printing.as_json([{**v.model_dump(mode="json"), "journey": stages.get(v.letter, [])} for v in found])
        return
    if not found:
        print("There are no letters yet.")
        return
    rows = [(printing.day(v.on), v.template, v.recipient, _state(v, journeys.get(v.letter, ()))) for v in found]
    printing.table(("Date", "Letter", "To", "State"), rows)
    printing.not_sent(found[0].reference, [view for view in found if view.state == "failed"])
    if folder.is_dir():
        print(f"\nThose that were sent lie in {folder}.")


def _plain(stage: "Delivery") -> dict[str, object]:
    return stage.model_dump(mode="json", exclude={"reference", "letter"})


def _state(view: "LetterView", journey: "Sequence[Delivery]") -> str:
    """The letter's state in its case, and below it each stage of its journey."""
    from register.deliveries import WORDS

    lines = [
        f"{printing.moment(s.at)}  {WORDS[s.state]} ({s.carrier}){f': {s.detail}' if s.detail else ''}" for s in journey
    ]
    return "\n".join([view.state, *lines])


@mail_app.command()
def bounces(
    folder: Annotated[
        Path | None, typer.Argument(metavar="MAILDIR", help="Where bounces are delivered; SCR_BOUNCES if left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read the bounces that have come in; the worker does it by itself every few minutes."""
    from mail import bounces as reading
    from mail import settings

    where = settings.bounces_of(os.environ if folder is None else {"SCR_BOUNCES": str(folder)})
    if where is None:
        raise Refusal("Name the Maildir into which bounces are delivered, or set SCR_BOUNCES to it.")

    async def work(register: "Register") -> None:
        found = await reading.read(register, where, datetime.now(UTC))
        if as_json:
            printing.as_json(found._asdict())
        else:
            print(f"Written down: {found.noted}. Left there, for they are about no letter of ours: {found.left}.")

    with_register(work)
