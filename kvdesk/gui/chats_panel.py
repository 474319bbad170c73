"""The conversations, left: open one, begin one, find one by what was said, rename, delete, import, export."""

import re
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QIcon, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.chat_delegate import ChatDelegate
from kvdesk.gui.chat_items import FOLDER_ROLE, ChatItems, arrange
from kvdesk.gui.controls import icon_button, push_button, text_label
from kvdesk.gui.elided_label import ElidedLabel
from kvdesk.gui.icons import set_icon
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import ChatSummary, DeskState


class ChatList(QListView):
    """A list that is walked with the arrows, opened with Enter, renamed with F2 and cut down with Del."""

    openWanted = Signal(QModelIndex)
    deleteWanted = Signal(QModelIndex)
    undoWanted = Signal()

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
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.clicked.connect(self.openWanted)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if self.state() == QAbstractItemView.State.EditingState:
            event.accept()  # the Enter that ends renaming comes here too
        elif index.isValid() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.openWanted.emit(index)
        elif index.isValid() and event.key() == Qt.Key.Key_Delete:
            self.deleteWanted.emit(index)
        elif event.matches(QKeySequence.StandardKey.Undo):
            self.undoWanted.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Stand on a conversation, never on a heading."""
        super().focusInEvent(event)
        if not self.currentIndex().flags() & Qt.ItemFlag.ItemIsEnabled and self.model().rowCount() > 1:
            self.setCurrentIndex(self.model().index(1, 0))


class UndoBar(QFrame):
    """Says in place which conversation was deleted, and offers to bring it back."""

    undoWanted = Signal()
    dismissed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("surface", "notice")
        self.setAccessibleName(self.tr("Deleted chat"))
        self._text = ElidedLabel()
        self.undo_button = push_button(self.tr("Undo"), "flat", TextSize.TABLE)
        self.undo_button.setToolTip(self.tr("Bring the chat back (Ctrl+Z in the list)"))
        self.dismiss_button = icon_button("close", self.tr("Dismiss"))
        self.undo_button.clicked.connect(self.undoWanted)
        self.dismiss_button.clicked.connect(self.dismissed)
        head = QHBoxLayout()
        head.setSpacing(Space.TINY)
        head.addWidget(self._text, 1)
        head.addWidget(self.dismiss_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.SMALL, Space.TINY, Space.TINY, Space.TINY)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.undo_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def show_deleted(self, deleted: tuple[ChatSummary, ...]) -> None:
        """Tell of the one deleted last; of none nothing."""
        self.setVisible(bool(deleted))
        if deleted:
            title = deleted[-1].title or self.tr("New chat")
            self._text.setText(self.tr("Deleted “{title}”").format(title=title))
            self.setAccessibleDescription(self._text.text())


class ChatsPanel(QWidget):
    """Shows the conversations of a `DeskState`."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        theme.dress(self)
        self._desk = desk
        self._state = DeskState()
        self._folded: set[str] = set()
        self._new_folder = ""  # waits to be listed, to be named
        self._items = ChatItems(
            partial(actions.rename_chat, desk), partial(actions.move_chat, desk), self._rename_folder
        )
        self.new_button = icon_button("plus", self.tr("New chat"))
        self.more_button = icon_button("more", self.tr("Import and export chats"))
        self.search = QLineEdit()
        self.list = ChatList(self._items)
        self.undo_bar = UndoBar()
        self.nothing = text_label("", "muted", TextSize.TABLE, wrap=True)
        self._lay_out()
        self.new_button.clicked.connect(lambda: actions.new_chat(desk))
        self.more_button.clicked.connect(self._show_more)
        self.search.textChanged.connect(self._look_for)
        self.list.itemDelegate().closeEditor.connect(lambda: QTimer.singleShot(0, self, self._arrange))
        self.list.openWanted.connect(self._open)
        self.list.deleteWanted.connect(self._delete)
        self.list.undoWanted.connect(lambda: actions.undo_delete(desk))
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.undo_bar.undoWanted.connect(lambda: actions.undo_delete(desk))
        self.undo_bar.undoWanted.connect(self.list.setFocus)
        self.undo_bar.dismissed.connect(lambda: actions.accept_deletes(desk))
        self.undo_bar.dismissed.connect(self.list.setFocus)
        self._arrange()

    def _lay_out(self) -> None:
        self.setMinimumWidth(theme.px(160))
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
        head.addWidget(self.more_button)
        head.addWidget(self.new_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.SMALL, Space.MEDIUM, Space.SMALL, Space.MEDIUM)
        column.setSpacing(Space.SMALL)
        column.addLayout(head)
        column.addWidget(self.search)
        self.nothing.setContentsMargins(Space.SMALL, Space.SMALL, 0, 0)
        column.addWidget(self.nothing)
        column.addWidget(self.list, 1)
        column.addWidget(self.undo_bar)

    def show_state(self, state: DeskState) -> None:
        """Show the conversations and which one is open."""
        before, self._state = self._state, state
        if before.deleted is not state.deleted:
            self.undo_bar.show_deleted(state.deleted)
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
        entries = arrange(state.chats, self.search.text(), time.time(), excerpts, self._folded)
        if self._items.show(entries, open_id, excerpts):
            row = self._items.row_of(chat.id if chat else open_id)
            if row >= 0:
                self.list.setCurrentIndex(self._items.index(row))
        self._name_new_folder()
        self.nothing.setVisible(not entries)
        self.nothing.setText(
            self.tr("That was said nowhere.") if state.chats else self.tr("Your chats will be listed here.")
        )

    def _open(self, index: QModelIndex) -> None:
        if index.data(FOLDER_ROLE) is not None:
            self._fold(self._items.folder_at(index))
            return
        chat = self._items.chat_at(index)
        if chat is not None and (self._state.chat is None or self._state.chat.id != chat.id):
            actions.open_chat(self._desk, chat.id)

    def _fold(self, folder: str) -> None:
        """Fold a folder, or unfold it."""
        self._folded ^= {folder}
        self._arrange()
        self.list.setCurrentIndex(self._items.index(self._items.row_of_folder(folder)))

    def _rename_folder(self, folder: str, name: str) -> None:
        if folder in self._folded:
            self._folded ^= {folder, name}
        actions.rename_folder(self._desk, folder, name)

    def _move_to_new_folder(self, chat_id: int) -> None:
        folders = {chat.folder for chat in self._state.chats}
        names = (self.tr("New folder {number}").format(number=n) for n in range(2, len(folders) + 3))
        self._new_folder = next(name for name in (self.tr("New folder"), *names) if name not in folders)
        actions.move_chat(self._desk, chat_id, self._new_folder)

    def _name_new_folder(self) -> None:
        """Open the field for the name of a folder that was just made."""
        row = self._items.row_of_folder(self._new_folder) if self._new_folder else -1
        if row >= 0:
            self._new_folder = ""
            self.list.setCurrentIndex(self._items.index(row))
            self.list.edit(self._items.index(row))

    def _delete(self, index: QModelIndex) -> None:
        chat = self._items.chat_at(index)
        if chat is not None:
            actions.delete_chat(self._desk, chat.id)

    def _show_menu(self, at: QPoint) -> None:
        index = self.list.indexAt(at)
        chat = self._items.chat_at(index)
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        if index.isValid() and index.data(FOLDER_ROLE) is not None:
            folder = self._items.folder_at(index)
            menu.addAction(self.tr("Rename")).triggered.connect(lambda: self.list.edit(index))
            dissolving = menu.addAction(self.tr("Dissolve the folder, keep its chats"))
            dissolving.triggered.connect(lambda: actions.rename_folder(self._desk, folder, ""))
            menu.popup(self.list.viewport().mapToGlobal(at))
        if chat is None:
            return
        menu.addAction(self.tr("Open")).triggered.connect(lambda: self._open(index))
        renaming = menu.addAction(self.tr("Rename"))
        renaming.setShortcut(Qt.Key.Key_F2)
        renaming.triggered.connect(lambda: self.list.edit(index))
        self._add_folders(menu.addMenu(self.tr("Move to folder")), chat)
        menu.addAction(self.tr("Export…")).triggered.connect(lambda: self._export(index))
        deleting = menu.addAction(self.tr("Delete"))
        deleting.setShortcut(Qt.Key.Key_Delete)
        deleting.triggered.connect(lambda: self._delete(index))
        menu.popup(self.list.viewport().mapToGlobal(at))

    def _add_folders(self, menu: QMenu, chat: ChatSummary) -> None:
        move = partial(actions.move_chat, self._desk, chat.id)
        for folder in sorted(
            {each.folder for each in self._state.chats} - {"", chat.folder}, key=str.casefold
        ):
            menu.addAction(folder.replace("&", "&&")).triggered.connect(lambda _=False, to=folder: move(to))
        menu.addAction(self.tr("New folder")).triggered.connect(lambda: self._move_to_new_folder(chat.id))
        if chat.folder:
            menu.addAction(self.tr("Out of the folder")).triggered.connect(lambda: move(""))

    def _show_more(self) -> None:
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.addAction(self.tr("Import chats…")).triggered.connect(self._import)
        everything = menu.addAction(self.tr("Export all chats…"))
        everything.setEnabled(bool(self._state.chats))
        everything.triggered.connect(lambda: self._export(None))
        menu.popup(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))

    def _export(self, index: QModelIndex | None) -> None:
        """Ask where to write a conversation, or (None) all of them."""
        chat = self._items.chat_at(index) if index is not None else None
        ids = (chat.id,) if chat is not None else None
        dialog = QFileDialog(self, self.tr("Export chats"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(
            [self.tr("JSON with all branches (*.json)"), self.tr("Markdown to read (*.md)")]
        )
        dialog.setDefaultSuffix("json")
        dialog.filterSelected.connect(
            lambda name: dialog.setDefaultSuffix("md" if "*.md" in name else "json")
        )
        dialog.selectFile(file_name(chat.title) if chat is not None else self.tr("chats"))
        dialog.fileSelected.connect(lambda path: actions.export_chats(self._desk, ids, Path(path)))
        dialog.open()

    def _import(self) -> None:
        dialog = QFileDialog(self, self.tr("Import chats"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setNameFilters([self.tr("Chats (*.json *.jsonl *.md)"), self.tr("All files (*)")])
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(
            lambda paths: actions.import_chats(self._desk, [Path(path) for path in paths])
        )
        dialog.open()


def file_name(title: str) -> str:
    """Return a name that every file system takes for what a conversation is called."""
    return " ".join(re.sub(r'[\x00-\x1f<>:"/\\|?*]', " ", title).split()).strip(".")[:80] or "chat"
