"""The context's scale, slider and entry."""

from dataclasses import replace as replace_state

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.desk.context_choice import ContextChoice
from kvdesk.gui.desk.context_scale import STEP_TOKENS, ContextScale, snap, top_of_scale
from tests.gui import fakes

TOPS = st.integers(16, 8192).map(lambda steps: steps * STEP_TOKENS)


@given(TOPS, st.floats(0, 1))
def test_a_position_is_a_context_on_the_grid_and_back(top: int, position: float) -> None:
    scale = ContextScale(top)
    tokens = scale.tokens(position)
    assert tokens % STEP_TOKENS == 0
    assert STEP_TOKENS <= tokens <= top
    assert scale.tokens(scale.position(tokens)) == tokens


@given(TOPS, st.integers(0, 2**21), st.integers(0, 2**21))
def test_more_tokens_lie_further_right(top: int, one: int, other: int) -> None:
    scale = ContextScale(top)
    low, high = sorted((one, other))
    assert scale.position(low) <= scale.position(high) <= 1


@pytest.mark.parametrize("top", [131072, 262144, 1048576])
def test_a_quarter_of_a_long_scale_is_for_contexts_up_to_8192(top: int) -> None:
    assert ContextScale(top).tokens(0.25) == 8192


@pytest.mark.parametrize(
    ("trained", "largest", "chosen", "top"),
    [
        (40960, 36608, 32768, 51200),
        (4096, None, 4096, 5120),
        (4096, 1048576, 4096, 8192),  # what would fit does not squeeze what the model can do
        (32768, 50000, 131072, 131072),
        (131072, 200000, 8192, 199936),
    ],
)
def test_the_scale_reaches_past_the_trained_context(
    trained: int, largest: int | None, chosen: int, top: int
) -> None:
    assert top_of_scale(trained, largest, chosen) == top


def test_snap_keeps_at_least_one_step() -> None:
    assert [snap(value) for value in (0, 127, 128, 383, 384, 1000)] == [256, 256, 256, 256, 512, 1024]


@pytest.fixture
def choice(qtbot: QtBot) -> ContextChoice:
    widget = ContextChoice()
    qtbot.addWidget(widget)
    widget.resize(340, 90)
    widget.show_state(fakes.qwen_opened())
    widget.show()
    return widget


def test_showing_a_state_chooses_nothing(qtbot: QtBot, choice: ContextChoice) -> None:
    with qtbot.assertNotEmitted(choice.chosen):
        choice.show_state(fakes.qwen_over())
    assert choice.slider.value() == 40960
    assert choice.entry.text() == "40,960"


def test_a_press_on_the_track_chooses_the_context_there(qtbot: QtBot, choice: ContextChoice) -> None:
    slider = choice.slider
    x = round(slider.x_of(16384))
    with qtbot.waitSignal(choice.chosen) as chosen:
        qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(x, slider.height() // 2))
    assert chosen.args == [slider.tokens_at(x)]
    assert abs(chosen.args[0] - 16384) <= 512
    assert choice.entry.text() == f"{chosen.args[0]:,}"


def test_the_handle_stays_under_the_hand_while_states_come(qtbot: QtBot, choice: ContextChoice) -> None:
    slider = choice.slider
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(100, 25))
    held = slider.value()
    choice.show_state(fakes.qwen_over())  # an older answer arrives
    assert slider.value() == held
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(100, 25))
    choice.show_state(fakes.qwen_over())
    assert slider.value() == 40960


def test_the_handle_is_drawn_to_the_marks(choice: ContextChoice) -> None:
    slider = choice.slider
    largest = fakes.qwen_fits()[1].max_ctx_size
    assert largest is not None
    assert slider._attracted(slider.x_of(largest) + 2) == largest
    assert slider._attracted(slider.x_of(40960) - 2) == 40960


@pytest.mark.parametrize(
    ("key", "tokens"),
    [(Qt.Key.Key_Right, 33024), (Qt.Key.Key_Left, 32512), (Qt.Key.Key_PageUp, 36864), (Qt.Key.Key_Home, 256)],
)
def test_keys_step_on_the_grid(qtbot: QtBot, choice: ContextChoice, key: Qt.Key, tokens: int) -> None:
    choice.slider.setFocus()
    qtbot.keyClick(choice.slider, key)
    assert choice.slider.value() == tokens


@pytest.mark.parametrize(("text", "tokens"), [("12k", 12288), ("40,960", 40960), ("1000", 1000)])
def test_an_entry_is_exact(qtbot: QtBot, choice: ContextChoice, text: str, tokens: int) -> None:
    choice.entry.selectAll()
    qtbot.keyClicks(choice.entry, text)
    with qtbot.waitSignal(choice.chosen) as chosen:
        qtbot.keyClick(choice.entry, Qt.Key.Key_Return)
    assert chosen.args == [tokens]


def test_an_entry_that_is_no_number_is_refused_in_words(qtbot: QtBot, choice: ContextChoice) -> None:
    choice.entry.selectAll()
    qtbot.keyClicks(choice.entry, "plenty")
    with qtbot.waitSignal(choice.refused) as refused, qtbot.assertNotEmitted(choice.chosen):
        qtbot.keyClick(choice.entry, Qt.Key.Key_Return)
    assert "plenty" in refused.args[0]
    assert "32k" in refused.args[0]


def test_the_marks_are_told_to_screen_readers(choice: ContextChoice) -> None:
    words = choice.slider.accessibleDescription()
    assert "trained 40,960" in words
    assert "largest here 34,560" in words


def test_a_largest_context_that_is_the_trained_one_is_no_limit_of_memory(choice: ContextChoice) -> None:
    beyond = replace(fakes.qwen_opened().options, ctx_size=49152)
    choice.show_state(replace_state(fakes.qwen_opened(), max_ctx_size=40960, options=beyond))
    slider = choice.slider
    assert slider.accessibleDescription() == "trained 40,960, fits here"
    middle = slider.grab().toImage().pixelColor(40, slider.height() // 2)
    assert middle == theme.colour("accent")
    choice.show_state(replace_state(fakes.qwen_opened(), max_ctx_size=34560, options=beyond))
    middle = slider.grab().toImage().pixelColor(40, slider.height() // 2)
    assert middle == theme.colour("bad")
