"""The watch notes what holds the event loop, and whether that was work or waiting."""

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from kvdesk.gui.stall_watch import Stall, StallWatch, watch_if_asked


def hold(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def test_a_slot_that_takes_long_is_noted(qtbot: QtBot, tmp_path: Path) -> None:
    parent, log = QObject(), tmp_path / "stalls"
    watch = StallWatch(parent, log)
    QTimer.singleShot(0, lambda: hold(0.08))
    qtbot.waitUntil(lambda: bool(watch.stalls), timeout=2000)
    assert watch.longest is not None
    assert watch.longest.late_ms >= 70
    assert watch.longest.busy_ms > 0
    assert "ms late" in log.read_text()


def test_waiting_for_a_processor_is_not_the_windows_own_time() -> None:
    assert Stall(1.0, late_ms=80.0, busy_ms=10.0, queued_ms=55.0).own_ms == 25.0
    assert Stall(1.0, late_ms=80.0, busy_ms=10.0).own_ms == 80.0  # where the system does not say


def test_it_watches_only_when_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qtbot: QtBot) -> None:
    parent = QObject()
    monkeypatch.delenv("KVDESK_STALL_LOG", raising=False)
    assert watch_if_asked(parent) is None
    monkeypatch.setenv("KVDESK_STALL_LOG", str(tmp_path / "log"))
    assert watch_if_asked(parent) is not None
