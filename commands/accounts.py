"""The commands of `scr` for those who sign in to the pages."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from commands import printing
from commands.cases import Json, with_register
from commands.publications import BoardId
from library import Library, data_folder

if TYPE_CHECKING:
    from register.store import Register

app = typer.Typer(no_args_is_help=True, help="Who may sign in to the pages.")


@app.command()
def invite(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="A person of the board's file, for example bm.")],
    board: BoardId,
    administrator: Annotated[bool, typer.Option("--administrator", help="They may invite others.")] = False,
    as_json: Json = False,
) -> None:
    """Let somebody of the board sign in: the path of the link with which they set a password, once, within 3 days."""
    from register import accounts

    of = Library(data_folder()).board(board)
    of.person(person)  # refuses one whom the board does not have

    async def work(register: "Register") -> None:
        name = await accounts.name_for(register, of.id, person)
        token = await accounts.invite(register, name, of.id, person, datetime.now(UTC), administrator=administrator)
        if as_json:
            printing.as_json({"account": name, "link": f"/welcome/{token}"})
        else:
            print(f"{name} sets a password, once and within 3 days, at /welcome/{token}")

    with_register(work)


@app.command("list")
def list_accounts(board: BoardId, as_json: Json = False) -> None:
    """The accounts of a board."""
    from register import accounts

    of = Library(data_folder()).board(board)

    async def work(register: "Register") -> None:
        found = await accounts.accounts(register, of.id)
        if as_json:
            printing.as_json([account._asdict() for account in found])
            return
        rows = [
            (a.name, a.person, "administrator" if a.administrator else "", "open" if a.open else "closed")
            for a in found
        ]
        printing.table(("Account", "Person", "", "State"), rows)

    with_register(work)
