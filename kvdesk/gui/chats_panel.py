"""The conversations, left: open one, begin one, find one by what was said, rename and delete."""

import time
from collections.abc import Mapping

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QIcon, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui.chat_delegate import ChatDelegate
from kvdesk.gui.chat_items import ChatItems, arrange
from kvdesk.gui.controls import icon_button, push_button, text_label
from kvdesk.gui.icons import set_icon
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import ChatSummary, DeskState


class ChatList(QListView):
    """A list that is walked with the arrows, opened with Enter, renamed with F2 and cut down with Del."""

    openWanted = Signal(QModelIndex)
    deleteWanted = Signal(QModelIndex)

    def __init__(self, items: ChatItems) -> None:
        super().__init__()
        self.setModel(items)
        self.setItemDelegate(ChatDelegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.clicked.connect(self.openWanted)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if self.state() == QAbstractItemView.State.EditingState:
            event.accept()  # the Enter that ends renaming comes here too
        elif index.isValid() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.openWanted.emit(index)
        elif index.isValid() and event.key() == Qt.Key.Key_Delete:
            self.deleteWanted.emit(index)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Stand on a conversation, never on a heading."""
        super().focusInEvent(event)
        if not self.currentIndex().flags() & Qt.ItemFlag.ItemIsEnabled and self.model().rowCount() > 1:
            self.setCurrentIndex(self.model().index(1, 0))


class DeleteQuestion(QFrame):
    """Asks in place whether a conversation shall go; Esc keeps it."""

    confirmed = Signal(int)
    answered = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("surface", "error")
        self._chat_id = -1
        self._text = text_label("", "text", TextSize.TABLE, wrap=True)
        self.delete_button = push_button(self.tr("Delete"), "danger", TextSize.TABLE)
        self.keep_button = push_button(self.tr("Keep"), size=TextSize.TABLE)
        self.delete_button.clicked.connect(self._confirm)
        self.keep_button.clicked.connect(self._close)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.MEDIUM, Space.SMALL, Space.MEDIUM, Space.MEDIUM)
        row = QHBoxLayout()
        row.setSpacing(Space.SMALL)
        for button in (self.delete_button, self.keep_button):
            row.addWidget(button)
        row.addStretch(1)
        column.addWidget(self._text)
        column.addLayout(row)
        self.hide()

    def ask(self, chat: ChatSummary) -> None:
        """Ask about a conversation."""
        self._chat_id = chat.id
        self._text.setText(self.tr("Delete “{title}” for good?").format(title=chat.title))
        self.show()
        self.delete_button.setFocus()

    def _confirm(self) -> None:
        self.confirmed.emit(self._chat_id)
        self._close()

    def _close(self) -> None:
        self.hide()
        self.answered.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)


class ChatsPanel(QWidget):
    """Shows the conversations of a `DeskState`."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._state = DeskState()
        self._items = ChatItems(lambda chat_id, title: actions.rename_chat(desk, chat_id, title))
        self.new_button = icon_button("plus", self.tr("New chat"))
        self.search = QLineEdit()
        self.list = ChatList(self._items)
        self.question = DeleteQuestion()
        self.nothing = text_label("", "muted", TextSize.TABLE, wrap=True)
        self._lay_out()
        self.new_button.clicked.connect(lambda: actions.new_chat(desk))
        self.search.textChanged.connect(self._look_for)
        self.list.itemDelegate().closeEditor.connect(lambda: QTimer.singleShot(0, self, self._arrange))
        self.list.openWanted.connect(self._open)
        self.list.deleteWanted.connect(self._ask_delete)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.question.confirmed.connect(lambda chat_id: actions.delete_chat(desk, chat_id))
        self.question.answered.connect(self.list.setFocus)
        self._arrange()

    def _lay_out(self) -> None:
        self.setMinimumWidth(160)
        self.search.setPlaceholderText(self.tr("Search chats"))
        self.search.setAccessibleName(self.tr("Search titles and all that was said"))
        self.search.setClearButtonEnabled(True)
        icon = self.search.addAction(QIcon(), QLineEdit.ActionPosition.LeadingPosition)
        set_icon(icon, "search", "muted", 14)
        self.list.setAccessibleName(self.tr("Chats"))
        head = QHBoxLayout()
        head.setContentsMargins(Space.SMALL, 0, 0, 0)
        head.addWidget(text_label(self.tr("KV Desk"), "text", TextSize.READING, bold=True))
        head.addStretch(1)
        head.addWidget(self.new_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.SMALL, Space.MEDIUM, Space.SMALL, Space.MEDIUM)
        column.setSpacing(Space.SMALL)
        column.addLayout(head)
        column.addWidget(self.search)
        self.nothing.setContentsMargins(Space.SMALL, Space.SMALL, 0, 0)
        column.addWidget(self.nothing)
        column.addWidget(self.list, 1)
        column.addWidget(self.question)

    def show_state(self, state: DeskState) -> None:
        """Show the conversations and which one is open."""
        before, self._state = self._state, state
        open_before = before.chat.id if before.chat else None
        open_now = state.chat.id if state.chat else None
        if before.chats is not state.chats or open_before != open_now or before.found is not state.found:
            self._arrange()

    def _look_for(self, wanted: str) -> None:
        self._arrange()
        if wanted.strip():
            actions.search_chats(self._desk, wanted)

    def _excerpts(self) -> Mapping[int, str]:
        """Where what stands in the field was said, as far as that is known by now."""
        found = self._state.found
        return found.excerpts if found is not None and found.wanted == self.search.text() else {}

    def _arrange(self) -> None:
        if self.list.state() == QAbstractItemView.State.EditingState:
            return  # the next state, or the end of editing, shows what has changed
        state = self._state
        chat = self._items.chat_at(self.list.currentIndex())
        open_id = state.chat.id if state.chat else None
        excerpts = self._excerpts()
        entries = arrange(state.chats, self.search.text(), time.time(), excerpts)
        if self._items.show(entries, open_id, excerpts):
            row = self._items.row_of(chat.id if chat else open_id)
            if row >= 0:
                self.list.setCurrentIndex(self._items.index(row))
        self.nothing.setVisible(not entries)
        self.nothing.setText(
            self.tr("That was said nowhere.") if state.chats else self.tr("Your chats will be listed here.")
        )

    def _open(self, index: QModelIndex) -> None:
        chat = self._items.chat_at(index)
        if chat is not None and (self._state.chat is None or self._state.chat.id != chat.id):
            actions.open_chat(self._desk, chat.id)

    def _ask_delete(self, index: QModelIndex) -> None:
        chat = self._items.chat_at(index)
        if chat is not None:
            self.question.ask(chat)

    def _show_menu(self, at: QPoint) -> None:
        index = self.list.indexAt(at)
        if self._items.chat_at(index) is None:
            return
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.addAction(self.tr("Open")).triggered.connect(lambda: self._open(index))
        renaming = menu.addAction(self.tr("Rename"))
        renaming.setShortcut(Qt.Key.Key_F2)
        renaming.triggered.connect(lambda: self.list.edit(index))
        deleting = menu.addAction(self.tr("Delete…"))
        deleting.setShortcut(Qt.Key.Key_Delete)
        deleting.triggered.connect(lambda: self._ask_delete(index))
        menu.popup(self.list.viewport().mapToGlobal(at))
