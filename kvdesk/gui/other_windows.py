"""The windows beside the main one, each read in when it is first asked for: a start pays for none of them."""

import gc
from collections.abc import Callable
from functools import partial
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from kvdesk.gui.help_pages import page_of
from kvdesk.gui.in_steps import InSteps, iter_calls
from kvdesk.gui.theme import Space
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import DeskState

if TYPE_CHECKING:
    from kvdesk.gui.charts.history_window import HistoryWindow
    from kvdesk.gui.export_dialog import ExportDialog
    from kvdesk.gui.help.window import HelpWindow
    from kvdesk.gui.ledger_dialog import LedgerDialog
    from kvdesk.gui.manner.dialog import ChatSettings

HISTORY_MODULE = "kvdesk.gui.charts.history_window"
IMPORT_MODULE = "kvdesk.gui.import_dialog"
TITLE_BAR_HEIGHT = 32  # the frame is not known before a window is shown; on a small screen it must fit too


class OtherWindows(QObject):
    """Opens them, hands the state to those that show it, and forgets them when they are closed.

    What can stay open beside the conversation is placed below `top`. `keys` gives the window's keys with what
    they do, for the help.
    """

    tourWanted = Signal()
    renewWanted = Signal()  # in another language or size of text
    moveWanted = Signal(str)

    def __init__(
        self, desk: Desk, window: QWidget, top: QWidget, keys: Callable[[], list[tuple[str, str]]]
    ) -> None:
        super().__init__(window)
        self._desk, self._window, self._top, self._keys = desk, window, top, keys
        self._followers: list[ExportDialog | LedgerDialog | HistoryWindow | ChatSettings] = []
        self._imports: dict[str, tuple[Thread, Callable[[], None]]] = {}
        self.history: HistoryWindow | None = None
        self.chat_settings: ChatSettings | None = None
        self.help: HelpWindow | None = None

    def show_state(self, state: DeskState) -> None:
        """Hand the state to those that show it."""
        for follower in self._followers:
            follower.show_state(state)

    def look_for_imports(self) -> None:
        """Open what was asked for and has been read in meanwhile."""
        read_in = [module for module, (thread, _) in self._imports.items() if not thread.is_alive()]
        for module in read_in:
            then = self._imports.pop(module)[1]
            gc.freeze()  # a library stays; with it every full collection would take as long as a stall
            then()

    def show_export(self) -> None:
        """Show the launch command for the chosen options."""
        if self._desk.state.model is None:
            return
        from kvdesk.gui.export_dialog import ExportDialog

        dialog = ExportDialog(self._desk, self._window)
        self._follow(dialog)
        self._prepare(dialog).open()

    def show_import(self) -> None:
        """Take a launch that was copied somewhere; the dialog brings the readers of all forms."""
        self._open_when_read_in(IMPORT_MODULE, self.open_import)

    def open_import(self) -> None:
        """The same at once."""
        from kvdesk.gui.import_dialog import ImportDialog

        self._prepare(ImportDialog(self._desk, self._window)).open()

    def show_lens(self) -> None:
        """Show what a token takes of the open model's cache."""
        model = self._desk.state.model
        if model is None:
            return
        from kvdesk.gui.lens_dialog import LensDialog

        dialog = LensDialog(model.name, actions.look_through_lens(self._desk), self._window)
        InSteps(self._prepare(dialog), iter_calls(dialog.open))  # making it took its time

    def show_ledger(self) -> None:
        """Show what loads took."""
        from kvdesk.gui.ledger_dialog import LedgerDialog

        dialog = LedgerDialog(self._desk, self._window)
        self._follow(dialog)
        self._prepare(dialog).open()

    def show_settings(self) -> None:
        """Show the settings."""
        from kvdesk.gui.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self._desk, self._window)
        dialog.renewWanted.connect(self.renewWanted)
        dialog.moveWanted.connect(self.moveWanted)
        self._prepare(dialog).open()

    def show_history(self) -> None:
        """Show the live graph in large; its library takes 40 MB."""
        if self.history is not None:
            self.history.raise_()
        else:
            self._open_when_read_in(HISTORY_MODULE, self.open_history)

    def open_history(self) -> None:
        """The same at once."""
        from kvdesk.gui.charts.history_window import HistoryWindow

        self.history = HistoryWindow(self._desk, self._window)
        self.history.finished.connect(self._forget_history)
        self._follow(self.history)
        draw = partial(self.history.show_state, self._desk.state)
        InSteps(self._prepare(self.history), iter_calls(draw, self.history.show))

    def show_chat_settings(self) -> None:
        """Show how the open chat is answered; the chat can be gone on with."""
        if self.chat_settings is None:
            from kvdesk.gui.manner.dialog import ChatSettings

            self.chat_settings = ChatSettings(self._desk, self._window)
            self.chat_settings.finished.connect(self._forget_chat_settings)
            self._follow(self.chat_settings)
            self._prepare(self.chat_settings)
            self.chat_settings.move(self._place_over_desk(self.chat_settings))
            self.chat_settings.show()
        self.chat_settings.activateWindow()

    def show_help(self, page: str = "") -> None:
        """Show a page of the help: without a name, that of the control which has the keyboard."""
        wanted = page or page_of(QApplication.focusWidget())
        if self.help is None:
            from kvdesk.gui.help.window import HelpWindow

            self.help = HelpWindow(self._desk, self._keys(), QApplication.activeWindow() or self._window)
            self.help.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self.help.finished.connect(self._forget_help)
            self.help.tourWanted.connect(self.tourWanted)
            self.help.show()
        self.help.show_page(wanted)
        self.help.activateWindow()

    def close_help(self) -> None:
        """Take the help out of the way."""
        if self.help is not None:
            self.help.accept()

    def _open_when_read_in(self, module: str, then: Callable[[], None]) -> None:
        """Open what takes longer to import than the event loop may be held."""
        if module not in self._imports:
            thread = Thread(target=import_module, args=(module,), daemon=True)
            self._imports[module] = thread, then
            thread.start()

    def _prepare(self, dialog: QDialog) -> QDialog:
        """F1 in a dialog, too: it keeps the window's own keys from the window."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        QShortcut(QKeySequence("F1"), dialog).activated.connect(self.show_help)
        return dialog

    def _follow(self, dialog: "ExportDialog | LedgerDialog | HistoryWindow | ChatSettings") -> None:
        self._followers.append(dialog)
        dialog.finished.connect(lambda: self._followers.remove(dialog))

    def _place_over_desk(self, other: QWidget) -> QPoint:
        """Where another window leaves the conversation to be gone on with, as far as the screen has room."""
        left = self._window.width() - other.width() - Space.SMALL
        corner = self._window.mapToGlobal(QPoint(left, self._top.height()))
        last = self._window.screen().availableGeometry().bottomRight()
        last -= QPoint(other.width(), other.height() + TITLE_BAR_HEIGHT)
        return QPoint(min(corner.x(), last.x()), min(corner.y(), last.y()))

    def _forget_history(self) -> None:
        self.history = None

    def _forget_chat_settings(self) -> None:
        self.chat_settings = None

    def _forget_help(self) -> None:
        self.help = None
