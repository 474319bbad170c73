"""The frame: parts, shortcuts, drops, title, memory of its geometry, and how it starts."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from kvdesk.export import Written
from kvdesk.gui import run
from kvdesk.gui.export_dialog import ExportDialog
from kvdesk.gui.file_drop import dropped_model
from kvdesk.gui.help.window import KEYS, HelpWindow
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.proof import DepthSpeed, Proof
from kvdesk.session import room_actions
from kvdesk.session.state import DeskState, EngineState, Notice, OpenEndpoint, ParkOffer, Phase
from kvdesk.units import GIB
from tests.gui import fakes


@pytest.fixture
def window(qtbot: QtBot, desk: fakes.FakeDesk) -> MainWindow:
    widget = MainWindow(desk)
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    widget.activateWindow()
    return widget


def press(qtbot: QtBot, window: MainWindow, key: Qt.Key) -> None:
    qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)


def test_the_title_names_the_model(window: MainWindow) -> None:
    assert window.windowTitle() == "Qwen3-8B – KV Desk"
    window.show_state(DeskState())
    assert window.windowTitle() == "KV Desk"


def test_a_new_state_is_drawn_by_the_pump_alone(window: MainWindow, desk: fakes.FakeDesk) -> None:
    desk.show(notice=Notice("It broke.", "Mend it."))
    assert window.notice_bar.isHidden()
    window.pump()
    assert not window.notice_bar.isHidden()
    window.notice_bar.dismiss_button.click()
    assert ("dismiss_notice",) in desk.calls


def test_parts_hide_and_come_back(qtbot: QtBot, window: MainWindow) -> None:
    window.resize(1280, 700)
    for key, part in ((Qt.Key.Key_B, window.chats), (Qt.Key.Key_D, window.desk_panel)):
        press(qtbot, window, key)
        assert not part.isVisible()
        press(qtbot, window, key)
        assert part.isVisible()
    window.top_bar.chats_button.click()
    assert not window.chats.isVisible()


def test_shortcuts_ask_for_actions(qtbot: QtBot, window: MainWindow, desk: fakes.FakeDesk) -> None:
    press(qtbot, window, Qt.Key.Key_N)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    desk.state = replace(desk.state, engine=EngineState(phase=Phase.LOADING))
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    press(qtbot, window, Qt.Key.Key_R)
    names = [call[0] for call in desk.calls]
    assert names == ["new_chat", "stop_answer", "cancel_load", "load_model"]


def test_export_opens_once_there_is_a_model(
    qtbot: QtBot, window: MainWindow, desk: fakes.FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kvdesk.session import actions

    monkeypatch.setattr(actions, "exported", lambda *_: Written("llama-server -m x.gguf", (), ()))
    press(qtbot, window, Qt.Key.Key_E)
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    dialog.reject()
    desk.state = DeskState()
    window.show_state(desk.state)
    assert not window.top_bar.export_button.isEnabled()


def file_data(*paths: str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    return data


def drop(target: QWidget, data: QMimeData) -> bool:
    enter = QDragEnterEvent(
        QPoint(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(target, enter)
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(target, event)
    return event.isAccepted()


def test_a_model_can_be_dropped_anywhere(window: MainWindow, desk: fakes.FakeDesk) -> None:
    data = file_data("/models/readme.txt", "/models/Some.GGUF")
    targets = [window, *(widget for widget in window.findChildren(QWidget) if widget.acceptDrops())]
    for target in targets:
        desk.calls.clear()
        assert drop(target, data)
        assert desk.calls == [("open_model", "/models/Some.GGUF")], target


def test_other_files_are_not_models() -> None:
    assert dropped_model(file_data("/a/b.safetensors")) is None
    assert dropped_model(QMimeData()) is None


@pytest.fixture
def full_cache(monkeypatch: pytest.MonkeyPatch) -> ParkOffer:
    offer = ParkOffer(3, 1 << 30, 27_000, 240.0)
    monkeypatch.setattr(room_actions, "park_offer", lambda _desk: offer)
    return offer


def test_closing_asks_about_a_cache_that_took_long_to_fill(
    window: MainWindow, desk: fakes.FakeDesk, full_cache: ParkOffer
) -> None:
    window.close()
    assert window.isVisible()
    window.conversation.room.buttons["stay"].click()
    assert window.conversation.room.isHidden()
    window.close()
    assert window.isVisible()
    window.conversation.room.buttons["park_and_close"].click()
    assert ("park_chat", 3) in desk.calls
    desk.show(engine=replace(desk.state.engine, parking=3))
    window.pump()
    assert window.isVisible()
    desk.show(engine=replace(desk.state.engine, parking=None))
    window.pump()
    assert not window.isVisible()


def test_who_closes_twice_wants_it_closed(window: MainWindow, full_cache: ParkOffer) -> None:
    window.close()
    assert window.isVisible()
    window.close()
    assert not window.isVisible()


def test_the_frame_is_remembered(qtbot: QtBot, window: MainWindow, desk: fakes.FakeDesk) -> None:
    window.resize(780, 540)  # the offscreen screen is 800 wide
    window.toggle_desk()
    window.close()
    assert desk.settings.show_chats is True
    assert desk.settings.show_desk is False
    again = MainWindow(desk)
    qtbot.addWidget(again)
    assert again.size().width() == 780
    assert again.desk_panel.isHidden()
    assert not again.chats.isHidden()


def test_the_chips_say_what_is_loaded_and_how_sure_it_is(window: MainWindow) -> None:
    bar = window.top_bar
    assert "planned" in bar.context_chip.accessibleDescription()
    window.show_state(fakes.qwen_loaded())
    assert bar.model_chip.accessibleDescription().startswith("Qwen3-8B Q4_K_M")
    assert bar.pair_chip.accessibleDescription().startswith("K q8_0 · V q8_0")
    assert bar.kernel_chip.accessibleDescription().startswith("GPU kernel")
    assert bar.context_chip.accessibleDescription().startswith("32,768 tokens · measured")


def test_another_model_that_still_answers_is_named(window: MainWindow) -> None:
    state = fakes.qwen_loaded()
    assert state.engine.loaded
    other = replace(state.engine.loaded, path="/models/other-7b.gguf")
    window.show_state(replace(state, engine=replace(state.engine, loaded=other)))
    bar = window.top_bar
    assert "opened · other-7b answers" in bar.model_chip.accessibleDescription()
    assert "measured" not in bar.context_chip.accessibleDescription()


def test_a_short_line_leaves_chips_out_instead_of_cutting_them(window: MainWindow) -> None:
    window.show_state(fakes.qwen_loaded())
    bar = window.top_bar
    bar.setMinimumWidth(0)
    bar.resize(420, bar.height())
    shown = [
        chip
        for chip in (bar.model_chip, bar.context_chip, bar.pair_chip, bar.kernel_chip)
        if not chip.isHidden()
    ]
    assert shown == [bar.model_chip]


def test_the_window_is_shown_before_anything_slow_starts(
    qapp: QApplication, desk: fakes.FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "make_application", lambda _: qapp)
    happened: list[str] = []
    paint = MainWindow.paintEvent
    monkeypatch.setattr(
        MainWindow, "paintEvent", lambda self, event: (happened.append("paint"), paint(self, event))[1]
    )
    desk.start = lambda: (happened.append("start"), _close(qapp))[0]
    monkeypatch.setattr(MainWindow, "start", lambda self: None)
    assert run.run_window(lambda: desk, "some.gguf") == 0
    assert happened[0] == "paint"
    assert "start" in happened
    assert ("open_model", "some.gguf") in desk.calls
    assert desk.calls[-1] == ("close",)


def _close(application: QApplication) -> None:
    for widget in application.topLevelWidgets():
        if isinstance(widget, MainWindow):
            widget.close()
            widget.deleteLater()


@pytest.mark.parametrize(
    ("last", "first"),
    [
        ("", "demo"),
        ("/gone/model.gguf", "demo"),
        ("https://host/m.gguf", "https://host/m.gguf"),
        (__file__, __file__),
    ],
)
def test_the_first_model_is_the_last_one_while_it_is_there(last: str, first: str) -> None:
    assert run.first_model(last) == first


def test_all_that_has_a_role_in_the_look_is_dressed(qtbot: QtBot, window: MainWindow) -> None:
    window.others.show_settings()
    window.show_tour()
    for widget in window.findChildren(QWidget):
        if any(widget.property(name) for name in ("surface", "role", "kind")):
            ancestors = [widget]
            while ancestors[-1].parentWidget() is not None:
                ancestors.append(ancestors[-1].parentWidget())
            assert any(each.styleSheet() for each in ancestors), widget
    window.tour.end(was_finished=False)
    window.findChild(SettingsDialog).reject()


def test_the_large_graph_comes_without_holding_the_window(qtbot: QtBot, window: MainWindow) -> None:
    window.start()
    window.desk_panel.chart.large_button.click()
    assert window.others.history is None
    window.others.show_history()  # an impatient second click
    qtbot.waitUntil(lambda: window.others.history is not None, timeout=30_000)


def test_every_key_is_listed_once(qtbot: QtBot, window: MainWindow) -> None:
    keys = [shortcut.key().toString() for shortcut in window.findChildren(QShortcut)]
    listed = [QKeySequence(row[0]).toString() for row in window._shortcuts()]
    assert set(listed) <= set(keys)
    assert len(set(listed)) == len(listed)
    window.others.show_help(KEYS)
    page = window.findChild(HelpWindow)
    shown = page.view.accessibleDescription()
    assert all(f"| `{row[0]}` | {row[1]} |" in shown for row in window._shortcuts())
    page.accept()


def test_a_rehearsed_context_has_its_badge(window: MainWindow) -> None:
    proof = Proof(
        date=datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
        n_tokens=32768,
        rounds=2,
        options=LoadOptions(),
        used_bytes={"CUDA0": 7 * GIB},
        process_bytes=GIB,
        speeds=(DepthSpeed(16384, 900.0, 31.5),),
    )
    chip = window.top_bar.context_chip
    assert "proven" not in chip.accessibleDescription()
    window.show_state(replace(fakes.qwen_loaded(), proof=proof))
    assert chip.accessibleDescription().startswith("✓ proven to 32,768 tokens")
    window.show_state(replace(fakes.qwen_loaded(), proof=msgspec.structs.replace(proof, n_tokens=32000)))
    assert chip.accessibleDescription().startswith("32,768 tokens · measured ✓ proven to 32,000 tokens")
    assert "CUDA0: 7,168 MiB in use at most" in chip.toolTip()
    assert "at 16,384 tokens: 31.5 t/s" in chip.toolTip()


def test_the_endpoint_is_offered_once_there_is_something_to_serve(
    window: MainWindow, desk: fakes.FakeDesk
) -> None:
    button = window.top_bar.endpoint_button
    window.show_state(fakes.qwen_opened())
    assert button.isHidden()
    window.show_state(fakes.qwen_loaded())
    button.click()
    assert window.endpoint.isVisible()
    window.endpoint.open_button.click()
    assert desk.calls == [("open_endpoint", "127.0.0.1", 8080, "")]
    window.show_state(replace(fakes.qwen_loaded(), endpoint=OpenEndpoint("http://127.0.0.1:8080/v1", "")))
    assert button.text() == "Serving"
    window.endpoint.close_button.click()
    assert desk.calls[-1] == ("close_endpoint",)
    window.endpoint.hide()
