"""The context drawn to scale: every message as wide as its tokens, with what becomes of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QToolTip, QWidget

from kvdesk.gui import theme
from kvdesk.gui.theme import Radius
from kvdesk.session.state import Conversation, MessageTokens

HEIGHT = 14  # at 100 %
_PIN_HEIGHT = 3
_ROLE_COLOURS = {
    "user": ("k", 1.0),
    "assistant": ("v", 0.75),
    "other": ("k", 0.55),
    "reading": ("compute", 1.0),
    "unread": ("compute", 0.35),
    "another": ("other", 1.0),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the context: whose it is and how many tokens wide.

    `role` is "user", "assistant", "other" (not told apart), "reading", "unread" (with the next message) or
    "another" (chat); `message_id` is 0 where it is no message of its own. One that `leaves` falls out next.
    """

    role: str
    tokens: int
    message_id: int = 0
    is_pinned: bool = False
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Places in the context, in tokens from its beginning; None where there is no such place.

    From `reread_from` on the cache is read again with the next message; windows see from `window_from` on;
    with the next answer the context is full up to `full_to`.
    """

    reread_from: int | None = None
    window_from: int | None = None
    full_to: int | None = None


def segments_of(
    chat: Conversation | None, counted: Sequence[MessageTokens] = (), leaving: Collection[int] = ()
) -> tuple[Segment, ...]:
    """Divide the context among the messages: as counted last, else as far as figures tell them apart.

    A turn's prompt counts everything before the answer; the difference between one turn's end and the next
    prompt is the question with the template's own tokens. What no figures cover is "other".
    """
    if chat is None:
        return ()
    tokens = {each.id: each.tokens for each in counted}
    kept = [message for message in chat.messages if not message.is_dropped]
    if kept and all(message.id in tokens for message in kept):
        return tuple(
            Segment(
                message.role if message.role in _ROLE_COLOURS else "other",
                tokens[message.id],
                message.id,
                message.is_pinned,
                message.id in leaving,
            )
            for message in kept
        )
    return _by_figures(chat)


def _by_figures(chat: Conversation) -> tuple[Segment, ...]:
    found: list[Segment] = []
    end = asked = 0
    is_known = bool(chat.messages) and chat.messages[0].role == "user"
    for message in chat.messages:
        figures = message.figures
        if figures is None:
            asked = message.id if message.role == "user" else asked
            continue
        question = figures.prompt_tokens - end
        if question < 0:  # the history was cut: what came before is no longer known by message
            found, question, asked, is_known = [], figures.prompt_tokens, 0, False
        found.append(Segment("user" if is_known else "other", question, asked))
        is_known = True
        found.append(Segment("assistant", figures.completion_tokens, message.id, message.is_pinned))
        end, asked = figures.prompt_tokens + figures.completion_tokens, 0
    return tuple(found)


def fitted(segments: Sequence[Segment], cells_used: int) -> tuple[Segment, ...]:
    """Make segments sum to the cells in use: cut what is not cached, add what is not told apart."""
    fitting: list[Segment] = []
    left = cells_used
    for segment in segments:
        tokens = min(segment.tokens, left)
        if tokens > 0:
            fitting.append(replace(segment, tokens=tokens))
        left -= tokens
    if left > 0:
        fitting.append(Segment("other", left))
    return tuple(fitting)


class Ribbon(QWidget):
    """The context from its first token to its last, messages in the colours of their roles.

    Pinned ones have a line above, those that fall out next are hatched, and so is what is read again. A
    message is chosen with the mouse or with the arrow keys and Enter; the menu key asks for its menu.
    """

    messageChosen = Signal(int)
    menuWanted = Signal(int, QPoint)

    def __init__(self, describe: Callable[[Segment], str]) -> None:
        super().__init__()
        self._describe = describe
        self._segments: tuple[Segment, ...] = ()
        self._limits = Limits()
        self._total = 0
        self._current = -1  # the segment that the keyboard is at
        self.setFixedHeight(theme.px(HEIGHT))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.tr("Messages in the context"))
        theme.current().changed.connect(self.update)

    def show_segments(self, segments: tuple[Segment, ...], total: int, limits: Limits) -> None:
        """Show these segments of a context of `total` tokens."""
        if (segments, total, limits) != (self._segments, self._total, self._limits):
            self._segments, self._total, self._limits = segments, total, limits
            self._current = min(self._current, len(segments) - 1)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, self.height())

    def segment_at(self, x: float) -> Segment | None:
        """The segment at a place, in pixels from the left; None beyond the last."""
        index = self._index_at(x)
        return self._segments[index] if index >= 0 else None

    def _index_at(self, x: float) -> int:
        tokens = x * self._total / max(1, self.width())
        at = 0
        for index, segment in enumerate(self._segments):
            at += segment.tokens
            if tokens < at:
                return index
        return -1

    def _range_of(self, index: int) -> tuple[float, float]:
        """Where a segment begins and ends, in pixels."""
        scale = self.width() / max(1, self._total)
        before = sum(segment.tokens for segment in self._segments[:index])
        return before * scale, (before + self._segments[index].tokens) * scale

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self._segments) and self._segments[index].message_id:
            self.messageChosen.emit(self._segments[index].message_id)

    def event(self, event: QEvent) -> bool:
        """Say in a tooltip what is under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            segment = self.segment_at(event.pos().x())
            QToolTip.showText(event.globalPos(), self._describe(segment) if segment else "", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the message under the mouse."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._current = self._index_at(event.position().x())
            self.update()
            self._choose(self._current)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show that a message can be chosen."""
        self._point_at(event.position())

    def _point_at(self, point: QPointF) -> None:
        segment = self.segment_at(point.x())
        can_choose = segment is not None and segment.message_id > 0
        self.setCursor(Qt.CursorShape.PointingHandCursor if can_choose else Qt.CursorShape.ArrowCursor)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of a message."""
        by_keyboard = event.reason() is QContextMenuEvent.Reason.Keyboard
        index = self._current if by_keyboard else self._index_at(event.pos().x())
        if 0 <= index < len(self._segments) and self._segments[index].message_id:
            place = event.globalPos()
            if by_keyboard:
                place = self.mapToGlobal(QPoint(round(self._range_of(index)[0]), 0))
            self.menuWanted.emit(self._segments[index].message_id, place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk through the messages and choose one."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps and self._segments:
            self._current = max(0, min(len(self._segments) - 1, self._current + steps[Qt.Key(event.key())]))
            self.setAccessibleDescription(self._describe(self._segments[self._current]))
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(self._current)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), Radius.BAR, Radius.BAR)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), theme.colour("free"))
        scale = self.width() / max(1, self._total)
        self._paint_segments(painter, scale)
        self._paint_limits(painter, scale)
        if self.hasFocus() and 0 <= self._current < len(self._segments):
            left, right = self._range_of(self._current)
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.drawRect(QRectF(left + 1, 1, max(2.0, right - left - 2), self.height() - 2))
        painter.end()

    def _paint_segments(self, painter: QPainter, scale: float) -> None:
        colours = {role: _colour(role) for role in _ROLE_COLOURS}
        hatch = QBrush(theme.colour("panel", 0.8), Qt.BrushStyle.BDiagPattern)
        at, drawn = 0, 0.0
        for segment in self._segments:
            at += segment.tokens
            right = at * scale
            if right - drawn < 0.5:
                continue  # too narrow to be seen; hundreds of short messages cost nothing
            gap = 1.0 if right - drawn > 3 else 0.0
            place = QRectF(drawn, 0, right - drawn - gap, self.height())
            painter.fillRect(place, colours[segment.role])
            if segment.leaves:
                painter.fillRect(place, hatch)
            if segment.is_pinned:
                painter.fillRect(QRectF(drawn, 0, place.width(), theme.px(_PIN_HEIGHT)), theme.colour("text"))
            drawn = right

    def _paint_limits(self, painter: QPainter, scale: float) -> None:
        limits = self._limits
        cached = sum(each.tokens for each in self._segments if each.role != "unread")
        if limits.reread_from is not None and limits.reread_from < cached:
            place = QRectF(
                limits.reread_from * scale, 0, (cached - limits.reread_from) * scale, self.height()
            )
            painter.fillRect(place, QBrush(theme.colour("compute"), Qt.BrushStyle.Dense5Pattern))
        for tokens, style in (
            (limits.window_from, Qt.PenStyle.SolidLine),
            (limits.full_to, Qt.PenStyle.DotLine),
        ):
            if tokens is not None and 0 < tokens < self._total:
                painter.setPen(QPen(theme.colour("text"), 1.5, style))
                painter.drawLine(QPointF(tokens * scale, 0), QPointF(tokens * scale, self.height()))


def _colour(role: str) -> QColor:
    name, strength = _ROLE_COLOURS[role]
    front, back = theme.colour(name), theme.colour("free")
    mixed = [
        round(strength * a + (1 - strength) * b)
        for a, b in zip(front.getRgb()[:3], back.getRgb()[:3], strict=True)  # type: ignore[index]  # typed as one number
    ]
    return QColor(*mixed)
