"""The desk as a whole: what its parts ask for, and what they offer in each state."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.desk_panel import DeskPanel
from kvdesk.session.state import DeskState, EngineState, Phase
from tests.gui import fakes


@pytest.fixture
def panel(qtbot: QtBot, desk: fakes.FakeDesk) -> DeskPanel:
    widget = DeskPanel(desk)
    qtbot.addWidget(widget)
    widget.resize(372, 800)
    widget.show_state(desk.state)
    widget.show()
    return widget


def test_the_card_says_what_the_header_says(panel: DeskPanel) -> None:
    assert panel.card.name.text() == "Qwen3-8B"
    facts = panel.card.facts.text().replace("\u00a0", " ")
    assert facts == "qwen3 · 8.19 B · Q4_K_M · 4,795 MiB · trained for 40,960"
    assert "GQA 32/8 heads" in panel.card.anatomy.text().replace("\u00a0", " ")
    assert not panel.card.unverified.isVisible()
    panel.show_state(fakes.demo_opened())
    assert panel.card.unverified.isVisible()


def test_recent_models_are_offered(qtbot: QtBot, panel: DeskPanel) -> None:
    panel.card.menu.aboutToShow.emit()
    titles = {action.text(): action for action in panel.card.menu.actions() if action.text()}
    assert "gemma-3-12b-it-Q4_K_M.gguf" in titles
    with qtbot.waitSignal(panel.modelChosen) as chosen:
        titles["gemma-3-12b-it-Q4_K_M.gguf"].trigger()
    assert chosen.args == ["/home/ana/models/gemma-3-12b-it-Q4_K_M.gguf"]
    with qtbot.waitSignal(panel.modelChosen) as chosen:
        titles["The built-in demo model"].trigger()
    assert chosen.args == ["demo"]
    with qtbot.waitSignal(panel.openWanted):
        titles["Open a file …"].trigger()


def test_the_slider_sets_the_option(qtbot: QtBot, panel: DeskPanel, desk: fakes.FakeDesk) -> None:
    panel.context.slider.setFocus()
    qtbot.keyClick(panel.context.slider, Qt.Key.Key_Right)
    assert desk.calls == [("set_option", "ctx_size", 33024)]


def test_a_type_sets_the_option(qtbot: QtBot, panel: DeskPanel, desk: fakes.FakeDesk) -> None:
    control = panel.options.editors["cache_type_k"].control
    assert isinstance(control, ChoiceBox)
    qtbot.keyClick(control, Qt.Key.Key_Down)
    assert desk.calls == [("set_option", "cache_type_k", "q5_1")]


def test_the_map_sets_pair_and_context(panel: DeskPanel, desk: fakes.FakeDesk) -> None:
    panel.fits.chosen.emit("q4_0", "q4_0", 49152)
    assert desk.calls == [
        ("set_option", "cache_type_k", "q4_0"),
        ("set_option", "cache_type_v", "q4_0"),
        ("set_option", "ctx_size", 49152),
    ]


def offered(panel: DeskPanel) -> dict[str, bool]:
    bar = panel.load_bar
    buttons: tuple[QAbstractButton, ...] = (
        bar.load_button,
        bar.cancel_button,
        bar.unload_button,
        bar.reload_button,
    )
    return {button.text(): button.isEnabled() for button in buttons if button.isVisible()}


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        (DeskState(devices=(fakes.HOST,)), {"Load": False}),
        (fakes.qwen_opened(), {"Load": True}),
        (fakes.qwen_refused(), {"Load": False}),
        (
            replace(fakes.qwen_opened(), engine=EngineState(phase=Phase.LOADING, progress=0.5)),
            {"Cancel": True},
        ),
        (fakes.qwen_loaded(), {"Unload": True}),
        (fakes.qwen_ended(), {"Reload": True}),
    ],
    ids=["nothing", "opened", "refused", "loading", "loaded", "ended"],
)
def test_what_can_be_done_is_offered(panel: DeskPanel, state: DeskState, buttons: dict[str, bool]) -> None:
    panel.show_state(state)
    assert offered(panel) == buttons


def test_other_options_than_the_loaded_ones_can_be_loaded(panel: DeskPanel) -> None:
    state = fakes.qwen_loaded()
    other = msgspec.structs.replace(state.options, ctx_size=8192)
    panel.show_state(replace(state, options=other, plan_options=other, plan=fakes.qwen_report("plan", other)))
    assert offered(panel) == {"Load again": True, "Unload": True}


@pytest.mark.parametrize(
    ("button", "action"),
    [
        ("load_button", "load_model"),
        ("cancel_button", "cancel_load"),
        ("unload_button", "unload_model"),
        ("reload_button", "reload_engine"),
    ],
)
def test_buttons_ask_for_their_action(
    panel: DeskPanel, desk: fakes.FakeDesk, button: str, action: str
) -> None:
    getattr(panel.load_bar, button).click()
    assert desk.calls == [(action,)]


def test_loading_shows_how_far_it_is(panel: DeskPanel) -> None:
    panel.show_state(replace(fakes.qwen_opened(), engine=EngineState(phase=Phase.LOADING, progress=0.634)))
    assert panel.load_bar.progress.isVisible()
    assert panel.load_bar.progress.value() == 634
    assert panel.load_bar.words.text() == "Loading, 63 %"


def test_the_focus_goes_to_what_takes_the_button_s_place(qtbot: QtBot, panel: DeskPanel) -> None:
    panel.activateWindow()
    panel.load_bar.load_button.setFocus()
    qtbot.waitUntil(panel.load_bar.load_button.hasFocus, timeout=1000)
    panel.show_state(replace(fakes.qwen_opened(), engine=EngineState(phase=Phase.LOADING)))
    assert panel.load_bar.cancel_button.hasFocus()
    panel.show_state(fakes.qwen_loaded())
    assert panel.load_bar.unload_button.hasFocus()
    assert panel.load_bar.words.text() == "Loaded in 3.1 s"


def test_the_end_of_the_engine_is_told(panel: DeskPanel) -> None:
    panel.show_state(fakes.qwen_ended())
    assert panel.load_bar.words.text() == "The engine has ended"
    assert panel.load_bar.reload_button.isVisible()
    assert not panel.load_bar.load_button.isVisible()
    panel.show_state(fakes.qwen_opened())
    assert not panel.load_bar.reload_button.isVisible()


def test_too_little_memory_is_said_in_words(panel: DeskPanel) -> None:
    panel.show_state(fakes.qwen_over())
    assert panel.load_bar.words.text() == "Does not fit in free memory"
    assert panel.device_views[0].headline.property("role") == "bad"


def test_every_control_has_a_name_and_can_be_reached(panel: DeskPanel) -> None:
    panel.options.advanced_button.setChecked(True)
    for widget in panel.findChildren(QWidget):
        if isinstance(widget, QAbstractButton) and not widget.objectName().startswith("qt_"):
            assert widget.accessibleName() or widget.text(), widget
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, widget


def test_the_keyboard_goes_from_top_to_bottom(qtbot: QtBot, panel: DeskPanel) -> None:
    stops: list[QWidget] = []
    widget = panel.card.open_button.nextInFocusChain()
    while widget is not panel.card.open_button:
        if widget.isVisibleTo(panel) and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            stops.append(widget)
        widget = widget.nextInFocusChain()
    wanted = [
        panel.device_views[0].table,
        panel.context.slider,
        panel.options.editors["cache_type_k"].control,
        panel.options.advanced_button,
        panel.fits.view,
        panel.load_bar.load_button,
    ]
    places = [stops.index(stop) for stop in wanted]
    assert places == sorted(places)


def test_what_would_make_it_fit_is_offered_beside_the_load_button(
    panel: DeskPanel, desk: fakes.FakeDesk, qtbot: QtBot
) -> None:
    state = fakes.qwen_over()
    panel.show_state(state)
    rows = panel.load_bar.advice.rows
    assert [row.offer for row in rows] == [offer for offer in state.advice if offer.fits]
    words = [label.text() for label in rows[0].findChildren(QLabel)]
    assert words == ["K q8_0, V q8_0", "Frees 2,700 MiB. Answers hardly change."]
    rows[0].button.setFocus()
    qtbot.keyClick(rows[0].button, Qt.Key.Key_Space)
    assert desk.calls == [("take_advice", state.advice[0])]


def test_where_nothing_is_enough_what_helps_says_so(panel: DeskPanel) -> None:
    state = fakes.qwen_over()
    panel.show_state(replace(state, advice=state.advice[2:]))
    (row,) = panel.load_bar.advice.rows
    assert any("not enough alone" in label.text() for label in row.findChildren(QLabel))


def test_no_advice_where_it_fits_or_is_refused(panel: DeskPanel) -> None:
    over = fakes.qwen_over()
    panel.show_state(over)
    assert panel.load_bar.advice.isVisible()
    panel.show_state(replace(fakes.qwen_opened(), advice=over.advice))
    assert not panel.load_bar.advice.isVisible()
    panel.show_state(replace(over, refusals=fakes.qwen_refused().refusals))
    assert not panel.load_bar.advice.isVisible()


def demo_with_fits() -> DeskState:
    return replace(fakes.demo_opened(), fits=fakes.qwen_fits())


@pytest.mark.parametrize("state", [fakes.qwen_loaded, demo_with_fits, fakes.qwen_over])
def test_nothing_is_wider_than_the_desk(panel: DeskPanel, state: Callable[[], DeskState]) -> None:
    panel.show_state(state())
    scroll = panel.findChild(QScrollArea)
    assert scroll is not None
    content = scroll.widget()
    assert content is not None
    # Letters are some percent wider on a screen than off it.
    assert content.minimumSizeHint().width() <= 0.9 * scroll.viewport().width()
