"""Where the system prompt is written, with what it takes and what changing it has read again."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import set_role, text_label
from kvdesk.gui.manner.words import reading_line, system_tokens_line
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import DeskState

_LINES = 6


class PromptEdit(QWidget):
    """Shows the open chat's system prompt; emits `changed(text)` with every key."""

    changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._chat_id: int | None = None
        self._text = ""  # as the state has it, which the edit may write otherwise
        self.edit = QPlainTextEdit()
        self.edit.setAccessibleName(self.tr("System prompt"))
        self.edit.setPlaceholderText(self.tr("What the model is told before the chat begins"))
        self.edit.setFont(theme.current().font(TextSize.READING))
        self.edit.document().setDocumentMargin(Space.SMALL)
        self.edit.setTabChangesFocus(True)
        self.edit.setFixedHeight(self.edit.fontMetrics().lineSpacing() * _LINES + 2 * Space.SMALL + 2)
        self.edit.textChanged.connect(self._write)
        self.tokens = text_label(role="muted", size=TextSize.TABLE, figures=True)
        self.tokens.setToolTip(self.tr("As the loaded model counts"))
        self.cost = text_label(role="muted", size=TextSize.TABLE, figures=True, wrap=True)
        title = text_label(self.tr("System prompt"), bold=True)
        title.setBuddy(self.edit)
        head = QHBoxLayout()
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(self.tokens)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.SMALL)
        column.addLayout(head)
        column.addWidget(self.edit)
        column.addWidget(self.cost)

    def show_state(self, state: DeskState) -> None:
        """Show the open chat's; what is being written is left alone."""
        chat = state.chat
        chat_id, text = (chat.id, chat.system_prompt) if chat is not None else (None, "")
        self.edit.setEnabled(chat is not None)
        if text != self._text:
            self._take(text, is_same_chat=chat_id == self._chat_id)
        self._chat_id = chat_id
        self.tokens.setText(system_tokens_line(state))
        words, is_changed = reading_line(state)
        self.cost.setText(words)
        self.cost.setVisible(bool(words))
        set_role(self.cost, role="warn" if is_changed else "muted")

    def _write(self) -> None:
        self._text = self.edit.toPlainText()
        self.changed.emit(self._text)

    def _take(self, text: str, *, is_same_chat: bool) -> None:
        """Take another text; in the same chat, where a preset has put it, Ctrl+Z brings back the earlier."""
        self._text = text
        was_blocked = self.edit.blockSignals(True)
        if is_same_chat:
            cursor = QTextCursor(self.edit.document())
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.insertText(text)
        else:
            self.edit.setPlainText(text)
        self.edit.blockSignals(was_blocked)
