"""Where the user writes: a text that grows, what sending it costs, and the button that sends or stops."""

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QTextOption
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.attachment_chips import AttachmentChips
from kvdesk.gui.controls import icon_button, push_button, set_role, text_label
from kvdesk.gui.elided_label import ElidedLabel
from kvdesk.gui.figures import cost_line
from kvdesk.gui.manner.button import MannerButton
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import Attachment, DeskState, Phase

LONG_PASTE = 4000  # characters; a longer text would fill the composer and hide what is asked about it
_MOST_LINES = 10
_BUSY = (Phase.PREFILL, Phase.DECODE)


class MessageEdit(QPlainTextEdit):
    """A plain text that is as high as its lines; Enter asks to send, Shift+Enter breaks the line."""

    sendWanted = Signal()
    escaped = Signal()
    focusChanged = Signal(bool)
    filesDropped = Signal(list)  # paths
    longPasted = Signal(str)  # a text that is better attached than written

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("kind", "bare")
        self.setFont(theme.current().font(TextSize.READING))
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.attaches_long_pastes = True
        self._fit()

    def _fit(self) -> None:
        lines = max(1, min(_MOST_LINES, round(self.document().size().height())))
        height = lines * self.fontMetrics().lineSpacing() + 6
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)

    def sizeHint(self) -> QSize:
        return QSize(200, self.height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        breaking = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier
        if is_enter and not event.modifiers() & breaking:
            self.sendWanted.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
            event.ignore()  # the window stops the answer with it
        else:
            super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Take files, or the text of what is pasted or dropped, never its look."""
        if paths := local_files(source):
            self.filesDropped.emit(paths)
        elif source.hasText() and len(source.text()) > LONG_PASTE and self.attaches_long_pastes:
            self.longPasted.emit(source.text())
        elif source.hasText():
            self.insertPlainText(source.text())

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Whether it is text or files."""
        return source.hasText() or bool(local_files(source))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focusChanged.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focusChanged.emit(False)


class Composer(QFrame):
    """Shows the draft of the open conversation; emits what the user wants done with it."""

    sent = Signal(str)
    edited = Signal(str)  # a question, written anew
    stopWanted = Signal()
    attachWanted = Signal()  # a dialog to choose files
    settingsWanted = Signal()  # of the chat
    filesDropped = Signal(list)
    longPasted = Signal(str)
    detachWanted = Signal(int)
    draftChanged = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self.setProperty("surface", "composer")
        self._chat_id: int | None = None
        self._is_busy = False
        self._refusal = ""
        self._is_editing = False
        self._state = DeskState()
        self.edit = MessageEdit()
        self.edit.setAccessibleName(self.tr("Message"))
        self._note = text_label("", "accent", TextSize.TABLE, wrap=True)
        self._note.hide()
        self.chips = AttachmentChips()
        self.attach_button = icon_button("paperclip", self.tr("Attach text files"))
        self.manner_button = MannerButton()
        self.cost = ElidedLabel(size=TextSize.TABLE)
        self.cost.setProperty("role", "muted")
        self.cost.setAccessibleName(self.tr("Cost of sending"))
        self.button = push_button(self.tr("Send"), "primary")
        self.button.setMinimumWidth(theme.px(64))
        self._lay_out()
        self.setFocusProxy(self.edit)
        self.edit.sendWanted.connect(self._send)
        self.edit.escaped.connect(self.cancel_edit)
        self.edit.focusChanged.connect(lambda has: set_role(self, focused="true" if has else "false"))
        self.edit.textChanged.connect(self._text_changed)
        self.button.clicked.connect(self._button_clicked)
        self.attach_button.clicked.connect(self.attachWanted)
        self.manner_button.clicked.connect(self.settingsWanted)
        self.edit.filesDropped.connect(self.filesDropped)
        self.edit.longPasted.connect(self.longPasted)
        self.chips.removeWanted.connect(self.detachWanted)
        self._show_button()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.LARGE, Space.MEDIUM, Space.MEDIUM, Space.MEDIUM)
        column.setSpacing(Space.SMALL)
        column.addWidget(self._note)
        column.addWidget(self.chips)
        column.addWidget(self.edit)
        row = QHBoxLayout()
        row.setSpacing(Space.MEDIUM)
        row.addWidget(self.attach_button)
        row.addWidget(self.manner_button, 99)  # has its words where the cost leaves room for them
        row.addStretch(1)
        row.addWidget(self.cost)
        row.addWidget(self.button)
        column.addLayout(row)

    @property
    def text(self) -> str:
        """What is written."""
        return self.edit.toPlainText()

    def show_state(self, state: DeskState) -> None:
        """Show what the state says of the draft, the cost and the engine."""
        self._state = state
        chat_id = state.chat.id if state.chat is not None else None
        if chat_id != self._chat_id:
            self._chat_id = chat_id
            self._is_editing = False
            self._note.hide()
            self._set_text(state.chat.draft if state.chat is not None else "")
        self.manner_button.show_state(state)
        self._show_chips()
        self._is_busy = state.streaming is not None or state.engine.phase in _BUSY
        self._refusal = self._why_not(state)
        self._show_placeholder(self._placeholder(state))
        self._show_cost()
        self._show_button()

    def _show_chips(self) -> None:
        """Show what is attached to the draft; an earlier message that is edited keeps its own."""
        self.chips.show_attachments(() if self._is_editing else self._attachments)
        self.attach_button.setVisible(not self._is_editing)
        self.edit.attaches_long_pastes = not self._is_editing

    @property
    def _attachments(self) -> tuple[Attachment, ...]:
        return self._state.chat.attachments if self._state.chat is not None else ()

    def _show_placeholder(self, text: str) -> None:
        if text != self.edit.placeholderText():
            self.edit.setPlaceholderText(text)
            self.edit.viewport().update()  # QPlainTextEdit does not repaint for it

    def _why_not(self, state: DeskState) -> str:
        """Return why nothing can be sent now, in words; "" when it can."""
        if state.opening:
            return self.tr("The model is being opened")
        if state.model is None and state.engine.loaded is None:
            return self.tr("Open a model first")
        if state.engine.phase is Phase.LOADING:
            return self.tr("The model is being loaded")
        return ""

    def _placeholder(self, state: DeskState) -> str:
        if self._refusal:
            return self._refusal + "…"
        if state.engine.loaded is None and state.model is not None:
            return self.tr("Ask {model}; it is loaded first…").format(model=state.model.name)
        if state.chat is not None and state.chat.messages:
            return self.tr("Reply…")
        return self.tr("Ask anything…")

    def write(self, text: str) -> None:
        """Put a text into the composer, for the user to change or send."""
        self._set_text(text)
        self.draftChanged.emit(text)
        self.edit.setFocus()

    def begin_edit(self, text: str, n_behind: int = 1) -> None:
        """Edit a question: sending replaces it and the `n_behind` messages after it; Escape leaves all be."""
        self._is_editing = True
        self._note.setText(
            self.tr("Editing your last message: its answer will be written anew. Esc keeps it.")
            if n_behind <= 1
            else self.tr(
                "Editing an earlier message: it and the {count} messages after it give way. Esc keeps them."
            ).format(count=n_behind)
        )
        self._note.show()
        self._show_chips()
        self._set_text(text)
        self.edit.setFocus()
        self._show_button()

    def cancel_edit(self) -> None:
        """Leave the last question as it was."""
        if self._is_editing:
            self._end_edit()
            self._set_text(self._state.chat.draft if self._state.chat is not None else "")

    def _end_edit(self) -> None:
        self._is_editing = False
        self._note.hide()
        self._show_chips()

    def _set_text(self, text: str) -> None:
        was_blocked = self.edit.blockSignals(True)
        self.edit.setPlainText(text)
        self.edit.blockSignals(was_blocked)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)
        self._show_button()

    def _text_changed(self) -> None:
        if not self._is_editing:
            self.draftChanged.emit(self.text)
        self._show_cost()
        self._show_button()

    def _show_cost(self) -> None:
        draft = self.text
        if not draft.strip() and self._has_something:
            draft = "".join(attached.name for attached in self._attachments)  # they cost as well
        line = self._refusal if self.text.strip() and self._refusal else cost_line(self._state, draft)
        if line != self.cost.text():
            self.cost.setText(line)
        cost = self._state.send_cost
        drops = cost is not None and cost.drops_reasoning
        reason = self.tr(
            "This model’s template leaves the reasoning of earlier answers out: every answer that"
            " thought is read again with the next message."
        )
        self.cost.setToolTip("\n".join((line, reason)) if drops else line)  # the line may be shortened

    def _show_button(self) -> None:
        label = self.tr("Stop") if self._is_busy else self.tr("Send")
        if label != self.button.text():
            self.button.setText(label)
            self.button.setAccessibleName(label)
        can_send = self._has_something and not self._refusal
        self.button.setEnabled(self._is_busy or can_send)
        self.button.setToolTip(self._button_help(can_send))

    def _button_help(self, can_send: bool) -> str:
        if self._is_busy:
            return self.tr("Stop the answer; what there is of it stays (Esc)")
        if can_send:
            return self.tr("Enter sends, Shift+Enter begins a new line")
        return self._refusal or self.tr("Write a message first")

    @property
    def _has_something(self) -> bool:
        return bool(self.text.strip()) or (bool(self._attachments) and not self._is_editing)

    def _button_clicked(self) -> None:
        if self._is_busy:
            self.stopWanted.emit()
        else:
            self._send()

    def _send(self) -> None:
        text = self.text.strip()
        if not self._has_something or self._is_busy or self._refusal:
            return
        signal = self.edited if self._is_editing else self.sent
        self._end_edit()
        self._set_text("")
        signal.emit(text)


def local_files(data: QMimeData) -> list[str]:
    """Return the paths of dragged or copied files; none unless all are on this machine."""
    paths = [url.toLocalFile() for url in data.urls()]
    return paths if all(paths) else []
