"""The rows of a conversation: stretches of messages, each laid out only when it comes into view."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from kvdesk.gui.blocks.code import CodeView
from kvdesk.gui.blocks.inline import slice_utf16
from kvdesk.gui.blocks.style import Style
from kvdesk.gui.blocks.table import TableView
from kvdesk.gui.blocks.text import RuleView, TextView
from kvdesk.gui.blocks.view import BlockView
from kvdesk.gui.markdown import Block, CodeBlock, RuleBlock, Span, TableBlock, TextBlock, parse

_INDENT = {"item": 22.0, "quote": 16.0}
_QUOTE_BAR = 2.0
MESSAGE_GAP = 28.0

Part = Literal["user", "answer", "reasoning", "figures", "notice"]
Place = tuple[int, int]  # block in the row, position in the block's text


class Row(ABC):
    """A stretch of one message. `height` is an estimate until `lay_out`; `top_gap` is part of it."""

    part: Part

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
    def paint(
        self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, selected: tuple[Place, Place] | None
    ) -> None:
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

    def copied_text(self, start: Place, end: Place) -> str:
        """Return the text between two places, as it is seen."""
        return ""


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
        inset = _INDENT["quote"] if self.part == "reasoning" else 0.0
        for index, block in enumerate(blocks):
            view = _kept_view(index, block, old, self._made_from)
            x = inset + sum(_INDENT[each] for each in block.containers)
            y += gap_between(before, block)
            is_wide = isinstance(block, CodeBlock | TableBlock)
            room = max(80.0, (width if is_wide else min(width, style.reading_width)) - x)
            if view is None or view.laid_width != room:
                view = view or make_view(block, style)
                view.lay_out(room)
                view.laid_width = room
            views.append((view, QPointF(x, y)))
            y += view.height
            before = block
        self._views, self._made_from = views, blocks
        self.height = y
        self.laid_width = width

    def release(self) -> None:
        super().release()
        self._views, self._made_from = [], ()

    def views(self) -> Sequence[tuple[BlockView, QPointF]]:
        return self._views

    def paint(
        self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, selected: tuple[Place, Place] | None
    ) -> None:
        colour = style.muted if self.part == "reasoning" else style.text
        if self.part == "reasoning":
            painter.fillRect(QRectF(at.x(), at.y(), _QUOTE_BAR, self.height), style.rule)
        before: Block | None = None
        for index, ((view, corner), block) in enumerate(zip(self._views, self._made_from, strict=True)):
            place = at + corner
            if place.y() <= clip.bottom() and place.y() + view.height >= clip.top():
                self._paint_containers(painter, at, corner, view, block, before, style)
                ink = style.muted if "quote" in block.containers else colour
                view.paint(painter, place, clip, ink, _within(selected, index, view.length))
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
        x = at.x() + (_INDENT["quote"] if self.part == "reasoning" else 0.0)
        for depth, container in enumerate(block.containers):
            if container == "quote":
                joined = (
                    before is not None and before.containers[: depth + 1] == block.containers[: depth + 1]
                )
                rise = gap_between(before, block) if joined else 0.0
                bar = QRectF(x, at.y() + corner.y() - rise, _QUOTE_BAR, view.height + rise)
                painter.fillRect(bar, style.rule.darker(110))
            x += _INDENT[container]
        if block.marker:
            painter.setFont(style.body)
            painter.setPen(style.muted)
            width = QFontMetricsF(style.body).horizontalAdvance(block.marker)
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
            span = _within((start, end), index, view.length)
            if span is not None and (span[0] < span[1] or start[0] < index < end[0]):
                if text:
                    text += "\n" if block.is_tight or _same_list(before, block) else "\n\n"
                if block.marker and span[0] == 0:
                    depth = len(block.containers) - 1
                    text += "  " * depth + ("-" if block.marker in "•◦▪" else block.marker) + " "
                text += slice_utf16(view.text, *span)
                before = block
        return text


class BubbleRow(Row):
    """What the user wrote, as it was written, in a tinted bubble at the right."""

    part = "user"
    _PAD_X, _PAD_Y, _SHARE = 16.0, 10.0, 0.8

    def __init__(
        self, message_id: int, source: str, top_gap: float, *, is_first: bool = True, is_last: bool = True
    ) -> None:
        super().__init__(message_id, top_gap)
        self.source = source
        self._is_first, self._is_last = is_first, is_last
        self._view: TextView | None = None
        self._box = QRectF()

    def _room(self, width: float, style: Style) -> float:
        return min(width * self._SHARE, style.reading_width) - 2 * self._PAD_X

    def _pads(self) -> float:
        return self._PAD_Y * (self._is_first + self._is_last)

    def estimate(self, width: float, style: Style) -> None:
        text = estimated_height(self.source, self._room(width, style), style)
        self.height = self.top_gap + self._pads() + text

    def lay_out(self, width: float, style: Style) -> None:
        if self.laid_width == width:
            return
        if self._view is None:
            self._view = TextView((Span(self.source.rstrip("\n")),), style)
        room = self._room(width, style)
        height = self._view.lay_out(room)
        whole = self._is_first and self._is_last
        text_width = min(room, self._view.text_width() + 1) if whole else room
        left = width - text_width - 2 * self._PAD_X
        self._box = QRectF(left, self.top_gap, text_width + 2 * self._PAD_X, height + self._pads())
        if whole:
            self._view.lay_out(text_width)
        self.height = self.top_gap + self._box.height()
        self.laid_width = width

    def release(self) -> None:
        super().release()
        self._view = None

    def views(self) -> Sequence[tuple[BlockView, QPointF]]:
        if self._view is None:
            return ()
        top = self._PAD_Y if self._is_first else 0.0
        return ((self._view, self._box.topLeft() + QPointF(self._PAD_X, top)),)

    def paint(
        self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, selected: tuple[Place, Place] | None
    ) -> None:
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.bubble)
        box = self._box.translated(at)
        painter.setClipRect(box, Qt.ClipOperation.IntersectClip)
        # The parts of a long message form one bubble: inner edges lie outside the clip.
        grown = box.adjusted(0, 0 if self._is_first else -20, 0, 0 if self._is_last else 20)
        painter.drawRoundedRect(grown, 12, 12)
        painter.restore()
        for view, corner in self.views():
            view.paint(painter, at + corner, clip, style.text, _within(selected, 0, view.length))

    def copied_text(self, start: Place, end: Place) -> str:
        return slice_utf16(self.source.rstrip("\n"), start[1], end[1])


class ReasoningHead(Row):
    """The line that folds the reasoning: "Thinking…" or "Thought for 6 s"."""

    part = "reasoning"
    _HEIGHT = 24.0

    def __init__(self, message_id: int, caption: str, top_gap: float) -> None:
        super().__init__(message_id, top_gap)
        self.caption = caption
        self.is_open = False
        self.is_hovered = False

    def estimate(self, width: float, style: Style) -> None:
        self.height = self.top_gap + self._HEIGHT

    def lay_out(self, width: float, style: Style) -> None:
        self.estimate(width, style)
        self.laid_width = width

    def paint(
        self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, selected: tuple[Place, Place] | None
    ) -> None:
        top = at.y() + self.top_gap
        painter.fillRect(QRectF(at.x(), top, _QUOTE_BAR, self._HEIGHT), style.rule)
        painter.setFont(style.body)
        painter.setPen(style.text if self.is_hovered else style.muted)
        place = QRectF(at.x() + _INDENT["quote"], top, self.laid_width, self._HEIGHT)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, self.caption)
        x = place.x() + QFontMetricsF(style.body).horizontalAdvance(self.caption) + 12
        paint_chevron(painter, QPointF(x, place.center().y()), self.is_open)


def paint_chevron(painter: QPainter, centre: QPointF, is_open: bool) -> None:
    """Draw a small chevron in the pen's colour, pointing down when open and right when folded."""
    steps = ((-3.5, -1.75), (0, 1.75), (3.5, -1.75)) if is_open else ((-1.75, -3.5), (1.75, 0), (-1.75, 3.5))
    pen = painter.pen()
    pen.setWidthF(1.4)
    painter.setPen(pen)
    painter.drawPolyline([centre + QPointF(x, y) for x, y in steps])


class FigureRow(Row):
    """The line under an answer, and the room under a question where its actions appear."""

    part = "figures"

    def __init__(self, message_id: int, text: str, *, is_answer: bool) -> None:
        super().__init__(message_id, 8.0 if is_answer else 2.0)
        self.text = text
        self.is_answer = is_answer
        self._lines: list[str] = []

    def estimate(self, width: float, style: Style) -> None:
        self.height = self.top_gap + 20.0

    def lay_out(self, width: float, style: Style) -> None:
        self._lines = wrap_figures(self.text, width - 70, QFontMetricsF(style.figures))
        self.height = self.top_gap + 20.0 * max(1, len(self._lines))
        self.laid_width = width

    def paint(
        self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, selected: tuple[Place, Place] | None
    ) -> None:
        painter.setFont(style.figures)
        painter.setPen(style.muted)
        for number, line in enumerate(self._lines):
            place = QRectF(at.x(), at.y() + self.top_gap + 20 * number, self.laid_width, 20)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, line)


def wrap_figures(text: str, width: float, metrics: QFontMetricsF) -> list[str]:
    """Break a line of figures between its parts, never inside one."""
    lines: list[str] = []
    for part in text.split(" · ") if text else ():
        longer = f"{lines[-1]} · {part}" if lines else part
        if lines and metrics.horizontalAdvance(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


class WidgetRow(Row):
    """Room for a real widget (a notice with a button), which the view puts there."""

    part = "notice"

    def __init__(self, widget: QWidget, top_gap: float = MESSAGE_GAP) -> None:
        super().__init__(-1, top_gap)
        self.widget = widget

    def estimate(self, width: float, style: Style) -> None:
        height = self.widget.heightForWidth(int(width)) if self.widget.hasHeightForWidth() else -1
        self.height = self.top_gap + max(height, self.widget.sizeHint().height())

    def lay_out(self, width: float, style: Style) -> None:
        self.estimate(width, style)
        self.laid_width = width

    def paint(
        self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, selected: tuple[Place, Place] | None
    ) -> None:
        """The widget paints itself."""


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


def _within(selected: tuple[Place, Place] | None, index: int, length: int) -> tuple[int, int] | None:
    """Return the part of block `index` that lies in a selection of the row."""
    if selected is None:
        return None
    (first, start), (last, end) = selected
    if not first <= index <= last:
        return None
    return (start if index == first else 0), (end if index == last else length)
