"""The way from the composer to the chat's settings, which says there when they are not the defaults."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton

from kvdesk.gui import theme
from kvdesk.gui.controls import set_role
from kvdesk.gui.help_pages import set_page
from kvdesk.gui.icons import set_icon
from kvdesk.gui.manner.words import difference, sampler_words
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import DeskState

_MOST_WIDTH = 250
_EXCERPT = 300  # characters of the system prompt in the tooltip


class MannerButton(QToolButton):
    """An icon; beside it, in few words, what differs, as far as there is room."""

    def __init__(self) -> None:
        super().__init__()
        self._words = ""
        self._shown: tuple[object, ...] = ()
        self.setFont(theme.current().font(TextSize.TABLE))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Chat settings"))
        set_page(self, "sampling")
        set_icon(self, "sliders")
        self._show_words("")

    def show_state(self, state: DeskState) -> None:
        """Show how the open chat is answered."""
        chat = state.chat
        shown = (chat.system_prompt, chat.sampling, state.presets) if chat is not None else ("",)
        if shown == self._shown:
            return
        self._shown = shown
        self._show_words(difference(chat, state.presets) if chat is not None else "")
        lines = [self.tr("System prompt, sampling and presets of this chat (Ctrl+P)")]
        if chat is not None:
            lines += sampler_words(chat.sampling)
            prompt = chat.system_prompt.strip()
            lines += [prompt[:_EXCERPT] + ("…" if len(prompt) > _EXCERPT else "")] if prompt else []
        self.setToolTip("\n".join(lines))

    def _show_words(self, words: str) -> None:
        is_other = bool(words) != bool(self._words)
        self._words = words
        self.setAccessibleDescription(words or self.tr("as by default"))
        if is_other:
            set_icon(self, "sliders", "accent" if words else "muted")
            set_role(self, differs="true" if words else "false")
        beside, alone = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
        self.setToolButtonStyle(beside if words else alone)
        self._fit()
        self.updateGeometry()

    @property
    def words(self) -> str:
        """What is said beside the icon, in full."""
        return self._words

    def sizeHint(self) -> QSize:
        """As wide as the words, up to a limit."""
        icon = self.minimumSizeHint()
        if not self._words:
            return icon
        words = self.fontMetrics().horizontalAdvance(self._words) + 2 * Space.TINY
        return QSize(min(theme.px(_MOST_WIDTH), icon.width() + words), icon.height())

    def minimumSizeHint(self) -> QSize:
        """The icon alone."""
        side = self.iconSize().width() + 2 * Space.TINY
        return QSize(side, side)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten the words to the room there is."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.width() - self.minimumSizeHint().width() - Space.TINY
        text = self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, max(0, room))
        if text != self.text():
            self.setText(text)
