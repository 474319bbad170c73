"""The conversation's menus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QMenu, QWidget

translate = QCoreApplication.translate

Mark = Literal["pin", "unpin", "drop", "bring_back", "compact"]  # about a message's place in the context

_LONGEST, _MOST_LINKS = 60, 12


def _copy(text: str) -> None:
    QApplication.clipboard().setText(text)


@dataclass(frozen=True, slots=True)
class Menued:
    """What the context menu is about, and what it can ask for."""

    has_selection: bool
    copy: Callable[[], None]
    copy_markdown: Callable[[], None]
    select_all: Callable[[], None]
    message: str | None = None  # Markdown of the message under the mouse
    code: str | None = None
    links: Sequence[str] = ()  # the one under the mouse; those of the message for the keyboard
    open_link: Callable[[str], None] | None = None  # asks about it
    fold: Callable[[], None] | None = None  # folds or unfolds the message's reasoning
    is_unfolded: bool = False
    quote: Callable[[], None] | None = None  # puts the selection or the message into the composer
    marks: tuple[Mark, ...] = ()  # what can be done about its place in the context
    mark: Callable[[Mark], None] | None = None


def conversation_menu(parent: QWidget, about: Menued) -> QMenu:
    """Return the context menu for a place in the conversation."""
    menu = _menu(parent)
    if about.open_link is not None and about.links:
        for address in about.links[:_MOST_LINKS]:
            shown = address if len(address) <= _LONGEST else f"{address[:_LONGEST]}…"
            label = translate("ConversationMenus", "Open {address}…").format(address=shown.replace("&", "&&"))
            menu.addAction(label).triggered.connect(partial(about.open_link, address))
        menu.addSeparator()
    copying = menu.addAction(translate("ConversationMenus", "Copy"))
    copying.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
    copying.setEnabled(about.has_selection)
    copying.triggered.connect(about.copy)
    with_marks = menu.addAction(translate("ConversationMenus", "Copy as Markdown"))
    with_marks.setShortcut(QKeySequence("Ctrl+Shift+C"))
    with_marks.setEnabled(about.has_selection)
    with_marks.triggered.connect(about.copy_markdown)
    code, message = about.code, about.message
    if code is not None:
        menu.addAction(translate("ConversationMenus", "Copy code")).triggered.connect(lambda: _copy(code))
    if message is not None:
        menu.addAction(translate("ConversationMenus", "Copy message")).triggered.connect(
            lambda: _copy(message)
        )
    if about.quote is not None:
        menu.addAction(translate("ConversationMenus", "Quote in the reply")).triggered.connect(about.quote)
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
