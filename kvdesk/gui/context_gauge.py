"""How full the context is: a ribbon of messages to scale, and a line that says it in tokens."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import icon_button, text_label
from kvdesk.gui.figures import SEPARATOR, prefill_line
from kvdesk.gui.theme import Radius, Space, TextSize
from kvdesk.session.state import ChatMessage, Conversation, DeskState, Phase
from kvdesk.units import format_tokens

_RIBBON = 14
_ROLE_COLOURS = {
    "user": ("k", 1.0),
    "assistant": ("v", 0.75),
    "other": ("k", 0.55),
    "reading": ("compute", 1.0),
    "another": ("other", 1.0),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the context: whose it is and how many tokens wide."""

    role: str  # "user", "assistant", "other" (not told apart), "reading" or "another" (chat)
    tokens: int


def segments_of(chat: Conversation | None) -> tuple[Segment, ...]:
    """Divide the context among the messages, as far as figures tell them apart.

    A turn's prompt counts everything before the answer; the difference between one turn's end and the next
    prompt is the question with the template's own tokens. What no figures cover is "other".
    """
    found: list[Segment] = []
    end = 0
    for message in chat.messages if chat is not None else ():
        figures = message.figures
        if figures is None:
            continue
        question = figures.prompt_tokens - end
        if question < 0:  # the history was cut: what came before is no longer known by message
            found, question = [], figures.prompt_tokens
        known = bool(found) or not chat or chat.messages[0].role == "user"
        found.append(Segment("user" if known else "other", question))
        found.append(Segment("assistant", figures.completion_tokens))
        end = figures.prompt_tokens + figures.completion_tokens
    return tuple(found)


def fitted(segments: tuple[Segment, ...], cells_used: int) -> tuple[Segment, ...]:
    """Make segments sum to the cells in use: cut what is not cached, add what is not told apart."""
    fitting: list[Segment] = []
    left = cells_used
    for segment in segments:
        tokens = min(segment.tokens, left)
        if tokens > 0:
            fitting.append(Segment(segment.role, tokens))
        left -= tokens
    if left > 0:
        fitting.append(Segment("other", left))
    return tuple(fitting)


def holds_open_chat(state: DeskState) -> bool:
    """Whether what the cache holds, or is being given, is the open conversation."""
    chat_id = state.chat.id if state.chat is not None else None
    if state.streaming is not None:
        return state.streaming.chat_id == chat_id
    cache = state.engine.cache
    return cache is None or cache.chat in ("", str(chat_id))


class Ribbon(QWidget):
    """The context from its first token to its last, messages in the colours of their roles."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_RIBBON)
        self._segments: tuple[Segment, ...] = ()
        self._total = 0
        theme.current().changed.connect(self.update)

    def show_segments(self, segments: tuple[Segment, ...], total: int) -> None:
        """Show these segments of a context of `total` tokens."""
        if (segments, total) != (self._segments, self._total):
            self._segments, self._total = segments, total
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, _RIBBON)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), Radius.BAR, Radius.BAR)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), theme.colour("free"))
        scale = self.width() / max(1, self._total)
        colours = {role: self._colour(role) for role in _ROLE_COLOURS}
        at, drawn = 0, 0.0
        for segment in self._segments:
            at += segment.tokens
            right = at * scale
            if right - drawn < 0.5:
                continue  # too narrow to be seen; hundreds of short messages cost nothing
            gap = 1.0 if right - drawn > 3 else 0.0
            painter.fillRect(QRectF(drawn, 0, right - drawn - gap, _RIBBON), colours[segment.role])
            drawn = right
        painter.end()

    @staticmethod
    def _colour(role: str) -> QColor:
        name, strength = _ROLE_COLOURS[role]
        front, back = theme.colour(name), theme.colour("free")
        mixed = [
            round(strength * a + (1 - strength) * b)
            for a, b in zip(front.getRgb()[:3], back.getRgb()[:3], strict=True)  # type: ignore[index]
        ]
        return QColor(*mixed)


class ContextGauge(QWidget):
    """Ribbon and line; hidden while no model is loaded."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ribbon = Ribbon()
        self._messages: tuple[ChatMessage, ...] | None = None
        self._divided: tuple[Segment, ...] = ()
        self.left = text_label("", "muted", TextSize.TABLE)
        self.right = text_label("", "muted", TextSize.TABLE, figures=True)
        self.menu_button = icon_button("more", self.tr("What can be done with the context"))
        self.left.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.TINY)
        row = QHBoxLayout()
        row.setSpacing(Space.SMALL)
        row.addWidget(self.left, 1)
        row.addWidget(self.right)
        row.addWidget(self.menu_button)
        column.addWidget(self._ribbon)
        column.addLayout(row)
        self.setAccessibleName(self.tr("Context"))

    def show_state(self, state: DeskState) -> None:
        """Show how much of the loaded context is in use."""
        loaded, engine = state.engine.loaded, state.engine
        self.setVisible(loaded is not None)
        if loaded is None:
            return
        total = loaded.n_ctx_seq
        if engine.phase is Phase.PREFILL:
            self._show_prefill(state, total)
            return
        used = engine.cache.cells_used if engine.cache is not None else 0
        if engine.phase is Phase.DECODE and state.streaming is not None:
            used = max(used, engine.prefill_total_tokens + state.streaming.tokens)
        segments = self._fitted(state, used)
        if engine.phase is Phase.DECODE and segments and segments[-1].role == "other":
            segments = self._with_live_answer(segments, state)
        self._ribbon.show_segments(segments, total)
        self._set_left(self._legend(segments))
        self._set_right(self._use(used, total))

    def _fitted(self, state: DeskState, used: int) -> tuple[Segment, ...]:
        """Divide the cells in use among the messages, when it is the open chat that they hold."""
        if not holds_open_chat(state):
            return (Segment("another", used),) if used else ()
        messages = state.chat.messages if state.chat is not None else None
        if messages is not self._messages:
            self._messages, self._divided = messages, segments_of(state.chat)
        return fitted(self._divided, used)

    def _show_prefill(self, state: DeskState, total: int) -> None:
        engine = state.engine
        reused = min(engine.prefill_reused_tokens, engine.prefill_done_tokens)
        kept = self._fitted(state, reused)
        reading = Segment("reading", max(0, engine.prefill_done_tokens - reused))
        self._ribbon.show_segments((*kept, reading), total)
        self._set_left(prefill_line(engine, engine.tokens_per_s))
        self._set_right(self._use(engine.prefill_done_tokens, total))

    @staticmethod
    def _with_live_answer(segments: tuple[Segment, ...], state: DeskState) -> tuple[Segment, ...]:
        """Tell the live question and answer apart in what no figures cover yet."""
        rest = segments[-1].tokens
        live = min(rest, state.streaming.tokens if state.streaming is not None else 0)
        parts = (Segment("user", rest - live), Segment("assistant", live))
        return (*segments[:-1], *(part for part in parts if part.tokens > 0))

    def _legend(self, segments: tuple[Segment, ...]) -> str:
        names = {
            "user": self.tr("you"),
            "assistant": self.tr("answers"),
            "other": self.tr("other"),
            "another": self.tr("another chat"),
        }
        sums: dict[str, int] = {}
        for segment in segments:
            sums[segment.role] = sums.get(segment.role, 0) + segment.tokens
        return SEPARATOR.join(f"{names[role]} {format_tokens(tokens)}" for role, tokens in sums.items())

    def _use(self, used: int, total: int) -> str:
        percent = 100 * used / total if total else 0.0
        shown = f"{percent:.0f}" if percent >= 1 or used == 0 else "<1"
        return self.tr("{used} of {total} tokens · {percent} %").format(
            used=format_tokens(used), total=format_tokens(total), percent=shown
        )

    def _set_left(self, text: str) -> None:
        if text != self.left.text():
            self.left.setText(text)

    def _set_right(self, text: str) -> None:
        if text != self.right.text():
            self.right.setText(text)
            self.setAccessibleDescription(text)
