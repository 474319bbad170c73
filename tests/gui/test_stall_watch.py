"""The watch notes what holds the event loop, and whether that was work or waiting."""

import gc
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from kvdesk.gui import stall_watch
from kvdesk.gui.stall_watch import Stall, StallWatch, log_for, watch_stalls


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


def test_a_long_stall_is_logged_with_what_was_done_in_it(qtbot: QtBot, tmp_path: Path) -> None:
    parent, log = QObject(), tmp_path / "stalls"
    watch = StallWatch(parent, log)
    QTimer.singleShot(0, lambda: hold(0.2))
    qtbot.waitUntil(lambda: bool(watch.stalls), timeout=2000)
    assert "in hold" in watch.stalls[0].stack
    assert "in hold" in log.read_text()


def test_the_watch_ends_with_what_it_watches(qtbot: QtBot) -> None:
    parent = QObject()
    StallWatch(parent)
    gc.collect()
    assert any(thread.name == "stall-watch" for thread in threading.enumerate())
    del parent
    gc.collect()
    assert not any(thread.name == "stall-watch" for thread in threading.enumerate())


def test_a_checkout_is_watched_and_an_installed_program_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KVDESK_STALL_LOG", raising=False)
    assert log_for(tmp_path) == tmp_path / "stalls.log"
    monkeypatch.setattr(stall_watch, "__file__", str(tmp_path / "site-packages/kvdesk/gui/stall_watch.py"))
    assert log_for(tmp_path) is None
    assert watch_stalls(QObject(), tmp_path) is None
    monkeypatch.setenv("KVDESK_STALL_LOG", str(tmp_path / "asked"))
    assert log_for(tmp_path) == tmp_path / "asked"


def test_a_log_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KVDESK_STALL_LOG", raising=False)
    (tmp_path / "stalls.log").write_bytes(b"x" * 1_000_001)
    log_for(tmp_path)
    assert not (tmp_path / "stalls.log").exists()
