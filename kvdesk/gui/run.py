"""Starts the window: the first picture as early as possible, everything slower after it."""

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QLibraryInfo, QLocale, QObject, QTimer, QTranslator
from PySide6.QtWidgets import QApplication

from kvdesk.errors import KvDeskError
from kvdesk.gui import theme
from kvdesk.gui.error_dialog import ErrorDialog, notice_of, show_unexpected_errors
from kvdesk.gui.in_steps import InSteps
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.moving_dialog import MovingDialog
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.gui.stall_watch import watch_stalls
from kvdesk.gui.theme import Choice
from kvdesk.resources import DEMO_MODEL, resource_path
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.moving import move_data
from kvdesk.settings.places import find_places


def run_window(make_desk: Callable[[], Desk], model: str | None = None) -> int:
    """Show the window until it is closed; return the process's exit status.

    Opens `model`, or the one opened last, or the built-in one.
    """
    application = make_application(sys.argv)
    try:
        shell = Shell(application, make_desk, model)
    except KvDeskError as error:
        ErrorDialog(notice_of(error)).exec()
        return 2
    try:
        return application.exec()
    finally:
        shell.desk.close()
        sys.excepthook = sys.__excepthook__


class Shell(QObject):
    """Holds the desk and its window; makes another window for another language, text size or data folder."""

    def __init__(
        self, application: QApplication, make_desk: Callable[[], Desk], model: str | None = None
    ) -> None:
        super().__init__(application)
        self._application, self._make_desk = application, make_desk
        self._moving: MovingDialog | None = None
        self._next: MainWindow | None = None  # being made, to take the window's place
        self._open(model)

    def _open(self, model: str | None = None) -> None:
        self.desk = self._make_desk()
        translate(self._application, self.desk.settings.language)
        theme.current().set_choice(Choice(self.desk.settings.theme))
        theme.current().set_text_size(self.desk.settings.text_percent)
        self._take_window(self._make_window())
        AfterFirstPaint(self.window, lambda: start(self.desk, self.window, model))
        self.window.show()

    def _make_window(self, *, is_whole: bool = True) -> MainWindow:
        window = MainWindow(self.desk, is_whole=is_whole)
        window.renewWanted.connect(self.renew)
        window.moveWanted.connect(self.move_data)
        return window

    def _take_window(self, window: MainWindow) -> None:
        self.window = window
        show_unexpected_errors(window)
        watch_stalls(window, find_places().chats.parent)

    def renew(self) -> None:
        """Make the window again as the settings say, beside the one there is; when it is whole it takes its
        place. What is loaded and written goes on.
        """
        settings, look = self.desk.settings, theme.current()
        translate(self._application, settings.language)
        scale = look.text_scale
        look.set_text_size(settings.text_percent)
        self.window.remember()
        if look.text_scale != scale:  # parts have other widths then
            self.desk.change_settings(window_splitter=())
        self._give_up_next()
        self._next = self._make_window(is_whole=False)
        InSteps(self._next, self._renewing(self._next))

    def _give_up_next(self) -> None:
        if self._next is not None:
            self._next.deleteLater()
            self._next = None

    def _renewing(self, window: MainWindow) -> Iterator[None]:
        yield from window.building
        yield
        before, self._next = self.window, None
        self._take_window(window)
        was_setting = before.findChild(SettingsDialog) is not None
        large = (window.conversation, window.desk_panel)  # each is painted in a turn of its own
        for part in large:
            part.setUpdatesEnabled(False)
        window.show()
        yield
        for part in large:
            part.setUpdatesEnabled(True)
            yield
        window.conversation.view.read_on(before.conversation.view.reading_place)
        window.start()
        yield
        before.leave()
        yield
        if was_setting:
            window.others.show_settings()

    def move_data(self, folder: str) -> None:
        """End the desk, move its files, and begin again with them where they are then."""
        places = find_places()
        self._application.setQuitOnLastWindowClosed(False)
        self._give_up_next()
        self.window.leave()
        self.desk.close()
        self._moving = MovingDialog(partial(move_data, places, Path(folder)), Path(folder))
        self._moving.finished.connect(self._moved)
        self._moving.start()

    def _moved(self) -> None:
        assert self._moving is not None
        error = self._moving.error
        self._moving.deleteLater()
        self._moving = None
        self._open()
        self._application.setQuitOnLastWindowClosed(True)
        if error is not None:
            self.desk.report(error)


def make_application(arguments: list[str]) -> QApplication:
    """Make the application object with its names, before any widget."""
    application = QApplication(arguments)
    application.setApplicationName("kvdesk")
    application.setApplicationDisplayName("KV Desk")
    application.setDesktopFileName("kvdesk")
    return application


def translate(application: QApplication, language: str) -> None:
    """Speak a language ("system" for the desktop's) from now on, where there are translations of it."""
    for earlier in application.findChildren(QTranslator):
        application.removeTranslator(earlier)
        earlier.deleteLater()
    locale = QLocale.system() if language == "system" else QLocale(language)
    for name, folder in (
        ("kvdesk", str(resource_path("translations"))),
        ("qtbase", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)),
    ):
        translator = QTranslator(application)
        if translator.load(locale, name, "_", folder):
            application.installTranslator(translator)


class AfterFirstPaint(QObject):
    """Calls a function once, as soon as a window's first picture is on the screen."""

    def __init__(self, window: MainWindow, then: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._then = window, then
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the paint event; the call comes when the event loop is back."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, self._window, self._then)
        return False


def start(desk: Desk, window: MainWindow, model: str | None) -> None:
    """Begin everything that the first picture did not need."""
    if log := os.environ.get("KVDESK_FIRST_PAINT_LOG"):  # tests/bench/first_paint.py times up to here
        Path(log).write_text(f"{time.time()}", encoding="ascii")
        window.close()
        return
    desk.start()
    window.start()
    # What there is now stays; without it in every full collection none takes long enough to be seen.
    gc.freeze()
    actions.open_model(desk, model or first_model(desk.settings.last_model))


def first_model(last: str) -> str:
    """The model to begin with: the last one while its file is there, else the built-in one."""
    is_there = last.startswith(("http://", "https://")) or (last != "" and Path(last).is_file())
    return last if is_there else DEMO_MODEL
