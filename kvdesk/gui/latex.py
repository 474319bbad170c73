"""Turns LaTeX into text that can be read: Unicode's signs, raised and lowered parts, fractions in a line.

It is for reading what models write, not for typesetting; what it does not know stays as it was written.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

from kvdesk.gui.latex_signs import ACCENTS, FUNCTIONS, OPERATORS, SIGNS, UNSEEN

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)
_DEEPEST = 24  # groups in groups; deeper ones stay as written
_LARGE = set("∑∏∐∫∬∭∮⋃⋂")
_FRACTIONS = {"frac", "dfrac", "tfrac", "cfrac"}
_UPRIGHT = {"text", "mathrm", "operatorname", "textrm", "mathsf", "mathtt", "textit", "mbox", "texttt"}
_BOLD = {"mathbf", "textbf", "boldsymbol", "bm"}
_STRUCK = {"mathbb", "mathcal", "mathfrak", "mathscr"}
_RAISED = str.maketrans("0123456789+−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_BRACKETS = {
    "pmatrix": "()",
    "bmatrix": "[]",
    "Bmatrix": "{}",
    "vmatrix": "||",
    "Vmatrix": "‖‖",
    "matrix": "  ",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of a formula in one style; `script` is 1 where it is raised and -1 where it is lowered."""

    text: str
    italic: bool = False
    bold: bool = False
    script: int = 0


Pieces = tuple[Piece, ...]


@lru_cache(maxsize=512)
def readable(latex: str) -> Pieces:
    """Return a formula (without its dollars) as styled text; lines are parted by newlines."""
    pieces = _Reader(_TOKEN.findall(latex.strip())).read()
    return _merged(pieces)


class _Reader:
    """Reads tokens from left to right; nothing it meets is an error."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def read(self, ends: tuple[str, ...] = ()) -> list[Piece]:
        """Read up to one of some tokens, which is left, or to the end."""
        pieces: list[Piece] = []
        self._depth += 1
        while self._at < len(self._tokens) and self._tokens[self._at] not in ends:
            token = self._next()
            if token in "^_":
                script = 1 if token == "^" else -1
                pieces += [_moved(piece, script) for piece in self._argument()]
                self._skip_space()
                if self._peek() not in ("^", "_") and _has_limits(pieces):
                    pieces.append(Piece("\u2009"))
            else:
                pieces += self._atom(token, pieces)
        self._depth -= 1
        return pieces

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _skip_space(self) -> None:
        while self._at < len(self._tokens) and self._tokens[self._at].isspace():
            self._at += 1

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _argument(self) -> list[Piece]:
        """Read a group or a single token."""
        self._skip_space()
        return self._atom(self._next(), []) if self._peek() else []

    def _source(self) -> str:
        """Read a group as it is written: the argument of \\text, or a name."""
        self._skip_space()
        if self._peek() != "{":
            return self._next() if self._peek() else ""
        self._at += 1
        depth, start = 1, self._at
        while self._at < len(self._tokens) and depth:
            depth += {"{": 1, "}": -1}.get(self._next(), 0)
        return "".join(self._tokens[start : self._at - (0 if depth else 1)])

    def _atom(self, token: str, before: list[Piece]) -> list[Piece]:
        if token == "{":
            if self._depth > _DEEPEST:
                return [Piece("{")]
            group = self.read(("}",))
            self._at += 1
            return group
        if token.startswith("\\") and len(token) > 1:
            return self._command(token[1:].removesuffix("*"), before)
        if token.isspace() or token == "}":
            return []
        if token == "'":
            return [Piece("′")]
        return [_sign({"-": "−", "~": "\u00a0", "*": "∗"}.get(token, token), before)]

    def _command(self, name: str, before: list[Piece]) -> list[Piece]:
        if self._depth > _DEEPEST:
            return [Piece(f"\\{name}")]
        if name in _FRACTIONS:
            return self._fraction()
        if name == "sqrt":
            return self._root()
        if name in ("binom", "dbinom", "tbinom"):
            return [Piece("C("), *self._argument(), Piece(", "), *self._argument(), Piece(")")]
        if name in _UPRIGHT:
            return [Piece(_plain(self._source()))]
        if name in _STRUCK:
            return [Piece("".join(_struck(letter, name) for letter in self._source()))]
        if name in _BOLD or name in ACCENTS:
            return [_changed(piece, name) for piece in self._argument()]
        if name in ("left", "right"):
            self._skip_space()
            if self._peek() == ".":
                self._at += 1
            return []
        if name == "begin":
            return self._environment(self._source())
        if name in ("label", "tag", "color", "end"):
            written = self._source()
            return [Piece(f"  ({written})")] if name == "tag" else []
        return self._named(name, before)

    def _named(self, name: str, before: list[Piece]) -> list[Piece]:
        if name in UNSEEN:
            return [Piece(UNSEEN[name])] if UNSEEN[name] else []
        if name in FUNCTIONS:
            gap = " " if self._follows_word(before) else ""
            self._skip_space()
            after = self._peek()
            return [Piece(gap + name + (" " if after[:1].isalnum() or after[:1] == "\\" else ""))]
        sign = SIGNS.get(name) or _greek(name)
        return [_sign(sign, before) if sign else Piece(f"\\{name}")]

    @staticmethod
    def _follows_word(before: list[Piece]) -> bool:
        return bool(before) and before[-1].text[-1:].isalnum()

    def _fraction(self) -> list[Piece]:
        over, under = self._argument(), self._argument()
        is_number = _text(over).isdecimal() and _text(under).isdecimal()
        return [*_grouped(over), Piece("⁄" if is_number else "/"), *_grouped(under)]

    def _root(self) -> list[Piece]:
        index: list[Piece] = []
        self._skip_space()
        if self._peek() == "[":
            self._at += 1
            index = [replace(piece, script=1) for piece in self.read(("]",))]
            self._at += 1
        return [*index, Piece("√"), *_grouped(self._argument())]

    def _environment(self, name: str) -> list[Piece]:
        """Read rows up to \\end: a matrix in its brackets, cases behind a brace, anything else as lines."""
        name = name.removesuffix("*")
        if name in ("array", "tabular"):
            self._source()  # the alignment of its columns
        rows: list[list[list[Piece]]] = [[[]]]
        while self._peek() and self._peek() not in ("\\end", "\\end*"):
            rows[-1][-1] += self.read(("&", "\\\\", "\\end", "\\end*"))
            token = self._peek()
            if token == "&":
                self._at += 1
                rows[-1].append([])
            elif token == "\\\\":
                self._at += 1
                rows.append([[]])
        if self._peek():
            self._at += 1
            self._source()
        rows = [row for row in rows if any(_text(cell).strip() for cell in row)]
        if name in _BRACKETS or name == "array":
            brackets = _BRACKETS.get(name, "  ").strip() or ("", "")
            return [Piece(brackets[0]), *_joined(rows, ", ", "; "), Piece(brackets[1])]
        if name == "cases":
            return [Piece("{ "), *_joined(rows, ", ", ";  "), Piece(" }")]
        return _joined(rows, "", "\n")


def _joined(rows: list[list[list[Piece]]], between_cells: str, between_rows: str) -> list[Piece]:
    pieces: list[Piece] = []
    for row_number, row in enumerate(rows):
        if row_number:
            pieces.append(Piece(between_rows))
        for number, cell in enumerate(row):
            if number and cell:
                pieces.append(Piece(between_cells))
            pieces += cell
    return pieces


def _sign(sign: str, before: list[Piece]) -> Piece:
    """Return a sign; one between two things has spaces around it."""
    if sign in OPERATORS:
        last = _text(before)[-1:]
        is_between = last.strip() != "" and last not in "([{,;⟨/" + OPERATORS
        return Piece(f" {sign} " if is_between or sign not in "−+±∓" else sign)
    if sign in (",", ";"):
        return Piece(f"{sign} ")
    return Piece(sign, italic=len(sign) == 1 and sign.isalpha() and (sign.isascii() or sign.islower()))


def _text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _has_limits(pieces: list[Piece]) -> bool:
    """Whether the raised and lowered parts at the end are the limits of a sum, an integral or the like."""
    base = next((piece.text.strip() for piece in reversed(pieces) if not piece.script), "")
    return base[-1:] in _LARGE or base in FUNCTIONS


def _grouped(pieces: list[Piece]) -> list[Piece]:
    """Put parentheses around what would not hold together in a line."""
    text = _text(pieces).strip()
    is_whole = text.isalnum() or (text[:1] == "(" and text[-1:] == ")" and text.count("(") == 1)
    plain = is_whole or len(text) <= 1 or all(piece.script for piece in pieces[1:])
    return pieces if plain else [Piece("("), *pieces, Piece(")")]


def _moved(piece: Piece, script: int) -> Piece:
    """Raise or lower a piece; what is so already takes Unicode's small signs, where there are some."""
    text = piece.text.replace(" ", "")
    if piece.script:
        text = text.translate(_RAISED if piece.script > 0 else _LOWERED)
    return replace(piece, text=text, script=script)


def _plain(text: str) -> str:
    return re.sub(r"\\([%$#&_{} ])", r"\1", text).replace("~", "\u00a0")


def _changed(piece: Piece, name: str) -> Piece:
    """Return a piece in bold, or with an accent on each letter."""
    if name in _BOLD:
        return replace(piece, bold=True, italic=False)
    return replace(piece, text="".join(sign + ACCENTS[name] if sign.strip() else sign for sign in piece.text))


def _struck(letter: str, style: str) -> str:
    """Return a letter of the blackboard, script or Fraktur alphabet."""
    word = {"mathbb": "DOUBLE-STRUCK", "mathfrak": "FRAKTUR"}.get(style, "SCRIPT")
    if style == "mathfrak":
        names = (f"MATHEMATICAL FRAKTUR CAPITAL {letter}", f"BLACK-LETTER CAPITAL {letter}")
    else:
        names = (f"{word} CAPITAL {letter}", f"MATHEMATICAL {word} CAPITAL {letter}")
    return next((sign for name in names if (sign := _lookup(name))), letter)


def _greek(name: str) -> str:
    kind = "CAPITAL" if name[:1].isupper() else "SMALL"
    return _lookup(f"GREEK {kind} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")


def _lookup(name: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return ""


def _merged(pieces: list[Piece]) -> Pieces:
    """Join neighbours of one style, and spaces that met."""
    merged: list[Piece] = []
    for piece in pieces:
        if merged and replace(merged[-1], text="") == replace(piece, text=""):
            merged[-1] = replace(merged[-1], text=merged[-1].text + piece.text)
        elif piece.text:
            merged.append(piece)
    return tuple(replace(piece, text=re.sub(r"(?<=\S) {2,}(?=\S)", " ", piece.text)) for piece in merged)
