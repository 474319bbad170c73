"""The rows of a conversation: stretches of messages, each laid out only when it comes into view."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFontMetricsF, QPainter

from kvdesk.gui.blocks.code import CodeView
from kvdesk.gui.blocks.inline import slice_utf16
from kvdesk.gui.blocks.style import Style
from kvdesk.gui.blocks.table import TableView
from kvdesk.gui.blocks.text import RuleView, TextView
from kvdesk.gui.blocks.view import BlockView
from kvdesk.gui.markdown import Block, CodeBlock, RuleBlock, TableBlock, TextBlock, block_text, parse
from kvdesk.gui.markdown_text import markdown_of
from kvdesk.gui.row_marks import Place, RowMarks, part_of_block

QUOTE_INDENT = 16.0
_INDENT = {"item": 22.0, "quote": QUOTE_INDENT, "note": 22.0, "math": 24.0}
QUOTE_BAR = 2.0

Part = Literal["user", "answer", "reasoning", "figures", "notice"]


class Row(ABC):
    """A stretch of one message. `height` is an estimate until `lay_out`; `top_gap` is part of it."""

    part: Part
    is_button = False  # a click anywhere on it does something

    def __init__(self, message_id: int, top_gap: float = 0.0) -> None:
        self.message_id = message_id
        self.top_gap = top_gap
        self.height = 0.0  # 0 until estimated
        self.laid_width = -1.0

    @abstractmethod
    def estimate(self, width: float, style: Style) -> None:
        """Set the height to a guess that costs next to nothing."""

    @abstractmethod
    def lay_out(self, width: float, style: Style) -> None:
        """Arrange for a width and set the true height; nothing happens when that has been done."""

    @abstractmethod
    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, marks: RowMarks) -> None:
        """Draw with the top left corner at a point."""

    def release(self) -> None:
        """Give up what laying out has made; the height stays."""
        self.laid_width = -1.0

    @property
    def is_laid(self) -> bool:
        """Whether the row can be painted."""
        return self.laid_width >= 0

    def views(self) -> Sequence[tuple[BlockView, QPointF]]:
        """Return the blocks with their places in the row; empty where nothing can be selected."""
        return ()

    def place_at(self, x: float, y: float) -> Place:
        """Return the text place nearest to a point."""
        nearest: Place = (0, 0)
        for index, (view, corner) in enumerate(self.views()):
            nearest = (index, view.position_at(x - corner.x(), y - corner.y()))
            if y < corner.y() + view.height:
                break
        return nearest

    def view_at(self, x: float, y: float) -> tuple[BlockView, QPointF] | None:
        """Return the block under a point with the point in its coordinates."""
        for view, corner in self.views():
            if corner.y() <= y < corner.y() + view.height:
                return view, QPointF(x - corner.x(), y - corner.y())
        return None

    def end_place(self) -> Place:
        """Return the place after the last character."""
        views = self.views()
        return (len(views) - 1, views[-1][0].length) if views else (0, 0)

    @property
    def version(self) -> object:
        """Another object whenever the text has become another."""
        return None

    def searched_texts(self) -> Sequence[str]:
        """Return the text of each block as it is seen, without laying anything out."""
        return ()

    def copied_text(self, start: Place, end: Place) -> str:
        """Return the text between two places, as it is seen."""
        return ""

    def copied_markdown(self, start: Place, end: Place) -> str:
        """Return the text between two places with Markdown's marks."""
        return self.copied_text(start, end)


def estimated_height(text: str, width: float, style: Style) -> float:
    """Guess the height of running text from its length and its newlines."""
    characters = len(text) + sum(text.count(mark) for mark in "，。的") * 12
    lines = (
        characters * style.character_px / max(60.0, min(width, style.reading_width)) + text.count("\n") * 0.55
    )
    return max(1.0, lines) * style.pitch


class TextRow(Row):
    """A section of an answer or of its reasoning: blocks under each other."""

    def __init__(
        self,
        message_id: int,
        source: str = "",
        part: Part = "answer",
        top_gap: float = 0.0,
        blocks: tuple[Block, ...] | None = None,
    ) -> None:
        super().__init__(message_id, top_gap)
        self.part = part
        self.source = source
        self.has_caret = False
        self._blocks = blocks  # None until parsed
        self._views: list[tuple[BlockView, QPointF]] = []
        self._made_from: tuple[Block, ...] = ()

    def set_blocks(self, blocks: tuple[Block, ...]) -> None:
        """Take other blocks; the views of unchanged ones are kept."""
        self._blocks = blocks
        self.laid_width = -1.0

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks, parsed on first use."""
        if self._blocks is None:
            self._blocks = parse(self.source)
        return self._blocks

    @property
    def version(self) -> object:
        return None if self.source else self._blocks  # a text with a source does not grow

    def searched_texts(self) -> Sequence[str]:
        blocks = parse(self.source) if self._blocks is None else self._blocks  # kept only where it is seen
        return [block_text(block) for block in blocks]

    def estimate(self, width: float, style: Style) -> None:
        self.height = self.top_gap + estimated_height(self.source, width, style)

    def lay_out(self, width: float, style: Style) -> None:
        if self.laid_width == width:
            return
        blocks = self.blocks
        old = [view for view, _ in self._views]
        views: list[tuple[BlockView, QPointF]] = []
        y = self.top_gap
        before: Block | None = None
        inset = style.px(QUOTE_INDENT) if self.part == "reasoning" else 0.0
        for index, block in enumerate(blocks):
            view = _kept_view(index, block, old, self._made_from)
            x = inset + sum(style.px(_INDENT[each]) for each in block.containers)
            x += room_for_marker(block, style)
            y += gap_between(before, block)
            is_wide = isinstance(block, CodeBlock | TableBlock)
            room = max(80.0, (width if is_wide else min(width, style.reading_width)) - x)
            if view is None or view.laid_width != room:
                view = view or make_view(block, style)
                view.comfortable = max(80.0, style.reading_width - x)
                view.lay_out(room)
                view.laid_width = room
            views.append((view, QPointF(x, y)))
            y += view.height
            before = block
        if not blocks and self.has_caret:
            y += style.pitch
        self._views, self._made_from = views, blocks
        self.height = y
        self.laid_width = width

    def release(self) -> None:
        super().release()
        self._views, self._made_from = [], ()

    def views(self) -> Sequence[tuple[BlockView, QPointF]]:
        return self._views

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, marks: RowMarks) -> None:
        colour = style.muted if self.part == "reasoning" else style.text
        if self.part == "reasoning":
            painter.fillRect(QRectF(at.x(), at.y(), QUOTE_BAR, self.height), style.rule)
        before: Block | None = None
        for index, ((view, corner), block) in enumerate(zip(self._views, self._made_from, strict=True)):
            place = at + corner
            if place.y() <= clip.bottom() and place.y() + view.height >= clip.top():
                self._paint_containers(painter, at, corner, view, block, before, style)
                ink = style.muted if "quote" in block.containers else colour
                view.paint(painter, place, clip, ink, marks.of_block(index, view.length))
            before = block
        if self.has_caret:
            self._paint_caret(painter, at, style)

    def _paint_containers(
        self,
        painter: QPainter,
        at: QPointF,
        corner: QPointF,
        view: BlockView,
        block: Block,
        before: Block | None,
        style: Style,
    ) -> None:
        x = at.x() + (style.px(QUOTE_INDENT) if self.part == "reasoning" else 0.0)
        for depth, container in enumerate(block.containers):
            if container == "quote":
                joined = (
                    before is not None and before.containers[: depth + 1] == block.containers[: depth + 1]
                )
                rise = gap_between(before, block) if joined else 0.0
                bar = QRectF(x, at.y() + corner.y() - rise, QUOTE_BAR, view.height + rise)
                painter.fillRect(bar, style.rule.darker(110))
            x += style.px(_INDENT[container])
        if block.marker:
            painter.setFont(style.body)
            painter.setPen(style.muted)
            width = QFontMetricsF(style.body).horizontalAdvance(block.marker)
            x += room_for_marker(block, style)
            painter.drawText(QPointF(x - 8 - width, at.y() + corner.y() + view.baseline), block.marker)

    def _paint_caret(self, painter: QPainter, at: QPointF, style: Style) -> None:
        if not self._views:
            painter.fillRect(QRectF(at.x(), at.y() + self.top_gap + 2, 7, style.pitch - 5), style.text)
            return
        view, corner = self._views[-1]
        rect = view.end_rect()
        if rect is not None:
            rect = rect.translated(at + corner)
            painter.fillRect(QRectF(rect.x() + 1, rect.y() + 1, 7, rect.height() - 2), style.text)

    def copied_text(self, start: Place, end: Place) -> str:
        text = ""
        before: Block | None = None
        for index, (block, (view, _)) in enumerate(zip(self._made_from, self._views, strict=True)):
            span = part_of_block((start, end), index, view.length)
            if span is not None and (span[0] < span[1] or start[0] < index < end[0]):
                if text:
                    text += "\n" if block.is_tight or _same_list(before, block) else "\n\n"
                if block.marker and span[0] == 0:
                    depth = len(block.containers) - 1
                    text += "  " * depth + ("-" if block.marker in "•◦▪" else block.marker) + " "
                text += slice_utf16(view.text, *span)
                before = block
        return text

    def copied_markdown(self, start: Place, end: Place) -> str:
        if self.source and (start, end) == ((0, 0), self.end_place()):
            return self.source
        text = ""
        for index, (block, (view, _)) in enumerate(zip(self._made_from, self._views, strict=True)):
            span = part_of_block((start, end), index, view.length)
            if span is not None and (span[0] < span[1] or start[0] < index < end[0]):
                text += ("\n" if block.is_tight else "\n\n") if text else ""
                text += markdown_of(block, *span)
        return text


def room_for_marker(block: Block, style: Style) -> float:
    """Return what a long number needs beyond the indent; a short one may hang over to the left."""
    if len(block.marker) <= 3:
        return 0.0
    return max(0.0, QFontMetricsF(style.body).horizontalAdvance(block.marker) + 8 - style.px(_INDENT["item"]))


def make_view(block: Block, style: Style) -> BlockView:
    """Return the view of a block."""
    match block:
        case CodeBlock():
            return CodeView(block.code, block.language, style)
        case TableBlock():
            return TableView(block, style)
        case TextBlock():
            return TextView(block.spans, style, block.level)
        case _:
            assert isinstance(block, RuleBlock), block
            return RuleView(style)


def _kept_view(
    index: int, block: Block, views: list[BlockView], made_from: tuple[Block, ...]
) -> BlockView | None:
    """Return the view that can be used again for a block: an equal one's, or that of code which has grown."""
    if index >= len(views):
        return None
    old, view = made_from[index], views[index]
    if old is block or old == block:
        return view
    if isinstance(view, CodeView) and isinstance(block, CodeBlock) and view.language == block.language:
        view.update(block.code)
        view.laid_width = -1.0
        return view
    if isinstance(view, TableView) and isinstance(block, TableBlock) and view.update(block):
        view.laid_width = -1.0
        return view
    return None


def gap_between(before: Block | None, block: Block) -> float:
    """Return the space above a block."""
    if before is None:
        return 0.0
    if block.is_tight:
        return 3.0
    if isinstance(block, TextBlock) and block.level:
        return 20.0 if block.level <= 2 else 16.0
    if isinstance(before, TextBlock) and before.level:
        return 8.0
    if isinstance(block, CodeBlock | TableBlock) or isinstance(before, CodeBlock | TableBlock):
        return 12.0
    return 8.0 if block.marker else 10.0


def _same_list(before: Block | None, block: Block) -> bool:
    return before is not None and bool(block.marker) and "item" in before.containers
