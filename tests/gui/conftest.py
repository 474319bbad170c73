"""Widgets without a screen; every test must end with no window, timer or thread left, and no Qt warning.

That each of them does fail a test is shown by `test_leaks.py`; pyproject.toml makes Qt's warnings fail one.
"""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import gc
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from kvdesk.gui import theme
from tests.gui import fakes


@pytest.fixture(autouse=True)
def no_leaks(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves a window, a running timer or a thread behind."""
    theme.current().set_choice(theme.Choice.LIGHT)
    theme.current().set_text_size(100)
    end_dressing()
    threads = set(threading.enumerate())
    windows = set(qapp.topLevelWidgets())
    timers = running_timers()
    yield
    end_dressing()
    gc.collect()
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        qapp.processEvents()
    left = [widget for widget in qapp.topLevelWidgets() if widget not in windows]
    assert not left, f"windows left: {left}"
    ticking = [timer for timer in running_timers() if not any(timer is known for known in timers)]
    assert not ticking, f"timers left: {ticking}"
    for thread in threading.enumerate():
        if thread.name == "lexer":  # builds one and ends; nothing waits for it where its text is not seen
            thread.join(timeout=10)
    running = [thread for thread in threading.enumerate() if thread not in threads]
    assert not running, f"threads left: {running}"


def end_dressing() -> None:
    """Let a change of theme that is under way come to its end."""
    dressing = theme.current().dressing
    if dressing is not None:
        dressing.finish()


def running_timers() -> list[QTimer]:
    """Return the timers that Python made and that will still fire."""
    found = (each for each in gc.get_objects() if isinstance(each, QTimer))
    return [timer for timer in found if isValid(timer) and timer.isActive()]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> fakes.FakeDesk:
    """A desk with Qwen3-8B opened; what the widgets ask of it is in `desk.calls`."""
    found = fakes.FakeDesk(fakes.qwen_opened())
    fakes.record_actions(monkeypatch, found)
    return found


__all__ = ["QtBot"]
