"""Blocks written as Markdown are read as the same blocks."""

import pytest

from kvdesk.gui.markdown import block_text, parse
from kvdesk.gui.markdown_text import markdown_of
from tests.gui.conversations import EVERYTHING, RISKS


def written(text: str) -> str:
    """Write every block of a text whole."""
    result = ""
    for block in parse(text):
        whole = markdown_of(block, 0, len(block_text(block).encode("utf-16-le")) // 2)
        result += (("\n" if block.is_tight else "\n\n") if result else "") + whole
    return result


@pytest.mark.parametrize(
    "text",
    [
        EVERYTHING,
        RISKS,
        r"Euler: $e^{i\pi} + 1 = 0$, \(a_1\)" + "\n\n$$\n\\frac{a}{b}\n$$",
        "Said[^1] ![a picture](https://p.example/x.png)\n\n[^1]: A note\n\n    with two parts",
        "- a\n  - b\n    - c\n\n      more of c\n- ```py\n  x = 1\n  ```\n10. ten\n    - in ten",
        "> quoted\n>\n> - with a list\n>   - in it\n>\n> end",
        "2 \\* 3, snake_case, \\_x\\_, \\[not\\](a link), <b>, `` a`b ``, \\$5",
        "| a\\|b | *c* |\n|:-:|--:|\n| 1 | `d` |",
        "one  \ntwo\n\n***\n\n### three *four*",
        "````\n```\ncode\n```\n````",
    ],
)
def test_what_is_written_means_the_same(text: str) -> None:
    assert parse(written(text)) == parse(text)


def test_parts_keep_their_marks() -> None:
    (block,) = parse("One **two three** four `five`")
    assert markdown_of(block, 4, 7) == "**two**"
    assert markdown_of(block, 8, 21) == "**three** four `fi`"
    (table,) = parse("| a | b |\n|--|--|\n| 1 | 2 |\n| 3 | 4 |")
    assert markdown_of(table, 4, 7) == "| a | b |\n| -- | -- |\n| 1 | 2 |"
    (formula,) = parse("so $a^2$ is")
    assert markdown_of(formula, 0, 4) == "so $a^2$"
