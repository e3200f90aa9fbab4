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
def list_accounts(
    board: Annotated[str | None, typer.Option("--board", help="Only those of a board, for example demo.")] = None,
    as_json: Json = False,
) -> None:
    """The accounts: whose they are, whether they are open, and whether single sign-on knows them."""
    from register import accounts

    of = Library(data_folder()).board(board).id if board is not None else None

    async def work(register: "Register") -> None:
        found = await accounts.accounts(register, of)
        if as_json:
            printing.as_json([account._asdict() for account in found])
            return
        rows = [
            (
                *(a.name, a.board, a.person, "administrator" if a.administrator else ""),
                *("open" if a.open else "closed", "single sign-on" if a.linked else ""),
            )
            for a in found
        ]
        printing.table(("Account", "Board", "Person", "", "State", ""), rows)

    with_register(work)


@app.command()
def close(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account's name, for example bm.")],
    as_json: Json = False,
) -> None:
    """Sign an account out and let it sign in no more; `scr account invite` opens it anew."""
    from register import accounts

    async def work(register: "Register") -> None:
        await accounts.close_account(register, name, datetime.now(UTC))
        if as_json:
            printing.as_json({"account": name, "open": False})
        else:
            print(f"{name} is closed and signed out. The roles of the person in cases stay as they are.")

    with_register(work)
