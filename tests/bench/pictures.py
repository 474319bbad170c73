"""Draws the window in its states, in the three themes and two sizes, into PNG files to be looked at.

Run by hand: `python tests/bench/pictures.py FOLDER [STATE...]`, under a display (Xvfb will do), in the
language of the desktop (LANG=zh_CN.UTF-8).
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QWidget

sys.path.insert(0, str(Path(__file__).parents[2]))

from kvdesk.gui import theme
from kvdesk.gui.chat_items import CHAT_ROLE
from kvdesk.gui.error_dialog import ErrorDialog
from kvdesk.gui.export_dialog import ExportDialog
from kvdesk.gui.help.window import KEYS
from kvdesk.gui.import_dialog import ImportDialog
from kvdesk.gui.ledger_dialog import LedgerDialog
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.run import make_application, translate
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.phrases import Phrase
from kvdesk.resources import DEMO_MODEL, resolve_model
from kvdesk.session.arithmetic import open_source
from kvdesk.session.state import DeskState, EngineState, Notice, Phase
from tests.gui import conversations, fakes

SIZES = (QSize(1280, 800), QSize(2560, 1440))


def _loading() -> DeskState:
    return replace(fakes.qwen_opened(), engine=EngineState(phase=Phase.LOADING, progress=0.63))


def _sliding() -> DeskState:
    return replace(fakes.qwen_opened(), plan=None)


def _notice() -> DeskState:
    return replace(
        fakes.qwen_opened(),
        notice=Notice(
            Phrase("“{name}” is a folder.", name="models"),
            Phrase("Choose the .gguf file inside it."),
            "x",
        ),
    )


STATES: dict[str, Callable[[], DeskState]] = {
    "first-start": lambda: DeskState(devices=(fakes.HOST,)),
    "demo": fakes.demo_opened,
    "opened": fakes.qwen_opened,
    "sliding": _sliding,
    "loading": _loading,
    "loaded": fakes.qwen_loaded,
    "streaming": fakes.qwen_streaming,
    "ended": fakes.qwen_ended,
    "refused": fakes.qwen_refused,
    "over": fakes.qwen_over,
    "two-gpus": fakes.two_gpus,
    "notice": _notice,
    **conversations.pictured(),
}


def _open_advanced(window: MainWindow) -> QWidget:
    window.desk_panel.options.advanced_button.setChecked(True)
    return window


def _show_all_pairs(window: MainWindow) -> QWidget:
    window.desk_panel.fits.all_button.setChecked(True)
    return window


def _open_export(window: MainWindow) -> QWidget:
    window.show_export()
    return window.findChild(ExportDialog)


def _open_settings(window: MainWindow) -> QWidget:
    window.show_settings()
    return window.findChild(SettingsDialog)


def _open_ledger(window: MainWindow) -> QWidget:
    window.show_ledger()
    dialog = window.findChild(LedgerDialog)
    dialog.show_state(replace(fakes.qwen_opened(), ledger=fakes.ledger() * 4))
    return dialog


def _open_import(window: MainWindow) -> QWidget:
    QApplication.clipboard().setText(
        "docker run --gpus all -v ~/models:/models -p 8080:8080 ghcr.io/ggml-org/llama.cpp:server-cuda \\\n"
        "  -m /models/Qwen3-8B-Q4_K_M.gguf -c 32k -ctk q8_0 -ctv q8_0 -fa on -ngl 99 \\\n"
        "  -ot 'blk\\.(1|2)\\..*_exps=CPU' --jinja --temp 0.6"
    )
    window.show_import()
    return window.findChildren(ImportDialog)[0]


def _ask_forget(window: MainWindow) -> QWidget:
    dialog = _open_ledger(window)
    dialog.clear_button.click()
    return dialog


def _open_keys(window: MainWindow) -> QWidget:
    window.show_help(KEYS)
    return window.help_window


def _open_help(window: MainWindow) -> QWidget:
    window._desk.opened = open_source(resolve_model(DEMO_MODEL))
    window.show_help("kv-cache")
    return window.help_window


def _show_around(window: MainWindow) -> QWidget:
    window.show_tour()
    window.tour.next_button.click()
    return window


def _open_error(window: MainWindow) -> QWidget:
    dialog = ErrorDialog(fakes.ENDED, window)
    dialog.open()
    return dialog


def _edit_last(window: MainWindow) -> QWidget:
    window.conversation.view.editWanted.emit()
    return window


def _ask_delete(window: MainWindow) -> QWidget:
    window.chats.question.ask(window.chats.list.model().index(2, 0).data(CHAT_ROLE))
    return window


def _select(window: MainWindow) -> QWidget:
    window.conversation.view.verticalScrollBar().setValue(0)
    window.conversation.view.setFocus()
    window.conversation.view.select_all()
    return window


# What is done in the window before its picture is taken, and the widget that is drawn.
ACTS: dict[str, Callable[[MainWindow], QWidget]] = {
    "advanced": _open_advanced,
    "all-pairs": _show_all_pairs,
    "export": _open_export,
    "settings": _open_settings,
    "keys": _open_keys,
    "help": _open_help,
    "tour": _show_around,
    "error": _open_error,
    "ledger": _open_ledger,
    "import": _open_import,
    "ledger-forgetting": _ask_forget,
    "editing": _edit_last,
    "deleting": _ask_delete,
    "selected": _select,
}


def main(folder: Path, names: list[str]) -> None:
    """Write one picture for each state, theme and size."""
    folder.mkdir(parents=True, exist_ok=True)
    application = make_application([])
    translate(application, "system")
    for choice in (theme.Choice.LIGHT, theme.Choice.DARK, theme.Choice.HIGH_CONTRAST):
        theme.current().set_choice(choice)
        for name in names or (*STATES, *ACTS):
            _draw(application, folder, name, choice)


def _draw(application: QApplication, folder: Path, name: str, choice: theme.Choice) -> None:
    desk = fakes.FakeDesk(STATES.get(name, fakes.qwen_opened)())
    desk.opened = SimpleNamespace(card=desk.state.model, shape=None)
    if desk.state.measured is not None:
        fakes.fill_history(desk.history, desk.state)
    desk.state = replace(desk.state, samples=len(desk.history))
    window = MainWindow(desk)  # type: ignore[arg-type]
    window.desk_panel.add_chart()
    for size in SIZES:
        window.resize(size)
        window.show()
        for _ in range(5):
            application.processEvents()
        window.show_state(desk.state)
        application.processEvents()
        target = ACTS[name](window) if name in ACTS else window
        for _ in range(3):
            application.processEvents()
        path = folder / f"{name}-{choice.name.lower()}-{size.width()}.png"
        target.grab().save(str(path))
        print(path)
    window.close()
    window.deleteLater()
    application.processEvents()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("states", nargs="*", metavar="STATE", help=f"of {', '.join((*STATES, *ACTS))}")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.states)
