"""How full the context is: a ribbon of messages to scale, and a line that says it in tokens and bytes."""

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui.controls import icon_button, set_role, text_label
from kvdesk.gui.elided_label import ElidedLabel
from kvdesk.gui.figures import SEPARATOR, prefill_line
from kvdesk.gui.room.ribbon import Limits, Ribbon, Segment, fitted, segments_of
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import DeskState, Phase
from kvdesk.units import format_bytes, format_tokens

_EXCERPT = 60  # characters of a message in its tooltip


def holds_open_chat(state: DeskState) -> bool:
    """Whether what the cache holds, or is being given, is the open conversation."""
    chat_id = state.chat.id if state.chat is not None else None
    if state.streaming is not None:
        return state.streaming.chat_id == chat_id
    cache = state.engine.cache
    return cache is None or cache.chat in ("", str(chat_id))


class ContextGauge(QWidget):
    """Ribbon and line; hidden while no model is loaded."""

    messageChosen = Signal(int)
    menuWanted = Signal(int, QPoint)  # of a message, at a place on the screen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ribbon = Ribbon(self._describe)
        self.ribbon.messageChosen.connect(self.messageChosen)
        self.ribbon.menuWanted.connect(self.menuWanted)
        self._state = DeskState()
        self._divided_for: tuple[object, ...] = ()
        self._divided: tuple[Segment, ...] = ()
        self.left = ElidedLabel(size=TextSize.TABLE)
        set_role(self.left, role="muted")
        self.right = text_label("", "muted", TextSize.TABLE, figures=True)
        self.menu_button = icon_button("more", self.tr("What can be done with the context"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.TINY)
        row = QHBoxLayout()
        row.setSpacing(Space.SMALL)
        row.addWidget(self.left, 1)
        row.addWidget(self.right)
        row.addWidget(self.menu_button)
        column.addWidget(self.ribbon)
        column.addLayout(row)
        self.setAccessibleName(self.tr("Context"))

    def show_state(self, state: DeskState) -> None:
        """Show how much of the loaded context is in use."""
        loaded, engine = state.engine.loaded, state.engine
        self._state = state
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
        self._set_left(self._legend(segments))
        self._set_right(used, total)
        cost, limits = state.send_cost, Limits()
        if engine.phase is Phase.READY and holds_open_chat(state):
            limits = self._limits(used)
            if cost is not None and cost.prompt_tokens > used:
                segments = (*segments, Segment("unread", cost.prompt_tokens - used))
        self.ribbon.show_segments(segments, total, limits)

    def _limits(self, used: int) -> Limits:
        """What becomes of the cache with the next message, and how far back windows see."""
        state, cost = self._state, self._state.send_cost
        loaded, model = state.engine.loaded, state.model
        is_same = loaded is not None and model is not None and model.path == loaded.path
        windows = (
            [layer.window_tokens for layer in model.layers if layer.window_tokens]
            if is_same and model
            else []
        )
        return Limits(
            reread_from=cost.reused_tokens if cost is not None and cost.reused_tokens < used else None,
            window_from=used - max(windows) if windows and used > max(windows) else None,
            full_to=cost.cells_after if cost is not None else None,
        )

    def _fitted(self, state: DeskState, used: int) -> tuple[Segment, ...]:
        """Divide the cells in use among the messages, when it is the open chat that they hold."""
        if not holds_open_chat(state):
            return (Segment("another", used),) if used else ()
        messages = state.chat.messages if state.chat is not None else None
        leaving = state.overflow.ids if state.overflow is not None else ()
        divided_for = (messages, state.message_tokens, leaving)
        if not all(a is b for a, b in zip(divided_for, self._divided_for or (0, 0, 0), strict=True)):
            self._divided_for = divided_for
            self._divided = segments_of(state.chat, state.message_tokens, leaving)
        return fitted(self._divided, used)

    def _show_prefill(self, state: DeskState, total: int) -> None:
        engine = state.engine
        reused = min(engine.prefill_reused_tokens, engine.prefill_done_tokens)
        kept = self._fitted(state, reused)
        reading = Segment("reading", max(0, engine.prefill_done_tokens - reused))
        self.ribbon.show_segments((*kept, reading), total, Limits())
        self._set_left(prefill_line(engine, engine.tokens_per_s))
        self._set_right(engine.prefill_done_tokens, total)

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

    def _set_right(self, used: int, total: int) -> None:
        text = self._use(used, total)
        if text == self.right.text():
            return
        self.right.setText(text)
        words = self._bytes(used, total)
        self.right.setToolTip(words)
        self.setAccessibleDescription("\n".join(filter(None, (text, words))))

    def _bytes(self, used: int, total: int) -> str:
        """The cells in use as bytes, K and V apart."""
        cache = self._state.engine.cache
        if cache is None or not total:
            return ""
        sizes = [
            self.tr("{name}: {used} of {size} in use").format(
                name=name, used=format_bytes(size * used // total), size=format_bytes(size)
            )
            for name, size in (("K", cache.k_bytes), ("V", cache.v_bytes))
            if size
        ]
        cells = self.tr("{used} of {total} cells").format(
            used=format_tokens(used), total=format_tokens(total)
        )
        return "\n".join((cells, *sizes))

    def _describe(self, segment: Segment) -> str:
        """A stretch in words: whose, how long, what becomes of it."""
        messages = self._state.chat.messages if self._state.chat is not None else ()
        message = next((each for each in messages if each.id == segment.message_id), None)
        said = " ".join(message.content.split()) if message is not None else ""
        parts = [self.tr("{count} tokens").format(count=format_tokens(segment.tokens))]
        if said:
            parts.insert(0, f"{said[:_EXCERPT]}…" if len(said) > _EXCERPT else said)
        if segment.role == "unread":
            parts.append(self.tr("to be read with the next message"))
        if segment.is_pinned:
            parts.append(self.tr("pinned"))
        if segment.leaves:
            parts.append(self.tr("leaves the context when it is full"))
        return "\n".join(parts)
