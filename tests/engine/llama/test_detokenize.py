"""What is shown of an answer, however its bytes are cut into tokens."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kvdesk.engine.llama.detokenize import REASONING_MARKS, AnswerText, Shown


def feed(answer: AnswerText, data: bytes, cuts: list[int]) -> list[Shown]:
    """Feed bytes in pieces cut at these places; stop where a turn would."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    shown = []
    for begin, end in pairwise(places):
        shown.append(answer.feed(data[begin:end]))
        if shown[-1].is_stopped:
            return shown
    return [*shown, answer.flush()]


def said(shown: list[Shown]) -> str:
    return "".join(part.text for part in shown)


def thought(shown: list[Shown]) -> str:
    return "".join(part.reasoning for part in shown)


cuts = st.lists(st.integers(0, 10_000), max_size=60)


@given(st.text(), cuts)
@example("a🧊é字", [1, 2, 3, 4, 5, 6, 7, 8])
def test_no_character_is_ever_split(text: str, cuts: list[int]) -> None:
    answer = AnswerText()
    shown = feed(answer, text.encode(), cuts)
    assert "\ufffd" not in said(shown) or "\ufffd" in text
    assert said(shown) + thought(shown) == answer.text + answer.reasoning
    if not any(opening in text for opening, _ in REASONING_MARKS) and "<|" not in text:
        assert said(shown) == text


def test_bytes_that_are_no_characters_become_replacements_and_hold_nothing_up() -> None:
    answer = AnswerText()
    assert answer.feed(b"a\xff").text == "a\ufffd"
    assert answer.feed(b"b\xf0\x9f").text == "b"  # half of an ice cube
    assert answer.flush().text == "\ufffd"


@given(st.text("ab", max_size=30), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3), cuts)
@example("aab", ["ab"], [1, 2])
@example("abab", ["abb", "aba"], [1, 2, 3])
def test_text_ends_where_the_first_stop_string_begins(text: str, stops: list[str], cuts: list[int]) -> None:
    answer = AnswerText(stops)
    shown = feed(answer, text.encode(), cuts)
    if not any(stop in text for stop in stops):
        assert said(shown) == text
        assert not any(part.is_stopped for part in shown)
        return
    # Of two that overlap, the one that is complete first: nobody knows what is still to come.
    assert shown[-1].is_stopped
    assert text.startswith(tuple(said(shown) + stop for stop in stops))
    assert not any(stop in said(shown) for stop in stops)


def test_a_possible_stop_string_is_held_back_and_then_let_go() -> None:
    answer = AnswerText(["END"])
    assert answer.feed(b"one E").text == "one "
    assert answer.feed(b"N").text == ""
    assert answer.feed(b"Q").text == "ENQ"
    assert answer.feed(b" EN").text == " "
    assert answer.flush().text == "EN"


@pytest.mark.parametrize(("opening", "closing"), REASONING_MARKS)
@given(cuts=cuts)
def test_a_reasoning_block_is_kept_apart(opening: str, closing: str, cuts: list[int]) -> None:
    answer = AnswerText(["STOP"])
    text = f"\n{opening}\nShall I STOP? ü{closing}\n\nNo. <think> is a word.STOP never"
    shown = feed(answer, text.encode(), cuts)
    assert thought(shown) == "Shall I STOP? ü"
    assert said(shown).strip() == "No. <think> is a word."
    assert shown[-1].is_stopped
    assert (answer.text, answer.reasoning) == (said(shown), thought(shown))


@pytest.mark.parametrize("prompt", ["<|Assistant|><think>\n", "assistant\n<think>"])
def test_a_block_that_the_template_opens_needs_no_opening_mark(prompt: str) -> None:
    answer = AnswerText.after_prompt(prompt, ())
    assert answer.is_reasoning
    shown = [answer.feed(piece) for piece in (b"Hm.", b" So", b"\n</th", b"ink>\n", b"\n", b"42")]
    assert thought(shown).strip() == "Hm. So"
    assert said(shown) == "42"
    assert not answer.is_reasoning


def test_a_prompt_that_closes_its_block_opens_none() -> None:
    assert not AnswerText.after_prompt("assistant\n<think>\n\n</think>\n\n", ()).is_reasoning


def test_thinking_that_was_cut_off_is_still_thinking() -> None:
    answer = AnswerText()
    shown = [answer.feed(b"<think>Well"), answer.feed(b"</"), answer.flush()]
    assert (said(shown), thought(shown)) == ("", "Well</")


def test_a_stop_string_that_is_a_mark_stops() -> None:
    assert feed(AnswerText(["<think>"]), b"Well <think>no", [5])[-1].is_stopped
    assert feed(AnswerText(["<think>"]), b"<think>no", [])[-1].is_stopped


def test_control_tokens_are_read_as_marks_and_never_shown() -> None:
    answer = AnswerText()
    tokens = [
        (b"<|channel|>", True), (b"analysis", False), (b"<|message|>", True), (b"Easy.", False),
        (b"<|end|>", True), (b"<|start|>", True), (b"assistant", False), (b"<|channel|>", True),
        (b"final", False), (b"<|message|>", True), (b"4", False), (b"<|call|>", True), (b"2", False),
        (b"<|end|>", True),
    ]  # fmt: skip
    shown = [answer.feed(piece, is_control=is_control) for piece, is_control in tokens]
    assert (said(shown), thought(shown)) == ("42", "Easy.")
