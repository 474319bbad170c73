"""The conversation's menus; a link is opened from one only, with its whole address in sight."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication, QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence
from PySide6.QtWidgets import QApplication, QMenu, QWidget

translate = QCoreApplication.translate

Mark = Literal["pin", "unpin", "drop", "bring_back", "compact"]  # about a message's place in the context

_OPENED_SCHEMES = ("http", "https", "mailto")
_LONGEST = 90


def _copy(text: str) -> None:
    QApplication.clipboard().setText(text)


def link_menu(parent: QWidget, address: str, menu: QMenu | None = None) -> QMenu:
    """Return a menu that shows where a link leads and asks what to do with it."""
    menu = menu or _menu(parent)
    shown = address if len(address) <= _LONGEST else f"{address[:_LONGEST]}…"
    menu.addAction(shown.replace("&", "&&")).setEnabled(False)
    url = QUrl(address)
    opening = menu.addAction(translate("ConversationMenus", "Open in the browser"))
    opening.setEnabled(url.isValid() and url.scheme().lower() in _OPENED_SCHEMES)
    opening.triggered.connect(lambda: QDesktopServices.openUrl(url))
    menu.addAction(translate("ConversationMenus", "Copy address")).triggered.connect(lambda: _copy(address))
    return menu


@dataclass(frozen=True, slots=True)
class Menued:
    """What the context menu is about, and what it can ask for."""

    has_selection: bool
    copy: Callable[[], None]
    select_all: Callable[[], None]
    message: str | None = None  # Markdown of the message under the mouse
    code: str | None = None
    address: str = ""
    fold: Callable[[], None] | None = None  # folds or unfolds the message's reasoning
    is_unfolded: bool = False
    marks: tuple[Mark, ...] = ()  # what can be done about its place in the context
    mark: Callable[[Mark], None] | None = None


def conversation_menu(parent: QWidget, about: Menued) -> QMenu:
    """Return the context menu for a place in the conversation."""
    menu = _menu(parent)
    if about.address:
        link_menu(parent, about.address, menu)
        menu.addSeparator()
    copying = menu.addAction(translate("ConversationMenus", "Copy"))
    copying.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
    copying.setEnabled(about.has_selection)
    copying.triggered.connect(about.copy)
    code, message = about.code, about.message
    if code is not None:
        menu.addAction(translate("ConversationMenus", "Copy code")).triggered.connect(lambda: _copy(code))
    if message is not None:
        menu.addAction(translate("ConversationMenus", "Copy message")).triggered.connect(
            lambda: _copy(message)
        )
    if about.fold is not None:
        label = (
            translate("ConversationMenus", "Hide reasoning")
            if about.is_unfolded
            else translate("ConversationMenus", "Show reasoning")
        )
        menu.addAction(label).triggered.connect(about.fold)
    if about.mark is not None and about.marks:
        menu.addSeparator()
        _add_marks(menu, about.marks, about.mark)
        menu.addSeparator()
    everything = menu.addAction(translate("ConversationMenus", "Select all"))
    everything.setShortcut(QKeySequence(QKeySequence.StandardKey.SelectAll))
    everything.triggered.connect(about.select_all)
    return menu


def _add_marks(menu: QMenu, marks: tuple[Mark, ...], do: Callable[[Mark], None]) -> None:
    names: dict[Mark, str] = {
        "pin": translate("ConversationMenus", "Pin: never leave it out of the context"),
        "unpin": translate("ConversationMenus", "Unpin"),
        "drop": translate("ConversationMenus", "Leave this exchange out of the context"),
        "bring_back": translate("ConversationMenus", "Bring it back into the context"),
        "compact": translate("ConversationMenus", "Summarise everything up to here…"),
    }
    for mark in marks:
        menu.addAction(names[mark]).triggered.connect(lambda _=False, mark=mark: do(mark))


def _menu(parent: QWidget) -> QMenu:
    menu = QMenu(parent)
    menu.aboutToHide.connect(menu.deleteLater)
    return menu
