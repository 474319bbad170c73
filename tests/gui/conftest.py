"""Widgets without a screen; every test must end with no window, no timer's thread and no Qt warning left."""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import gc
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from tests.gui import fakes


@pytest.fixture(autouse=True)
def no_leaks(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves a window or a thread behind."""
    theme.current().set_choice(theme.Choice.LIGHT)
    threads = set(threading.enumerate())
    windows = set(qapp.topLevelWidgets())
    yield
    gc.collect()
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        qapp.processEvents()
    left = [widget for widget in qapp.topLevelWidgets() if widget not in windows]
    assert not left, f"windows left: {left}"
    running = [thread for thread in threading.enumerate() if thread not in threads]
    assert not running, f"threads left: {running}"


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> fakes.FakeDesk:
    """A desk with Qwen3-8B opened; what the widgets ask of it is in `desk.calls`."""
    found = fakes.FakeDesk(fakes.qwen_opened())
    fakes.record_actions(monkeypatch, found)
    return found


__all__ = ["QtBot"]
