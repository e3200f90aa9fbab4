"""What the register refuses. Each message is one sentence that says what is wrong."""

from sqlalchemy.exc import DBAPIError

from models.refusal import Refusal

DatabaseError = DBAPIError
"""What the database itself says: it is down, locked, full, or no database."""


class RegisterError(Refusal):
    """The register does not take or have this."""


class Gap(RegisterError):
    """Events came that do not follow the last one kept; `missing` is the number of the first that has to come."""

    def __init__(self, reference: str, missing: int, got: int) -> None:
        super().__init__(f"Event {missing} of {reference} is missing: send it before event {got}.")
        self.missing = missing
