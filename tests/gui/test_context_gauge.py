"""The gauge: segments sum to the cells in use, and the line says it in tokens."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from kvdesk.gui.context_gauge import ContextGauge, Segment, fitted, segments_of
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


def test_figures_divide_the_context() -> None:
    assert segments_of(two_turns().chat) == (
        Segment("user", 100),
        Segment("assistant", 50),
        Segment("user", 30),
        Segment("assistant", 20),
    )


def test_a_cut_history_is_not_told_apart() -> None:
    chat = two_turns().chat
    assert chat is not None
    shorter = replace(FIGURES, prompt_tokens=90, completion_tokens=10)
    cut = replace(chat, messages=(*chat.messages, answer(5, "e", figures=shorter)))
    assert segments_of(cut) == (Segment("user", 90), Segment("assistant", 10))


@given(st.lists(st.integers(0, 500), max_size=8), st.integers(0, 3000))
def test_segments_sum_to_the_cells_in_use(tokens: list[int], used: int) -> None:
    segments = tuple(Segment("user" if i % 2 else "assistant", n) for i, n in enumerate(tokens))
    found = fitted(segments, used)
    assert sum(segment.tokens for segment in found) == used
    assert all(segment.tokens > 0 for segment in found)


def test_the_line_in_tokens_and_per_cent(gauge: ContextGauge) -> None:
    gauge.show_state(fakes.qwen_loaded())
    assert gauge.right.text() == "27,310 of 32,768 tokens · 83 %"
    assert gauge.accessibleDescription() == gauge.right.text()


def test_a_little_is_not_nothing(gauge: ContextGauge) -> None:
    state = fakes.qwen_loaded()
    assert state.engine.cache is not None
    for used, percent in ((0, "0 %"), (3, "<1 %")):
        cache = msgspec.structs.replace(state.engine.cache, cells_used=used)  # type: ignore[arg-type]
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
    cache = msgspec.structs.replace(state.engine.cache, cells_used=200)  # type: ignore[arg-type]
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
    cache = msgspec.structs.replace(state.engine.cache, cells_used=200, chat="7")  # type: ignore[arg-type]
    state = replace(state, engine=replace(state.engine, cache=cache))
    gauge.show_state(state)
    assert gauge.left.text() == "another chat 200"
    gauge.show_state(replace(state, streaming=Streaming(1, "x", tokens=1)))
    assert gauge.left.text().startswith("you")
