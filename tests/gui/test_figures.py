"""Figures become sentences; none is invented."""

from dataclasses import replace

import pytest

from kvdesk.gui.figures import answer_line, cost_line, duration, live_line, prefill_line, speed, thought_line
from kvdesk.session.state import ChatMessage, DeskState, EngineState, Phase, SendCost, Streaming
from tests.gui import fakes
from tests.gui.conversations import FIGURES


def message(**changes: object) -> ChatMessage:
    return ChatMessage(1, "assistant", "x", figures=replace(FIGURES, **changes))


def test_the_line_under_an_answer() -> None:
    assert answer_line(message()) == (
        "38 new tokens read, 26,206 reused · 0.3 s to first token · 212 tokens at 47.8 t/s"
    )


def test_what_was_read_again_has_its_reason() -> None:
    line = answer_line(message(reread_tokens=1200, reread_reason="history_changed"))
    assert "1,200 read again: an earlier message changed" in line


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("cancelled", "stopped"),
        ("length", "cut at the answer’s limit"),
        ("context_full", "cut: the context is full"),
    ],
)
def test_an_early_end_is_said_in_words(reason: str, words: str) -> None:
    assert answer_line(message(stop_reason=reason)).endswith(words)


def test_a_partial_answer_without_figures() -> None:
    assert (
        answer_line(ChatMessage(1, "assistant", "x", is_partial=True)) == "cut off, what had arrived is kept"
    )


def test_one_token_is_not_plural() -> None:
    line = answer_line(message(prompt_tokens=26_207, completion_tokens=1, decode_s=0.0))
    assert line == "1 new token read, 26,206 reused · 0.3 s to first token · 1 token"


def test_a_short_time_is_not_nothing() -> None:
    assert [duration(s) for s in (0.0004, 0.009, 0.31, 41.2)] == ["1 ms", "9 ms", "0.3 s", "41 s"]


def test_speed_has_the_digits_that_mean_something() -> None:
    assert (speed(47.81), speed(1849.6)) == ("47.8 t/s", "1,850 t/s")


def test_prefill() -> None:
    engine = EngineState(Phase.PREFILL, prefill_done_tokens=12_000, prefill_total_tokens=41_200)
    assert prefill_line(engine, 1850) == "reading 12,000 of 41,200 · 1,850 t/s"
    assert prefill_line(replace(engine, prefill_total_tokens=0)) == "reading"
    assert live_line(engine, Streaming(1)) == "reading 12,000 of 41,200"


def test_live_speed_only_when_measured() -> None:
    assert live_line(EngineState(Phase.DECODE), Streaming(1, "x", tokens=3)) == "3 tokens"
    assert (
        live_line(EngineState(Phase.DECODE, tokens_per_s=5), Streaming(1, "x", tokens=3))
        == "3 tokens at 5.0 t/s"
    )


@pytest.mark.parametrize(
    ("seconds", "live", "caption"),
    [
        (6.2, False, "Thought for 6 s"),
        (0.4, False, "Thought for 0.4 s"),
        (0, False, "Thought"),
        (0.2, True, "Thinking"),
        (3.1, True, "Thinking for 3 s"),
    ],
)
def test_thought(seconds: float, live: bool, caption: str) -> None:
    assert thought_line(seconds, is_live=live) == caption


def test_cost_needs_a_count_and_a_measured_speed() -> None:
    state = replace(fakes.qwen_loaded(), send_cost=SendCost(27_348, 27_310, 38))
    assert cost_line(replace(state, send_cost=None), "draft") == ""
    assert cost_line(state, "") == ""
    assert cost_line(state, "draft") == "+38 tokens · first token in about 0.3 s · cache 83 → 83 %"
    assert state.chat is not None
    unmeasured = replace(state, chat=replace(state.chat, messages=state.chat.messages[:1]))
    assert cost_line(unmeasured, "draft") == "+38 tokens · cache 83 → 83 %"
    known = replace(unmeasured, send_cost=SendCost(27_348, 27_310, 38, 4.0, 400, 27_748))
    assert cost_line(known, "draft") == "+38 tokens · first token in about 4.0 s · cache 83 → 85 %"


def test_a_model_that_is_not_loaded_is_loaded_first() -> None:
    assert cost_line(fakes.qwen_opened(), "draft") == "loads Qwen3-8B first"
    assert cost_line(fakes.qwen_opened(), " ") == ""
    assert cost_line(DeskState(), "draft") == ""
