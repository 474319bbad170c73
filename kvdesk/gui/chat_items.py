"""The list of conversations as Qt sees it: folders and days as headings, conversations under them."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
)

from kvdesk.session.state import ChatSummary

Index = QModelIndex | QPersistentModelIndex
CHAT_ROLE = Qt.ItemDataRole.UserRole  # the ChatSummary; None for a heading
OPEN_ROLE = Qt.ItemDataRole.UserRole + 1  # whether it is the conversation that is open
FOLDER_ROLE = Qt.ItemDataRole.UserRole + 3  # of a folder's heading whether it is unfolded; None elsewhere
_MIME = "application/x-kvdesk-chat"
EXCERPT_ROLE = Qt.ItemDataRole.UserRole + 2  # where what was looked for stands; "" when nowhere
_INVALID = QModelIndex()
_NO_EXCERPTS: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Heading:
    """A day, or several; or a folder, which can be folded."""

    title: str
    is_folder: bool = False
    is_open: bool = True


Entry = Heading | ChatSummary


def day_of(updated_s: float, now_s: float) -> str:
    """Return the heading of a time, by this machine's calendar."""
    days = (datetime.fromtimestamp(now_s).date() - datetime.fromtimestamp(updated_s).date()).days
    for most, title in (
        (0, QCoreApplication.translate("ChatItems", "Today")),
        (1, QCoreApplication.translate("ChatItems", "Yesterday")),
        (7, QCoreApplication.translate("ChatItems", "Last week")),
    ):
        if days <= most:
            return title
    return QCoreApplication.translate("ChatItems", "Older")


def arrange(
    chats: tuple[ChatSummary, ...],
    wanted: str,
    now_s: float,
    said: Container[int] = (),
    folded: Container[str] = (),
) -> list[Entry]:
    """Return headings and the conversations whose titles contain `wanted`, or in which it was said (`said`),
    latest first; those in folders come before the others, but for `folded` ones. A search unfolds all.
    """
    entries: list[Entry] = []
    wanted = wanted.strip().casefold()
    heading = ""
    found = [chat for chat in chats if wanted in chat.title.casefold() or chat.id in said]
    found.sort(key=lambda chat: chat.updated_s, reverse=True)
    for folder in sorted({chat.folder for chat in found if chat.folder}, key=str.casefold):
        is_open = bool(wanted) or folder not in folded
        entries.append(Heading(folder, is_folder=True, is_open=is_open))
        entries += [chat for chat in found if chat.folder == folder and is_open]
    for chat in found:
        if chat.folder:
            continue
        day = day_of(chat.updated_s, now_s)
        if day != heading:
            heading = day
            entries.append(Heading(day))
        entries.append(chat)
    return entries


def short_tokens(tokens: int | None) -> str:
    """Print a size that is read at a glance: "812", "27k"; nothing where none is known."""
    if not tokens:
        return ""
    return str(tokens) if tokens < 1000 else f"{tokens / 1000:.0f}k"


class ChatItems(QAbstractListModel):
    """Conversations in folders and grouped by day; `rename` is called with an id and a title, `move` with an
    id and a folder, `rename_folder` with both names.
    """

    def __init__(
        self,
        rename: Callable[[int, str], None],
        move: Callable[[int, str], None],
        rename_folder: Callable[[str, str], None],
    ) -> None:
        super().__init__()
        self._rename = rename
        self._move = move
        self._rename_folder = rename_folder
        self._entries: list[Entry] = []
        self._open_id: int | None = None
        self._excerpts: Mapping[int, str] = _NO_EXCERPTS

    def show(
        self, entries: list[Entry], open_id: int | None, excerpts: Mapping[int, str] = _NO_EXCERPTS
    ) -> bool:
        """Take other entries; True when rows came, went or moved. `excerpts` are of what was looked for."""
        keys = [_key(entry) for entry in entries]
        is_same_height = excerpts == self._excerpts
        self._excerpts = excerpts
        if is_same_height and keys == [_key(entry) for entry in self._entries]:
            changed = [
                row
                for row, (old, new) in enumerate(zip(self._entries, entries, strict=True))
                if old != new or (self._open_id != open_id and _key(new) in (self._open_id, open_id))
            ]
            self._entries, self._open_id = entries, open_id
            for row in changed:
                self.dataChanged.emit(self.index(row), self.index(row))
            return False
        self.beginResetModel()
        self._entries, self._open_id = entries, open_id
        self.endResetModel()
        return True

    def row_of(self, chat_id: int | None) -> int:
        """Return the row of a conversation; -1 when it is not listed."""
        return next((row for row, entry in enumerate(self._entries) if _key(entry) == chat_id), -1)

    def chat_at(self, index: Index) -> ChatSummary | None:
        """Return the conversation of a row; None for a heading."""
        entry = self._entries[index.row()] if index.isValid() else None
        return entry if isinstance(entry, ChatSummary) else None

    def row_of_folder(self, folder: str) -> int:
        """Return the row of a folder's heading; -1 when it is not listed."""
        key = _key(Heading(folder, is_folder=True))
        return next((row for row, entry in enumerate(self._entries) if _key(entry) == key), -1)

    def folder_at(self, index: Index) -> str:
        """Return the folder that a row heads or is in; "" where there is none."""
        entry = self._entries[index.row()] if index.isValid() else None
        if isinstance(entry, Heading):
            return entry.title if entry.is_folder else ""
        return entry.folder if entry is not None else ""

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[Index]) -> QMimeData:
        data = QMimeData()
        chat = self.chat_at(indexes[0]) if indexes else None
        if chat is not None:
            data.setData(_MIME, str(chat.id).encode())
        return data

    def canDropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        return data.hasFormat(_MIME)

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        """Put the conversation into the folder that it was dropped on or in; beside any takes it out."""
        if data.hasFormat(_MIME):
            at = parent if parent.isValid() else self.index(row - 1)  # no row, below the last one
            self._move(int(bytes(data.data(_MIME).data())), self.folder_at(at))
        return False  # the store's list brings the new order; the view must not take the row away

    def rowCount(self, parent: Index = _INVALID) -> int:
        return 0 if parent.isValid() else len(self._entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        chat = entry if isinstance(entry, ChatSummary) else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return entry.title or QCoreApplication.translate("ChatItems", "New chat")
        if role == Qt.ItemDataRole.EditRole:
            return entry.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return chat.title if chat else None
        if role == CHAT_ROLE:
            return chat
        if role == FOLDER_ROLE:
            return entry.is_open if isinstance(entry, Heading) and entry.is_folder else None
        if role == OPEN_ROLE:
            return chat is not None and chat.id == self._open_id
        if role in (EXCERPT_ROLE, Qt.ItemDataRole.AccessibleDescriptionRole):
            return self._excerpts.get(chat.id, "") if chat else ""
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        drop = Qt.ItemFlag.ItemIsDropEnabled | Qt.ItemFlag.ItemNeverHasChildren
        if self.chat_at(index) is None:
            if index.data(FOLDER_ROLE) is None:
                return drop
            return (
                drop | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable
            )
        return (
            drop
            | Qt.ItemFlag.ItemIsDragEnabled
            | Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsEditable
        )

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        entry = self._entries[index.row()] if index.isValid() else None
        title = str(value).strip()
        if entry is None or role != Qt.ItemDataRole.EditRole or not title:
            return False
        if title != entry.title and isinstance(entry, ChatSummary):
            self._rename(entry.id, title)
        elif title != entry.title:
            self._rename_folder(entry.title, title)
        return True


def _key(entry: Entry) -> int | str:
    if isinstance(entry, ChatSummary):
        return entry.id
    return f"folder {entry.title}" if entry.is_folder else entry.title
