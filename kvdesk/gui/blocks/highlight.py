"""Colours code a slice at a time, because a long listing takes longer than a frame. Knows nothing of Qt."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from functools import cache

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Token
from pygments.util import ClassNotFound

MOST_CHARACTERS = 200_000  # beyond it code stays in one colour

Runs = list[tuple[int, int, str]]  # start and length in code points, syntax role

_ROLES = (
    (Token.Comment, "comment"),
    (Token.Literal.String, "string"),
    (Token.Literal.Number, "number"),
    (Token.Keyword.Type, "type"),
    (Token.Keyword.Constant, "number"),
    (Token.Keyword, "keyword"),
    (Token.Operator.Word, "keyword"),
    (Token.Name.Function, "function"),
    (Token.Name.Class, "type"),
    (Token.Name.Builtin, "type"),
    (Token.Name.Decorator, "function"),
    (Token.Name.Tag, "keyword"),
    (Token.Name.Attribute, "function"),
    (Token.Generic.Deleted, "deleted"),
    (Token.Generic.Inserted, "string"),
    (Token.Generic.Heading, "keyword"),
    (Token.Generic.Subheading, "function"),
)


class Lexers:
    """Finds lexers on threads of their own, because the first of a language takes up to 50 ms to build."""

    def __init__(self) -> None:
        self._found: dict[str, Future[Lexer | None]] = {}

    def find(self, language: str) -> "Future[Lexer | None]":
        """Return the lexer of a fence's language, None when there is none, as soon as it is built."""
        name = language.lower()
        if name not in self._found:
            future = self._found[name] = Future()
            threading.Thread(target=_build_lexer, args=(name, future), name="lexer", daemon=True).start()
        return self._found[name]


def _build_lexer(name: str, future: "Future[Lexer | None]") -> None:
    try:
        future.set_result(get_lexer_by_name(name, stripnl=False, ensurenl=False))
    except ClassNotFound:
        future.set_result(None)


@cache
def role_of(token: object) -> str:
    """Return the syntax role of a Pygments token type; "" for plain text."""
    return next((role for kind, role in _ROLES if token in kind), "")


class Highlighter:
    """Lexes one text; `lines[n]` are the runs of line n once it is reached."""

    def __init__(self, code: str, lexer: "Future[Lexer | None] | None") -> None:
        self.lines: list[Runs] = [[]]
        self.is_done = lexer is None or len(code) > MOST_CHARACTERS
        self._code = code
        self._lexer = lexer
        self._tokens: Iterator[tuple[int, object, str]] | None = None
        self._column = 0

    def _begin(self) -> Iterator[tuple[int, object, str]] | None:
        """Return the tokens once the lexer is there."""
        if self._lexer is None or not self._lexer.done():
            return None
        lexer = self._lexer.result()
        return iter(()) if lexer is None else iter(lexer.get_tokens_unprocessed(self._code))

    def work(self, budget_s: float) -> bool:
        """Lex for about `budget_s` seconds; True when lines were added or finished."""
        if self._tokens is None:
            self._tokens = self._begin()
        if self.is_done or self._tokens is None:
            return False
        end = time.perf_counter() + budget_s
        for _, token, value in self._tokens:
            self._add(role_of(token), value)
            if time.perf_counter() >= end:
                return True
        self.is_done = True
        return True

    def _add(self, role: str, value: str) -> None:
        for number, part in enumerate(value.split("\n")):
            if number:
                self.lines.append([])
                self._column = 0
            if part:
                if role:
                    self.lines[-1].append((self._column, len(part), role))
                self._column += len(part)
