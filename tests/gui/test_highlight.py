"""Colours of code: the right roles on the right lines, and the same in slices as at once."""

from concurrent.futures import Future
from itertools import count

import pytest
from pygments.lexer import Lexer

from kvdesk.gui.blocks.highlight import MOST_CHARACTERS, Highlighter, Lexers, Runs

PYTHON = 'def f(x: int) -> str:\n    """Say."""\n    return "a" + str(1)  # end\n'


def lexer_of(language: str) -> "Future[Lexer | None]":
    future = Lexers().find(language)
    future.result(timeout=30)
    return future


def coloured(code: str, language: str, budget_s: float = 1.0) -> list[Runs]:
    job = Highlighter(code, lexer_of(language))
    while not job.is_done:
        assert job.work(budget_s)
    return job.lines


def words(code: str, language: str) -> list[tuple[str, str]]:
    lines = code.split("\n")
    found = coloured(code, language)
    return [(line[a : a + n], role) for line, runs in zip(lines, found, strict=True) for a, n, role in runs]


def test_roles_stand_where_the_words_are() -> None:
    found = words(PYTHON, "Python")
    assert ("def", "keyword") in found
    assert ("f", "function") in found
    assert ("1", "number") in found
    assert ("# end", "comment") in found
    assert any(text == '"""Say."""' and role == "string" for text, role in found)


def test_a_role_over_several_lines_is_cut_at_their_ends() -> None:
    assert words("/* one\ntwo */\nint x;", "c")[:2] == [("/* one", "comment"), ("two */", "comment")]


@pytest.mark.parametrize("language", ["", "nosuchlanguage", "text"])
def test_what_has_no_lexer_stays_plain(language: str) -> None:
    job = Highlighter(PYTHON, lexer_of(language) if language else None)
    while not job.is_done:
        job.work(1.0)
    assert not any(job.lines)


def test_a_slice_at_a_time_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count()
    monkeypatch.setattr("kvdesk.gui.blocks.highlight.time.perf_counter", lambda: float(next(ticks)))
    job = Highlighter(PYTHON, lexer_of("python"))
    steps = 0
    while not job.is_done:
        job.work(0.5)
        steps += 1
    assert steps > 10
    assert job.lines == coloured(PYTHON, "python")


def test_a_huge_listing_stays_plain() -> None:
    assert Highlighter("x" * (MOST_CHARACTERS + 1), lexer_of("c")).is_done
