"""Keeps a streamed answer's blocks current at the cost of its last block, not of the whole answer.

CommonMark decides line by line: once a complete line has begun another top-level block, or another item of a
top-level list, nothing that follows can change what was before it. That point is where the text is cut.
"""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

from kvdesk.gui.markdown import Block, CodeBlock, Continued, Placed, clean, new_parser, place_blocks

# A line that could still become anything (a list marker, a rule, a fence): showing it would make the
# paragraph above it flash as a heading.
_UNDECIDED = re.compile(r"[ \t]*[-=*_+#`~|:>$\\]+[ \t]*\Z|[ \t]*\d+[.)]?\Z")
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*([^\n`]*)\n")
# What a cut depends on: lines that may be a fence (only the markers of containers can stand before one), and
# plain lines after a blank one.
_LANDMARK = re.compile(
    r"^(?P<prefix>[^\n`~]*)(?:`{3}|~{3})[^\n]*$|(?<=\n\n)(?:[^\W\d]|\#{1,6}[ ]|\*\*\w)", re.MULTILINE
)


@dataclass(slots=True)
class _OpenFence:
    """A top-level code block whose end has not come; `closing` matches the line that ends it."""

    language: str
    closing: re.Pattern[str]
    code: str = ""  # complete lines


class StreamParser:
    """Markdown that grows at its end.

    `stable` blocks never change again; `tail` is parsed anew with every piece. Together they equal `parse` of
    the whole text after `finish`; before it an undecided last line is held back.
    """

    def __init__(self) -> None:
        self._parser: MarkdownIt = new_parser()
        self._rest = ""  # the text from the last cut on
        self._continued: Continued | None = None  # the list item that the rest begins with
        self._fence: _OpenFence | None = None
        self._stable: list[Block] = []
        self._tail: tuple[Block, ...] = ()

    @property
    def stable(self) -> tuple[Block, ...]:
        """The blocks that nothing can change any more."""
        return tuple(self._stable)

    @property
    def tail(self) -> tuple[Block, ...]:
        """The blocks that the next piece may change."""
        return self._tail

    def append(self, piece: str) -> None:
        """Add a piece of text."""
        piece = clean(piece)
        self._rest += piece
        if "\n" in piece:
            self._advance()
        self._tail = self._parse_tail(self._shown_rest())

    def finish(self) -> None:
        """Show the last line whatever it may be; the text is complete."""
        self._tail = self._parse_tail(self._rest)

    def take_stable(self) -> tuple[Block, ...]:
        """Return the stable blocks and forget them."""
        taken = tuple(self._stable)
        self._stable.clear()
        return taken

    def _shown_rest(self) -> str:
        at = self._rest.rfind("\n") + 1
        return self._rest[:at] if _UNDECIDED.match(self._rest, at) else self._rest

    def _parse_tail(self, text: str) -> tuple[Block, ...]:
        if self._fence is not None:
            code = (self._fence.code + text).rstrip("\n")
            partial = text.rsplit("\n", 1)[-1]
            if self._fence.closing.fullmatch(partial):
                code = self._fence.code.rstrip("\n")
            return (CodeBlock(code=code, language=self._fence.language),)
        return tuple(placed.block for placed in self._placed(text))

    def _placed(self, text: str) -> list[Placed]:
        return place_blocks(self._parser.parse(text), text, self._continued)

    def _advance(self) -> None:
        """Move the cut as far as the complete lines allow."""
        while True:
            if self._fence is not None and not self._close_fence(self._fence):
                return
            if not self._cut() and not self._open_fence():
                return

    def _cut(self) -> bool:
        """Cut before the last unit that the complete lines have begun; False when none can be cut off."""
        complete = self._rest[: self._rest.rfind("\n") + 1]
        placed = self._placed(complete)
        if not placed:
            return False
        lines = complete.split("\n")
        last = placed[-1]
        if last.item is not None and lines[last.unit_line][:1] in (" ", "\t"):
            # An indented item may mean something else without the items above it: keep its whole list.
            first = next(p for p in reversed(placed) if p.item == 0)
            last = first
        line = last.unit_line
        while line > 0 and not lines[line - 1].strip():
            line -= 1  # blank lines stay with what follows, for its spacing
        if line == 0:
            return False
        self._stable += [p.block for p in placed if p.unit_line < last.unit_line]
        self._rest = self._rest[sum(len(each) + 1 for each in lines[:line]) :]
        self._continued = None
        if last.number is not None and last.item:
            self._continued = Continued(last.number, is_tight=line == last.unit_line)
        return True

    def _open_fence(self) -> bool:
        """Enter a fence that the rest begins with, so that its lines need no parser."""
        start = len(self._rest) - len(self._rest.lstrip("\n"))
        opening = _FENCE.match(self._rest, start)
        if opening is None or self._continued is not None:
            return False
        fence, info = opening.groups()
        block = self._placed(self._rest[start : opening.end()])[0].block
        assert isinstance(block, CodeBlock), info
        self._fence = _OpenFence(block.language, _closing_of(fence))
        self._rest = self._rest[opening.end() :]
        return True

    def _close_fence(self, fence: _OpenFence) -> bool:
        """Take the complete lines into the fence; True when one of them ended it."""
        at = 0
        while (end := self._rest.find("\n", at)) >= 0:
            if fence.closing.fullmatch(self._rest, at, end):
                code = fence.code + self._rest[:at]
                self._stable.append(CodeBlock(code=code.rstrip("\n"), language=fence.language))
                self._rest = self._rest[end + 1 :]
                self._fence = None
                return True
            at = end + 1
        fence.code += self._rest[:at]
        self._rest = self._rest[at:]
        return False


def split_sections(text: str, least: int = 1500) -> list[str]:
    """Cut a long text where its parts mean the same alone, so that history is parsed only when it is seen.

    Cuts come after at least `least` characters, before a plain line at the left edge that follows a blank
    line outside a fence. The blocks of the sections, one after another, are those of the whole text.
    """
    text = clean(text)
    sections: list[str] = []
    start = 0
    closing: re.Pattern[str] | None = None
    for match in _LANDMARK.finditer(text):
        line = match.group()
        if closing is not None:
            if closing.fullmatch(line):
                closing = None
            continue
        opening = _FENCE.match(line + "\n")
        if match["prefix"] and opening is None:
            break  # whether this opens a fence depends on its containers: leave the rest in one piece
        at = match.start()
        if at - start >= least and text.endswith("\n\n", 0, at):
            sections.append(text[start:at])
            start = at
        if opening is not None:
            closing = _closing_of(opening.group(1))
    sections.append(text[start:])
    return sections


def _closing_of(fence: str) -> re.Pattern[str]:
    """Return what the line that ends a fence looks like."""
    return re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*")
