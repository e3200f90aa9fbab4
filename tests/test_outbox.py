"""The outbox: a letter goes out once, whole, and says nothing personal about how it failed."""

from datetime import date
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from activities.outbox import compose, write_eml
from models.letters import Correspondent, LetterOrder, RenderedLetter, content_hash

REFERENCE = "SCR-2013-001"
CHAIR = Correspondent(name="Eleri Dŵr-Hughes", email="chair@demoshire-lscb.example.org")
CHIEF = Correspondent(name="Perpetua Wainfleet", email="chief-executive@health.demoshire.example")


def order(template: str) -> LetterOrder:
    return LetterOrder(
        id=f"3-{template}", template=template, sender="chair", recipient="chief-executive[health]", on=date(2013, 7, 23)
    )


def rendered(text: str) -> RenderedLetter:
    subject, html, pdf = f"{REFERENCE}: Reminder", f"<p>{text} Ŵ</p>", b"%PDF-1.7\n\x00\xff"
    return RenderedLetter(
        subject=subject, text=text + "\n", html=html, pdf=pdf, sha256=content_hash(subject, text + "\n", html, pdf)
    )


def sent(tmp_path: Path, text: str) -> tuple[Path, str]:
    return write_eml(tmp_path, REFERENCE, order("reminder"), rendered(text), CHAIR, CHIEF)


def test_letter_goes_out_once(tmp_path: Path) -> None:
    path, first = sent(tmp_path, "Words.")
    content = path.read_bytes()
    again, second = sent(tmp_path, "Other words.")
    assert (again, second) == (path, first)
    assert path.read_bytes() == content
    assert [found.name for found in path.parent.iterdir()] == ["3-reminder.eml"]
    assert path == tmp_path / REFERENCE / "3-reminder.eml"
    assert first == rendered("Words.").sha256


def test_eml_holds_text_html_and_pdf(tmp_path: Path) -> None:
    letter = rendered("Words.")
    path, _ = sent(tmp_path, "Words.")
    message: Any = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert message["Subject"] == letter.subject
    assert message["X-Letter-Id"] == "3-reminder"
    assert message["To"].addresses[0].addr_spec == "chief-executive@health.demoshire.example"
    assert message["From"].addresses[0].display_name == "Eleri Dŵr-Hughes"
    assert message["Date"].datetime.date() == date(2013, 7, 23)
    assert message.get_body(("plain",)).get_content().replace("\r\n", "\n") == letter.text
    assert message.get_body(("html",)).get_content().replace("\r\n", "\n").strip() == letter.html
    (attached,) = message.iter_attachments()
    assert attached.get_content() == letter.pdf
    assert attached.get_content_type() == "application/pdf"


@pytest.mark.parametrize(
    "text",
    [
        "Tŷ Gwyn £5 – “so” 🙂",
        "x" * 3000 + "\n\n" + "ŵ" * 1000,
        "=3D=\n--==letter-0==\n.\n..\nFrom one to another",
        "spaces at the end  \n\tand a tab\t\n\n\nand lines between",
        "a line of another kind\u2028and the next",
    ],
)
def test_any_words_come_through_as_they_were_and_every_mail_system_takes_them(text: str) -> None:
    letter, post = rendered(text), Correspondent(title="The family")
    content = compose(REFERENCE, order("reminder"), letter, CHAIR, post)
    message: Any = message_from_bytes(content, policy=policy.default)
    assert [part.defects for part in message.walk()] == [[], [], [], [], []]
    plain, html, pdf = (part.get_content() for part in message.walk() if not part.is_multipart())
    assert (plain.replace("\r\n", "\n"), html.replace("\r\n", "\n")) == (letter.text, letter.html + "\n")
    assert pdf == letter.pdf
    lines = content.split(b"\r\n")
    assert content.isascii()
    assert max(map(len, lines)) <= 78
    assert not any(b"\r" in line or b"\n" in line for line in lines)


def test_every_attempt_writes_the_same_bytes_and_ids_stay_apart() -> None:
    letter = rendered("Words.")
    post = Correspondent(title="The family")
    first, again = (compose(REFERENCE, order("reminder"), letter, CHAIR, post) for _ in range(2))
    assert first == again
    assert b"\nTo:" not in first
    ids = {
        message_from_bytes(compose(ref, order(name), letter, CHAIR, post), policy=policy.default)["Message-ID"]
        for ref in (REFERENCE, "SCR-2013-002")
        for name in ("reminder", "escalation")
    }
    assert len(ids) == 4


def test_attempt_that_came_second_between_looking_and_writing_loses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, first = sent(tmp_path, "Words.")
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert sent(tmp_path, "Other words.") == (path, first)


@pytest.mark.parametrize("wrong", ["../x", "a/b", "", ".hidden", "a\nb"])
def test_unsafe_names_are_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        write_eml(tmp_path, wrong, order("reminder"), rendered("Words."), CHAIR, CHAIR)
    with pytest.raises(ValueError, match="id"):
        LetterOrder(id=wrong, template="x", sender="a", recipient="b", on=date(2013, 1, 1))


@pytest.mark.parametrize(
    "wrong", ["two words@x.example", "nobody", "a@", "ŵ@x.example", "a@x.example\nBcc: b@x.example"]
)
def test_wrong_address_is_refused_without_quoting_it(wrong: str) -> None:
    letter = rendered("Words.")
    with pytest.raises(ValueError, match=r"should read like") as caught:
        compose(REFERENCE, order("reminder"), letter, CHAIR, Correspondent(name="N", email=wrong))
    assert wrong not in str(caught.value)
