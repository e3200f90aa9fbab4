"""Wording that a board writes for its letters: pieces of Jinja and Markdown put together as they come."""

from random import Random
from typing import Any

from activities import markup, samples
from activities.rendering import LetterError, Renderer
from activities.safe_rendering import make
from fuzz.driver import Target
from fuzz.mutating import text_of
from library import Library

PIECES = (
    *(
        "{{ reference }}",
        "{{ due | day }}",
        "{{ board.name }}",
        "{{ child.name }}",
        "{{ action.title }}",
        "{{ nobody }}",
    ),
    *("{% if due %}", "{% else %}", "{% endif %}", "{% for one in due_dates %}", "{{ one.title }}", "{% endfor %}"),
    *(
        "{% for i in range(9) %}",
        "{{ i }}",
        "{% set x = 1 %}",
        "{{ x }}",
        "{% macro m(a) %}",
        "{% endmacro %}",
        "{{ m(1) }}",
    ),
    *('{% include "parts/due.md.j2" %}', '{% include "../../register.key" %}', '{% extends "letter" %}', "{% raw %}"),
    *(
        "{% endraw %}",
        "{# a #}",
        "{{ ''.__class__.__mro__ }}",
        "{{ board.model_dump() }}",
        "{{ self }}",
        "{{ cycler }}",
    ),
    *("{{ namespace(a=1).a }}", "{{ (1).__add__(1) }}", "{{ 'a' * 9 }}", "{{ 1 / 0 }}", "{{ [1][9] }}", "{{ none.a }}"),
    *("{{ reference | attr('upper') }}", "{{ reference | safe }}", "{{ due_dates | map(attribute='title') | join }}"),
    *("{{ reference.format }}", "{{ '{0.__class__}'.format(1) }}", "{{ dict(a=1) | tojson }}", "{{ board }}", "{{"),
    *("}}", "{%", "%}", "{{ reference | day }}", "{{ reference | nofilter }}", "{% do %}", "{% import 'x' as y %}"),
    *("# Heading", "**bold**", "*", "- a list", "1. first", "> quoted", "```", "`code`", "| a | b |", "[a](http://x)"),
    *(
        "![a](file:///etc/passwd)",
        "<script>",
        "&amp;",
        "\\",
        "---",
        "===",
        "\n\n",
        "\n",
        "  ",
        "\t",
        "é",
        "🧒",
        "#eval(1)",
    ),
    *('#read("/etc/passwd")', "$x^2$", "@a", "<label>", "A sentence of words.", "Dear Sir", "+++", "[^1]", "\u202e"),
)
FRONTS = (
    'title = "A trial"', 'title = "{{ who }}"', 'title = "{{ child.name }}"', "", "title = 1",
    'title = "a"\nchild = true',
    'title = "a"\nsigned_by = "x"\ndear = "All"\nclosing = "Bye"', "title =", 'other = "a"', 'title = "{{ 1 / 0 }}"',
)  # fmt: skip


class Wordings(Target):
    """A wording, filled in with an invented case, in this process."""

    name, share = "wording of letters", 15.0
    refusals = (LetterError,)
    seconds = 4.0

    def __init__(self) -> None:
        library = Library()
        board = library.board("demo")
        self._folders, self._fonts = library.letter_folders("demo"), library.fonts
        self._renderer = Renderer(self._folders, self._fonts)
        self._given = [given for name in ("reminder", "action-plan-sign-up") for given in samples.whole(board, name)]
        self._files = [path.read_text(encoding="utf-8") for path in library.letters("demo").values()]

    def make(self, random: Random) -> tuple[str, int]:
        """A wording, and the number of the invented case."""
        case = random.randrange(len(self._given))
        if random.random() < 0.4:
            return text_of(random, self._files, PIECES), case
        body = random.choice(("", " ", "\n")).join(random.choices(PIECES, k=random.randint(1, 12)))
        return f"+++\n{random.choice(FRONTS[:2] if random.random() < 0.8 else FRONTS)}\n+++\n{body}\n", case

    def give(self, made: Any) -> None:
        wording, number = made
        order, reference, board, sender, recipient, child = self._given[number].arguments
        _, title, blocks = self._renderer.fill(order, reference, board, sender, recipient, child, wording)
        text, data = markup.to_text(blocks), markup.to_data(blocks)
        assert title == " ".join(title.split())
        assert "<script" not in markup.to_html(blocks)
        assert "__class__" not in text or "__class__" in wording
        assert data


class Letters(Wordings):
    """The same, as the service makes it: set as a PDF in a child process with limits."""

    name, share = "letters in a child", 0.25

    def give(self, made: Any) -> None:
        wording, number = made
        letter = make(self._folders, self._fonts, wording, [self._given[number]])[0]
        assert letter.pdf.startswith(b"%PDF-")
