"""The comparison of what a token takes, as a table that draws bars."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from kvdesk.gguf.open import open_model
from kvdesk.gui.lens_dialog import LensDialog
from kvdesk.gui.main_window import MainWindow
from kvdesk.memory.families import shape_of
from kvdesk.plan.lens import look
from kvdesk.session import actions
from tests.gui import fakes


@pytest.fixture
def dialog(qtbot: QtBot) -> LensDialog:
    widget = LensDialog("KV Desk demo", look(shape_of(open_model("demo"))))
    qtbot.addWidget(widget)
    widget.show()
    return widget


def test_rows_say_what_a_token_takes_and_what_to_set(dialog: LensDialog) -> None:
    items = dialog.items
    rows = [[str(items.index(row, column).data()) for column in range(6)] for row in range(items.rowCount())]
    assert ["llama.cpp", "q8_0 / q8_0", "1.33", "8.5", "–", "789,516"] in rows
    place = next(at for at, row in enumerate(rows) if row[:2] == ["LMDeploy", "int8"])
    assert items.index(place, 0).data(Qt.ItemDataRole.ToolTipRole) == "--quant-policy 8"
    assert items.index(place, 5).data(Qt.ItemDataRole.AccessibleTextRole).startswith("Tokens a GiB: ")


def test_the_longest_bar_is_the_most_tokens(dialog: LensDialog) -> None:
    items = dialog.items
    shares = [items.index(row, 5).data(Qt.ItemDataRole.UserRole) for row in range(items.rowCount())]
    assert max(shares) == 1
    assert min(shares) > 0


def test_the_desk_opens_it(qtbot: QtBot, desk: fakes.FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = look(shape_of(open_model("demo")))
    monkeypatch.setattr(actions, "look_through_lens", lambda _: rows)
    window = MainWindow(desk)
    qtbot.addWidget(window)
    window.show()
    window.desk_panel.lens_button.click()
    (dialog,) = window.findChildren(LensDialog)
    qtbot.waitUntil(dialog.isVisible)
    assert dialog.items.rowCount() == len(rows)
    dialog.close()
