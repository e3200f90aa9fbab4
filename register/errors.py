"""What the register refuses. Each message is one sentence that says what is wrong."""

from sqlalchemy.exc import DBAPIError

from models.refusal import Refusal

DatabaseError = DBAPIError
"""What the database itself says: it is down, locked, full, or no database."""


class RegisterDown(ConnectionError):
    """The register's database does not answer, or is none; nothing was changed."""


class RegisterError(Refusal):
    """The register does not take or have this."""


class Gap(RegisterError):
    """Events came that do not follow the last one kept; `missing` is the number of the first that has to come."""

    def __init__(self, reference: str, missing: int, got: int) -> None:
        super().__init__(f"Event {missing} of {reference} is missing: send it before event {got}.")
        self.missing = missing


class Superseded(RegisterError):
    """Events came from a workflow task that the engine gave up and had done again; what that one wrote stands."""

    def __init__(self, reference: str, seq: int) -> None:
        super().__init__(f"Event {seq} of {reference} was made again since: what was written later stands.")


class WrittenMeanwhile(RegisterError):
    """Events of a case were written while the engine was asked for them."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"{reference} was written to while the engine was asked for its events: ask again.")
