"""Writes blocks, or parts of them, as Markdown again: for copying what is selected with its marks."""

import re
from collections.abc import Iterator
from dataclasses import replace

from kvdesk.gui.blocks.inline import length_utf16, slice_utf16
from kvdesk.gui.markdown import Alignment, Block, CodeBlock, RuleBlock, TableBlock, TextBlock, block_text
from kvdesk.gui.spans import PICTURE, Span, Spans

_ESCAPED = re.compile(r"([\\`*\[\]<$~])|(?<!\w)(_)|(_)(?!\w)")
_RULES: dict[Alignment, str] = {"left": "--", "center": ":-:", "right": "--:"}
_WITHIN = 4  # columns that belong to an item whatever its own mark is
_TASKS = {"☐": "- [ ]", "☑": "- [x]"}


def markdown_of(block: Block, start: int, end: int) -> str:
    """Return part of a block, with the marks of the containers it stands in; positions are UTF-16 units."""
    match block:
        case TextBlock():
            spans = tuple(_cut(block.spans, start, end))
            text = _inline(spans)
            if block.level and start == 0:
                text = f"{'#' * block.level} {text}"
        case CodeBlock():
            text = _fenced(slice_utf16(block.code, start, end), block.language)
        case TableBlock():
            text = _table(block, start, end)
        case _:
            assert isinstance(block, RuleBlock), block
            text = "---"
    return _contained(block, text)


def _cut(spans: Spans, start: int, end: int) -> Iterator[Span]:
    at = 0
    for span in spans:
        length = length_utf16(span.text)
        first, last = max(start - at, 0), min(end - at, length)
        if first < last:
            yield replace(span, text=slice_utf16(span.text, first, last))
        at += length


def _inline(spans: Spans) -> str:
    text, formula = "", ""
    for span in spans:
        if span.source:
            if span.source != formula:
                text += span.source
        else:
            text += _marked(span)
        formula = span.source
    return text


def _marked(span: Span) -> str:
    if span.href and span.text.startswith(PICTURE):
        return f"![{span.text.removeprefix(PICTURE)}]({span.href})"
    if span.script:
        return f"[^{span.text}]"
    inner = span.text.strip(" ")
    before, after = span.text.partition(inner)[::2] if inner else (span.text, "")
    if span.code:
        ticks = "`" * (max(map(len, re.findall("`+", inner)), default=0) + 1)
        pad = " " if inner.startswith("`") or inner.endswith("`") else ""
        inner = f"{ticks}{pad}{inner}{pad}{ticks}"
    elif span.href != span.text:
        inner = _ESCAPED.sub(lambda found: "\\" + found.group(), inner).replace("\n", "\\\n")
    for is_on, mark in ((span.bold, "**"), (span.italic, "*"), (span.struck, "~~")):
        if is_on and inner:
            inner = f"{mark}{inner}{mark}"
    if span.href and span.href != span.text:
        inner = f"[{inner}]({span.href})"
    return f"{before}{inner}{after}"


def _fenced(code: str, language: str) -> str:
    fence = "`" * max(3, max(map(len, re.findall("`+", code)), default=0) + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def _table(block: TableBlock, start: int, end: int) -> str:
    """Return the rows of which something is wanted, under the header that a table cannot be without."""
    lines = [_line(_cell(cell) for cell in row) for row in block.rows]
    at, wanted = 0, [lines[0], _line(_RULES[each] for each in block.alignments)]
    for number, text in enumerate(block_text(block).split("\n")):
        length = length_utf16(text)
        if number and start < at + length and end > at:
            wanted.append(lines[number])
        at += length + 1
    return "\n".join(wanted)


def _cell(spans: Spans) -> str:
    return _inline(spans).replace("|", "\\|").replace("\n", " ")


def _line(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _contained(block: Block, text: str) -> str:
    """Put the marks of a block's containers before its lines."""
    first = later = ""
    last_item = max((at for at, each in enumerate(block.containers) if each in ("item", "note")), default=-1)
    for at, container in enumerate(block.containers):
        if container == "quote":
            first, later = f"{first}> ", f"{later}> "
        elif container in ("item", "note"):
            mark = _marker(block.marker, container) if at == last_item and block.marker else ""
            width = len(mark) if mark and container == "item" else _WITHIN
            first, later = first + (mark or " " * width), later + " " * width
    lines = text.split("\n")
    return "\n".join([f"{first}{lines[0]}", *(f"{later}{line}".rstrip() for line in lines[1:])])


def _marker(marker: str, container: str) -> str:
    if container == "note":
        return f"[^{marker}]: "
    return (_TASKS.get(marker) or (marker if marker[:1].isdigit() else "-")) + " "
