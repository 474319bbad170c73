"""Runs the window as it is, and tells on standard output what a screen reader would see of it.

Started by `hand.py`: for each line on standard input it writes one line of JSON, the list of all that is
visible in the accessibility tree. Nothing of the program is changed; clicks and keys come from outside.
"""

import json
import queue
import sys
import threading
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).parents[2]))

from kvdesk.app import launch_window
from kvdesk.gui import run

_PACE_MS = 15
_MOST_CHILDREN = 200  # of a table: the first rows are enough


def look() -> list[dict[str, Any]]:
    """All that is visible, window by window."""
    seen: list[dict[str, Any]] = []
    for window in QApplication.topLevelWidgets():
        if window.isVisible():
            _walk(QAccessible.queryAccessibleInterface(window), window.windowTitle(), seen)
    return seen


def _walk(node: QAccessibleInterface | None, window: str, seen: list[dict[str, Any]]) -> None:
    if node is None or not node.isValid():
        return
    state = node.state()
    if state.invisible:
        return
    rect = node.rect()
    text = node.text
    seen.append(
        {
            "window": window,
            "role": node.role().name,
            "name": text(QAccessible.Text.Name),
            "value": text(QAccessible.Text.Value),
            "about": text(QAccessible.Text.Description),
            "rect": (rect.x(), rect.y(), rect.width(), rect.height()),
            "on": bool(state.checked or state.selected),
            "off": bool(state.disabled),
            "keyboard": bool(state.focused),
        }
    )
    for index in range(min(node.childCount(), _MOST_CHILDREN)):
        _walk(node.child(index), window, seen)


def main() -> int:
    """Show the window; answer until it is closed."""
    asked: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            asked.put(line)

    def answer() -> None:
        while not asked.empty():
            asked.get()
            sys.stdout.write(json.dumps(look()) + "\n")
            sys.stdout.flush()

    make = run.make_application

    def make_application(arguments: list[str]) -> QApplication:
        application = make(arguments[:1])
        QAccessible.setActive(True)
        timer = QTimer(application)
        timer.timeout.connect(answer)
        timer.start(_PACE_MS)
        threading.Thread(target=listen, daemon=True).start()
        return application

    run.make_application = make_application
    return launch_window(None)


if __name__ == "__main__":
    sys.exit(main())
