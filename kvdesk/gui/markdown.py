"""Turns Markdown into a flat list of blocks, so that the conversation can lay out only what is seen.

Containers (quotes, list items, footnotes) are not nested widgets: each block knows the chain it stands in.
Raw HTML is text, a footnote stands where it is written. Reference definitions are off: they could change text
that has long been drawn, which would make a streamed answer differ from the finished one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from kvdesk.gui.math_rules import math_plugin
from kvdesk.gui.spans import Span, Spans, formula_spans, spans_of, spans_text

Container = Literal["quote", "item", "note", "math"]
Alignment = Literal["left", "center", "right"]

_BULLETS = "•◦▪"
_TASKS = {"[ ] ": "☐", "[x] ": "☑", "[X] ": "☑"}
_ALIGNMENT: dict[str, Alignment] = {"text-align:center": "center", "text-align:right": "right"}


@dataclass(frozen=True, slots=True)
class Block:
    """What every block has: the containers it stands in, its marker, and the space before it."""

    containers: tuple[Container, ...] = ()
    marker: str = ""  # "•" or "3." on the first block of a list item, a footnote's label on its first
    is_tight: bool = False  # follows its predecessor in a list without a blank line


@dataclass(frozen=True, slots=True)
class TextBlock(Block):
    """A paragraph, or a heading of `level` 1 to 6."""

    spans: Spans = ()
    level: int = 0


@dataclass(frozen=True, slots=True)
class CodeBlock(Block):
    """Lines of code without their last newline; `language` is the fence's first word."""

    code: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class TableBlock(Block):
    """A table; the first row is its header. Every row has as many cells as there are alignments."""

    alignments: tuple[Alignment, ...] = ()
    rows: tuple[tuple[Spans, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleBlock(Block):
    """A horizontal line."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A block with the line where its unit starts: its top-level block, or item of a top-level list.

    `item` is the unit's place in its list and `number` the number it is printed with; None elsewhere.
    """

    unit_line: int
    block: Block
    item: int | None = None
    number: int | None = None


def clean(text: str) -> str:
    """Return text as the parser wants it; the result of a text is the sum of those of its pieces."""
    return text.replace("\r", "").replace("\0", "\ufffd")


def new_parser() -> MarkdownIt:
    """Return a CommonMark parser with tables, strikethrough, footnotes, formulas; without what is refused."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    # A reference is one even before its note has come, and a note stays where it is: text once drawn stays.
    parser.use(footnote_plugin, inline=False, move_to_end=False, always_match_refs=True).use(math_plugin)
    return parser.disable(["reference", "html_block", "html_inline"])


def parse(text: str) -> tuple[Block, ...]:
    """Turn a whole text into its blocks."""
    text = clean(text)
    return tuple(placed.block for placed in place_blocks(new_parser().parse(text), text))


@dataclass(frozen=True, slots=True)
class Continued:
    """The list item that a cut text begins with: the number it is printed with, and whether it is tight."""

    number: int
    is_tight: bool


def place_blocks(tokens: Sequence[Token], text: str, continued: Continued | None = None) -> list[Placed]:
    """Turn markdown-it's tokens into placed blocks; `continued` when `text` begins inside a list."""
    return list(_Builder(text.split("\n"), continued).build(tokens))


@dataclass(slots=True)
class _List:
    ordered: bool
    next_number: int
    is_lone: bool  # has one item only
    items: int = 0


@dataclass(slots=True)
class _Builder:
    """One pass over the tokens; its fields are where the pass stands."""

    lines: list[str]
    continued: Continued | None
    containers: list[Container] = field(default_factory=list)
    lists: list[_List] = field(default_factory=list)
    marker: str = ""
    top_line: int = 0
    unit_line: int = 0
    item_line: int = 0
    item: int | None = None
    number: int | None = None
    is_lone: bool = False  # the item that was opened last is its list's only one

    def build(self, tokens: Sequence[Token]) -> Iterator[Placed]:
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.level == 0 and token.map and token.nesting >= 0:
                self.top_line = self.unit_line = token.map[0]
                self.item = self.number = None
            if token.type == "table_open":
                end = _closing(tokens, at)
                yield self._placed(_table(tokens[at:end]), token)
                at = end
            elif token.type in ("paragraph_open", "heading_open"):
                yield self._text(token, tokens[at + 1])
                at += 2
            elif token.type in ("fence", "code_block"):
                language = (token.info.split() or [""])[0]
                block = CodeBlock(code=token.content.rstrip("\n"), language=language)
                yield self._placed(block, token)
            elif token.type == "hr":
                yield self._placed(RuleBlock(), token)
            elif token.type == "math_block":
                yield self._formula(token)
            else:
                empty = self._container(tokens, at)
                if empty is not None:
                    yield empty
            at += 1

    def _container(self, tokens: Sequence[Token], at: int) -> Placed | None:
        token = tokens[at]
        match token.type:
            case "blockquote_open":
                self.containers.append("quote")
            case "blockquote_close":
                self.containers.pop()
            case "bullet_list_open":
                self.lists.append(_List(False, 0, self._is_lone(tokens, at)))
            case "ordered_list_open":
                self.lists.append(_List(True, self._list_start(token), self._is_lone(tokens, at)))
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self._open_item(token)
                self.is_lone = self.lists[-1].is_lone
            case "footnote_reference_open":
                self.item_line = token.map[0] if token.map else 0
                self.marker = str(token.meta["label"])
                self.containers.append("note")
            case "footnote_reference_close":
                empty = self._placed(TextBlock(), token) if self.marker else None
                self.containers.pop()
                return empty
            case "list_item_close":
                # An item without content still shows its marker.
                empty = self._placed(TextBlock(), token) if self.marker else None
                self.containers.pop()
                if empty is not None and self.is_lone:
                    return self._as_written(empty, token)
                return empty
            case _:
                pass
        return None

    def _is_lone(self, tokens: Sequence[Token], at: int) -> bool:
        items = sum(
            token.type == "list_item_open" and token.level == tokens[at].level + 1
            for token in tokens[at : _closing(tokens, at)]
        )
        return items == 1 and not self._is_continued(tokens[at])

    def _is_continued(self, token: Token) -> bool:
        """Whether a list is the one that was cut before this text."""
        is_first = not any(map(str.strip, self.lines[: self.top_line]))
        return self.continued is not None and token.level == 0 and is_first

    def _as_written(self, empty: Placed, token: Token) -> Placed:
        """Turn an item that is a marker and nothing else into a paragraph.

        CommonMark sees a list in the answer “48213.”; nobody who writes or reads it does.
        """
        line = self.lines[self.item_line].strip(" >\t")
        block = replace(empty.block, marker="", containers=empty.block.containers[:-1])
        assert isinstance(block, TextBlock), token
        return replace(empty, block=replace(block, spans=(Span(line),)))

    def _list_start(self, token: Token) -> int:
        if self.continued is not None and self._is_continued(token):
            return self.continued.number
        start = token.attrGet("start")
        return 1 if start is None else int(start)

    def _open_item(self, token: Token) -> None:
        current = self.lists[-1]
        self.item_line = token.map[0] if token.map else 0
        if token.level == 1:
            self.unit_line, self.item, self.number = self.item_line, current.items, current.next_number
        depth = sum(not each.ordered for each in self.lists)
        self.marker = f"{current.next_number}." if current.ordered else _BULLETS[(depth - 1) % len(_BULLETS)]
        current.next_number += 1
        current.items += 1
        self.containers.append("item")

    def _text(self, opening: Token, inline: Token) -> Placed:
        spans = tuple(spans_of(inline.children or []))
        if self.marker and spans and spans[0].text[:4] in _TASKS and not spans[0].code:
            self.marker = _TASKS[spans[0].text[:4]]
            spans = (replace(spans[0], text=spans[0].text[4:]), *spans[1:])
        level = int(opening.tag[1]) if opening.type == "heading_open" else 0
        return self._placed(TextBlock(spans=spans, level=level), opening)

    def _formula(self, token: Token) -> Placed:
        """Place a displayed formula; one that ended without its mark is shown as it was written."""
        lines_after = len(self.lines) - (token.map[1] if token.map else 0)
        if not token.info and lines_after > 1:  # else it is still being written
            return self._placed(TextBlock(spans=(Span(f"{token.markup}{token.content}"),)), token)
        self.containers.append("math")
        placed = self._placed(TextBlock(spans=tuple(formula_spans(token, Span("")))), token)
        self.containers.pop()
        return placed

    def _placed(self, block: Block, token: Token) -> Placed:
        line = token.map[0] if token.map else self.item_line
        if line == 0:
            is_tight = self.continued is not None and self.continued.is_tight
        else:
            is_tight = line > self.top_line and ("item" in self.containers or "note" in self.containers)
            is_tight = is_tight and bool(self.lines[line - 1].strip(" >\t"))
        marker, self.marker = self.marker, ""
        block = replace(block, containers=tuple(self.containers), marker=marker, is_tight=is_tight)
        return Placed(self.unit_line, block, self.item, self.number)


def _closing(tokens: Sequence[Token], at: int) -> int:
    level = tokens[at].level
    return next(i for i in range(at + 1, len(tokens)) if tokens[i].level == level and tokens[i].nesting == -1)


def _table(tokens: Sequence[Token]) -> TableBlock:
    rows: list[tuple[Spans, ...]] = []
    row: list[Spans] = []
    alignments: list[Alignment] = []
    for token in tokens:
        if token.type == "tr_open":
            row = []
        elif token.type == "th_open":
            alignments.append(_ALIGNMENT.get(str(token.attrGet("style")), "left"))
        elif token.type == "inline":
            row.append(tuple(spans_of(token.children or [])))
        elif token.type == "tr_close":
            rows.append(tuple(row))
    return TableBlock(alignments=tuple(alignments), rows=tuple(rows))


def block_text(block: Block) -> str:
    """Return the text of a block as it is seen; a table's cells have tabs between them."""
    match block:
        case TextBlock():
            return spans_text(block.spans)
        case CodeBlock():
            return block.code
        case TableBlock():
            return "\n".join("\t".join(spans_text(cell) for cell in row) for row in block.rows)
        case _:
            return ""


def block_spans(block: Block) -> Iterator[Span]:
    """Return the spans of a block, those of a table cell by cell."""
    match block:
        case TextBlock():
            yield from block.spans
        case TableBlock():
            for row in block.rows:
                for cell in row:
                    yield from cell
        case _:
            pass


def links_of(text: str) -> tuple[str, ...]:
    """Return the addresses in a text, each once."""
    spans = (span for block in parse(text) for span in block_spans(block))
    return tuple(dict.fromkeys(span.href for span in spans if span.href))
