"""Draws the window in all its states into PNG files to be looked at: without an engine, as wanted.

Run by hand: `python tests/bench/pictures.py FOLDER [STATE...]`. Two sizes, two themes and two languages are
drawn unless less is asked for; QT_SCALE_FACTOR and QT_FONT_DPI in the environment scale everything, as on a
desktop that asks for it; `--text` scales what has text in it. Without QT_QPA_PLATFORM in the environment the
window is drawn on a screen of its own that is as large as the window, so that dialogs stand where they would.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QRect, QSize
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

sys.path.insert(0, str(Path(__file__).parents[2]))

from kvdesk.gui import theme
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.run import make_application, translate
from kvdesk.resources import DEMO_MODEL, resolve_model, resource_path
from kvdesk.session.arithmetic import open_source
from tests.bench.picture_states import ACTS, STATES
from tests.gui import fakes

SIZES = ("1280x800", "2560x1440")
THEMES = ("light", "dark")
LANGUAGES = ("en", "zh_CN")
_PASSES = 4


def main(arguments: argparse.Namespace) -> None:
    """Write one picture for each state, size, theme and language; each size has a process and a screen."""
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for source in resource_path("translations").glob("*.ts"):
        command = [Path(sys.executable).with_name("pyside6-lrelease"), "-silent", source]
        subprocess.run([*command, "-qm", source.with_suffix(".qm")], check=True)
    for size in arguments.sizes:
        process = multiprocessing.get_context("spawn").Process(target=_draw_all, args=(arguments, size))
        process.start()
        process.join()


def _draw_all(arguments: argparse.Namespace, size: str) -> None:
    width, height = map(int, size.split("x"))
    screen = arguments.folder / "screen.json"
    whole = {"name": "screen", "x": 0, "y": 0, "width": width, "height": height}
    screen.write_text(json.dumps({"screens": [whole]}))
    os.environ.setdefault("QT_QPA_PLATFORM", f"offscreen:configfile={screen}")
    application = make_application([])
    theme.current().set_text_size(arguments.text)
    model = open_source(resolve_model(DEMO_MODEL))
    for language in arguments.languages:
        translate(application, language)
        for choice in arguments.themes:
            theme.current().set_choice(theme.Choice(choice))  # with no window there to be dressed
            for name in arguments.states or (*STATES, *ACTS):
                path = arguments.folder / f"{name}-{language}-{choice.replace(' ', '-')}-{size}.png"
                _draw(application, name, QSize(width, height), model).save(str(path))
                print(path, flush=True)
    screen.unlink()


def _draw(application: QApplication, name: str, size: QSize, model: object) -> QPixmap:
    """A window in a state, with whatever stands over it."""
    act, make = ACTS[name] if name in ACTS else (None, STATES[name])
    desk = fakes.FakeDesk(make())
    desk.opened = model
    if desk.state.measured is not None:
        fakes.fill_history(desk.history, desk.state)
    desk.state = replace(desk.state, samples=len(desk.history))
    window = MainWindow(desk)
    window.move(0, 0)
    window.resize(size)
    window.show()
    _settle(application)
    window.show_state(desk.state)
    _settle(application)
    if act is not None:
        act(window)
        fakes.fill(window)
        _settle(application)
    picture = _with_what_is_over(application, window)
    for other in application.topLevelWidgets():
        if other is not window and other.isVisible():
            other.hide()
            other.deleteLater()
    window.leave()
    _settle(application)
    return picture


def _settle(application: QApplication) -> None:
    """Let what is laid out and painted later come to its end."""
    for _ in range(_PASSES):
        application.processEvents()
        application.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # no event loop does it here


def _with_what_is_over(application: QApplication, window: QWidget) -> QPixmap:
    """The window with its dialogs and menus, each where it stands on the screen."""
    picture = window.grab()
    painter = QPainter(picture)
    for other in application.topLevelWidgets():
        if other is not window and other.isVisible():
            place = other.mapToGlobal(QPoint(0, 0)) - window.mapToGlobal(QPoint(0, 0))
            over = other.grab()
            painter.drawPixmap(place, over)
            painter.setPen(theme.colour("muted"))  # where a window manager would draw its frame
            painter.drawRect(QRect(place, over.deviceIndependentSize().toSize()))
    painter.end()
    return picture


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    names = (*STATES, *ACTS)
    parser.add_argument("states", nargs="*", metavar="STATE", choices=[[], *names], help=", ".join(names))
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WIDTHxHEIGHT")
    parser.add_argument("--themes", nargs="+", default=THEMES, choices=[each.value for each in theme.Choice])
    parser.add_argument("--text", type=int, default=100, metavar="PERCENT", help="size of text")
    parser.add_argument("--languages", nargs="+", default=LANGUAGES, choices=LANGUAGES)
    main(parser.parse_args())
