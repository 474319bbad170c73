"""Starts the window: the first picture as early as possible, everything slower after it."""

import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QLibraryInfo, QLocale, QObject, QTimer, QTranslator
from PySide6.QtWidgets import QApplication

from kvdesk.gui import theme
from kvdesk.gui.error_dialog import show_unexpected_errors
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.stall_watch import watch_if_asked
from kvdesk.gui.theme import Choice
from kvdesk.resources import DEMO_MODEL, resource_path
from kvdesk.session import actions
from kvdesk.session.desk import Desk


def run_window(make_desk: Callable[[], Desk], model: str | None = None) -> int:
    """Show the window until it is closed; return the process's exit status.

    Opens `model`, or the one opened last, or the built-in one.
    """
    application = make_application(sys.argv)
    desk = make_desk()
    try:
        translate(application, desk.settings.language)
        theme.current().set_choice(Choice(desk.settings.theme))
        window = MainWindow(desk)
        show_unexpected_errors(window)
        watch_if_asked(window)
        AfterFirstPaint(window, lambda: start(desk, window, model))
        window.show()
        return application.exec()
    finally:
        desk.close()
        sys.excepthook = sys.__excepthook__


def make_application(arguments: list[str]) -> QApplication:
    """Make the application object with its names, before any widget."""
    application = QApplication(arguments)
    application.setApplicationName("kvdesk")
    application.setApplicationDisplayName("KV Desk")
    application.setDesktopFileName("kvdesk")
    return application


def translate(application: QApplication, language: str) -> None:
    """Install the translations of a language ("system" for the desktop's), where there are any."""
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
