"""The tables of the register. `events` is the truth, append-only; `cases`, `steps` and `letters` are read from it.

Days known only by month or year are kept as ISO text; moments are UTC and aware.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as UTC. A moment without a zone is refused: it would be another one elsewhere."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into UTC; ValueError for one without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"The moment {value} has no time zone: give it one, such as UTC.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back in UTC (SQLite keeps no zone)."""
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


class Base(DeclarativeBase):
    """What all tables share: names for constraints, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text, datetime: Moment, date: Date, bytes: LargeBinary}  # noqa: RUF012


_UNSETTLED = text("confirmed < last_seq")


class CaseRow(Base):
    """A case as its events leave it. `last_seq` and `head` are the number and hash of its last event.

    `confirmed` is the number of the last one that the engine has for certain; `written_at` when any were last written.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_state_next_due", "state", "next_due"),
        Index("ix_cases_board_state_reference", "board", "state", "reference", "stage"),
        Index("ix_cases_board_notified_on", "board", "notified_on", "state"),
        Index("ix_cases_board_state_opened_at", "board", "state", "opened_at"),
        Index("ix_cases_unsettled", "written_at", sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED),
    )

    reference: Mapped[str] = mapped_column(primary_key=True)
    board: Mapped[str]
    procedure: Mapped[str]
    procedure_title: Mapped[str]
    outline: Mapped[dict[str, Any]] = mapped_column(JSON)  # of the procedure: step -> [row of the guidance, stage]
    stage: Mapped[str | None]
    state: Mapped[str]
    how: Mapped[str | None]
    notified_on: Mapped[str]
    opened_at: Mapped[datetime]
    waiting_for: Mapped[list[str]] = mapped_column(JSON)
    next_due: Mapped[date | None]
    last_seq: Mapped[int]
    head: Mapped[str]
    confirmed: Mapped[int] = mapped_column(server_default="0")
    written_at: Mapped[datetime | None]


_CLOSING = text("kind = 'closed'")


class EventRow(Base):
    """An event. `body` is its canonical JSON; the columns beside it only repeat what the body says."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_closings", "at", sqlite_where=_CLOSING, postgresql_where=_CLOSING),)

    reference: Mapped[str] = mapped_column(ForeignKey("cases.reference"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    on: Mapped[str]
    kind: Mapped[str]
    step: Mapped[str | None]
    body: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]


class UnderWayRow(Base):
    """A decision that somebody gives to the engine and then writes down; what stays here, somebody did not."""

    __tablename__ = "under_way"

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str]
    at: Mapped[datetime]


class StepRow(Base):
    """A step or group of a case as it is owed now, or how it ended. `row` is the row of the guidance."""

    __tablename__ = "steps"
    __table_args__ = (Index("ix_steps_reference_state_owner", "reference", "state", "owner"),)

    reference: Mapped[str] = mapped_column(ForeignKey("cases.reference"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str]
    item: Mapped[str | None]
    row: Mapped[str | None]
    title: Mapped[str]
    owner: Mapped[str]
    state: Mapped[str]
    round: Mapped[int]
    since: Mapped[str]
    due: Mapped[date | None]
    act_by: Mapped[date | None]
    expires: Mapped[datetime | None]
    outcome: Mapped[str | None]
    met_on: Mapped[str | None]
    late_by: Mapped[int | None]


class LetterRow(Base):
    """A letter of a case: to which role, from which, and what became of it."""

    __tablename__ = "letters"
    __table_args__ = (Index("ix_letters_state", "state"),)

    reference: Mapped[str] = mapped_column(ForeignKey("cases.reference"), primary_key=True)
    letter: Mapped[str] = mapped_column(primary_key=True)
    template: Mapped[str]
    recipient: Mapped[str]
    sender: Mapped[str]
    step: Mapped[str | None]
    on: Mapped[date]
    state: Mapped[str]
    sha256: Mapped[str | None]
    because: Mapped[str | None]
    sent_at: Mapped[datetime | None]


class ReferralRow(Base):
    """A referral. Everything that identifies the child, the family or the referrer is in `sealed`, and only there."""

    __tablename__ = "referrals"
    __table_args__ = (
        UniqueConstraint("series", "number"),
        UniqueConstraint("board", "content_hash"),
    )

    reference: Mapped[str] = mapped_column(primary_key=True)
    series: Mapped[str]
    number: Mapped[int]
    board: Mapped[str]
    content_hash: Mapped[str]
    key_id: Mapped[str]
    sealed: Mapped[bytes]  # empty once disposed of: the row stays, so that its number is never given out again
    disposed_on: Mapped[date | None]


class ProclaimedRow(Base):
    """A day that became a non-working day of a calendar after its file was written."""

    __tablename__ = "proclaimed"

    calendar: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str]


class ContentRow(Base):
    """The content of a document of a case, under seal with the name it came with; `size` is in bytes."""

    __tablename__ = "document_content"

    reference: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    size: Mapped[int]
    name_sealed: Mapped[bytes]
    sealed: Mapped[bytes]


class IdentifierRow(Base):
    """What identifies people in a case beside its referral, for the search before publication: one list, under seal."""

    __tablename__ = "identifiers"

    reference: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key_id: Mapped[str]
    sealed: Mapped[bytes]


class JournalRow(Base):
    """An entry of a board's journal. `body` is its canonical JSON; the columns beside it only repeat what it says."""

    __tablename__ = "journal"

    board: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str]
    body: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]


class JournalHeadRow(Base):
    """Where a board's journal ends: the number and the hash of its last entry."""

    __tablename__ = "journal_heads"

    board: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int]
    head: Mapped[str]


class MemberRow(Base):
    """A role that a person holds in a case now; what lists and pages ask first."""

    __tablename__ = "members"
    __table_args__ = (Index("ix_members_person", "person"),)

    reference: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class AccountRow(Base):
    """Somebody who may sign in, for one board, as one of its people; without a password until they have set one."""

    __tablename__ = "accounts"

    name: Mapped[str] = mapped_column(primary_key=True)
    board: Mapped[str]
    person: Mapped[str]
    administrator: Mapped[bool]
    password_hash: Mapped[str | None]
    closed_at: Mapped[datetime | None]


class InvitationRow(Base):
    """A link with which an account's password is set, once; kept as the hash of its token."""

    __tablename__ = "invitations"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"))
    expires_at: Mapped[datetime]


class SessionRow(Base):
    """Somebody signed in; kept as the hash of the cookie's token. `csrf` is what their forms carry."""

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"))
    csrf: Mapped[str]
    seen_at: Mapped[datetime]
    single_sign_on: Mapped[bool] = mapped_column(server_default=false())


class IdentityRow(Base):
    """Who an account is at a provider of single sign-on: the hash of the issuer and the subject, which is theirs."""

    __tablename__ = "identities"

    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), primary_key=True)
    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject_hash: Mapped[str] = mapped_column(unique=True)


class SignOnRow(Base):
    """A single sign-on under way, to end once at a path of the pages; kept as the hash of its browser's token."""

    __tablename__ = "sign_ons"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    expires_at: Mapped[datetime]


class ReadRow(Base):
    """That somebody has looked at something of a case, or tried to and might not; append-only."""

    __tablename__ = "reads"

    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    account: Mapped[str]
    reference: Mapped[str]
    what: Mapped[str]
    because: Mapped[str | None]


class DraftRow(Base):
    """A referral that somebody is writing and has not sent, under seal; nobody but their account sees it."""

    __tablename__ = "drafts"

    id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"))
    key_id: Mapped[str]
    sealed: Mapped[bytes]
    updated_at: Mapped[datetime]


class FeedRow(Base):
    """The address of an account's calendar feed; kept as the hash of its token. An account has one at most."""

    __tablename__ = "feeds"

    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime]


class DeliveryRow(Base):
    """A stage on a letter's journey after it was written; append-only. `detail` is a sentence that names nobody."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_state_at", "state", "at"),)

    # No foreign key: a letter may be on its way before the register has the event that owes it.
    reference: Mapped[str] = mapped_column(primary_key=True)
    letter: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    carrier: Mapped[str]
    state: Mapped[str]
    detail: Mapped[str | None]


class WordingRow(Base):
    """A version of a letter's wording that a board's people saved in the browser; append-only.

    `source` holds wording and nothing personal; without one the letter has the wording of the files again.
    """

    __tablename__ = "wordings"

    board: Mapped[str] = mapped_column(primary_key=True)
    letter: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    by: Mapped[str]
    because: Mapped[str]
    source: Mapped[str | None]
