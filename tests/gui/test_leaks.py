"""A test that leaves a window, a timer, a thread or a warning of Qt behind fails."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_ROOT = Path(__file__).parents[2]
_LEAKS = """
import threading

from PySide6.QtCore import QObject, QTimer, qWarning
from PySide6.QtWidgets import QWidget

kept = []


def test_clean(qapp):
    timer = QTimer()
    timer.start(10_000)
    timer.stop()


def test_window(qapp):
    kept.append(QWidget())


def test_timer(qapp):
    kept.append(QTimer())
    kept[-1].start(10_000)


def test_thread(qapp):
    ended = threading.Event()
    kept.append(ended)
    threading.Thread(target=ended.wait, daemon=True).start()


def test_warning(qapp):
    qWarning("something is wrong")
"""


def test_each_leak_fails_its_test(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml((_ROOT / "pyproject.toml").read_text("utf-8"))
    pytester.makeconftest((_ROOT / "tests/gui/conftest.py").read_text("utf-8"))
    pytester.makepyfile(test_leaking=_LEAKS)
    result = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-n0", "-o", f"pythonpath={_ROOT}", "test_leaking.py"
    )
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == 4, "the tests themselves pass but for the warning's"
    assert outcomes["failed"] == 1
    assert outcomes["errors"] == 3
    text = result.stdout.str()
    for said in (
        "windows left: [<PySide6.QtWidgets.QWidget",
        "timers left: [<PySide6",
        "threads left: [<Thread",
    ):
        assert said in text
    assert "something is wrong" in text
