"""The gauge: segments sum to the cells in use, and the line says it in tokens."""

from dataclasses import replace

import msgspec
import pytest
from pytestqt.qtbot import QtBot

from kvdesk.gui.context_gauge import ContextGauge
from kvdesk.session.state import DeskState, Phase, Streaming
from tests.gui import fakes
from tests.gui.conversations import FIGURES, answer, conversation, question


@pytest.fixture
def gauge(qtbot: QtBot) -> ContextGauge:
    widget = ContextGauge()
    qtbot.addWidget(widget)
    return widget


def two_turns() -> DeskState:
    first = replace(FIGURES, prompt_tokens=100, reused_tokens=0, completion_tokens=50)
    second = replace(FIGURES, prompt_tokens=180, reused_tokens=150, completion_tokens=20)
    chat = conversation(
        question(1, "a"), answer(2, "b", figures=first), question(3, "c"), answer(4, "d", figures=second)
    )
    return replace(fakes.qwen_loaded(), chat=chat)


def test_the_line_in_tokens_and_per_cent(gauge: ContextGauge) -> None:
    gauge.show_state(fakes.qwen_loaded())
    assert gauge.right.text() == "27,310 of 32,768 tokens · 83 %"
    assert gauge.accessibleDescription().startswith(gauge.right.text())


def test_bytes_in_use_are_told_k_and_v_apart(gauge: ContextGauge) -> None:
    gauge.show_state(fakes.qwen_loaded())
    assert gauge.right.toolTip().splitlines() == [
        "27,310 of 32,768 cells",
        "K: 1,020 MiB of 1,224 MiB in use",
        "V: 1,020 MiB of 1,224 MiB in use",
    ]


def test_a_little_is_not_nothing(gauge: ContextGauge) -> None:
    state = fakes.qwen_loaded()
    assert state.engine.cache is not None
    for used, percent in ((0, "0 %"), (3, "<1 %")):
        cache = msgspec.structs.replace(state.engine.cache, cells_used=used)
        gauge.show_state(replace(state, engine=replace(state.engine, cache=cache)))
        assert gauge.right.text().endswith(percent)


def test_prefill_says_how_far(gauge: ContextGauge) -> None:
    state = fakes.qwen_loaded()
    engine = replace(
        state.engine,
        phase=Phase.PREFILL,
        prefill_done_tokens=12_000,
        prefill_total_tokens=41_200,
        tokens_per_s=1850.0,
    )
    gauge.show_state(replace(state, engine=engine))
    assert gauge.left.text() == "reading 12,000 of 41,200 · 1,850 t/s"


def test_a_live_answer_grows_in_the_line(gauge: ContextGauge) -> None:
    state = two_turns()
    assert state.engine.cache is not None
    cache = msgspec.structs.replace(state.engine.cache, cells_used=200)
    engine = replace(state.engine, phase=Phase.DECODE, cache=cache, prefill_total_tokens=230)
    gauge.show_state(replace(state, engine=engine, streaming=Streaming(1, "x", tokens=7)))
    assert gauge.left.text() == "you 160 · answers 77"
    assert gauge.right.text().startswith("237 of")


def test_nothing_is_shown_without_a_loaded_model(gauge: ContextGauge) -> None:
    gauge.show_state(fakes.qwen_opened())
    assert gauge.isHidden()


def test_the_cache_may_hold_another_chat(gauge: ContextGauge) -> None:
    state = two_turns()
    assert state.engine.cache is not None
    cache = msgspec.structs.replace(state.engine.cache, cells_used=200, chat="7")
    state = replace(state, engine=replace(state.engine, cache=cache))
    gauge.show_state(state)
    assert gauge.left.text() == "another chat 200"
    gauge.show_state(replace(state, streaming=Streaming(1, "x", tokens=1)))
    assert gauge.left.text().startswith("you")
