"""Rows follow the state: only what changed is made anew, and a finished answer keeps the rows it grew in."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from kvdesk.gui.markdown import parse
from kvdesk.gui.message_rows import BubbleRow, FigureRow, ReasoningHead
from kvdesk.gui.rows import TextRow
from kvdesk.gui.transcript import Transcript, split_lines
from kvdesk.session.state import Conversation, Streaming
from tests.gui.conversations import EVERYTHING, REASONING, answer, conversation, question, sketch_conversation


def stream(transcript: Transcript, chat: Conversation, text: str, reasoning: str = "", step: int = 7) -> None:
    for end in range(0, len(reasoning) + step, step):
        transcript.show(chat, Streaming(chat.id, "", reasoning[:end]))
    for end in range(0, len(text) + step, step):
        transcript.show(chat, Streaming(chat.id, text[:end], reasoning))


def test_rows_of_the_sketch() -> None:
    transcript = Transcript()
    assert transcript.show(sketch_conversation(), Streaming(1, "Three are"))
    kinds = [type(row) for row in transcript.rows]
    assert kinds == [
        *(BubbleRow, FigureRow),
        *(ReasoningHead, TextRow, FigureRow),
        *(BubbleRow, FigureRow),
        *(TextRow, FigureRow),
    ]


def test_rows_of_unchanged_messages_are_kept() -> None:
    transcript = Transcript()
    chat = sketch_conversation()
    transcript.show(chat, None)
    before = list(transcript.rows)
    longer = replace(chat, messages=(*chat.messages, answer(4, "Three.")))
    assert not transcript.show(longer, None)
    assert transcript.rows[: len(before)] == before
    settled = transcript.settled
    transcript.show(longer, Streaming(1, "x"))
    assert transcript.settled is settled


def test_a_regenerated_answer_replaces_its_rows() -> None:
    transcript = Transcript()
    chat = sketch_conversation()
    transcript.show(replace(chat, messages=(*chat.messages, answer(4, "Old."))), None)
    transcript.show(chat, Streaming(1, "New"))
    sources = [row.blocks for row in transcript.rows if isinstance(row, TextRow)]
    assert parse("Old.") not in sources
    assert sources[-1] == parse("New")


def test_a_finished_answer_keeps_the_rows_it_grew_in() -> None:
    transcript = Transcript()
    chat = sketch_conversation()
    stream(transcript, chat, EVERYTHING)
    grown = [row for row in transcript.rows if isinstance(row, TextRow)][1:]
    transcript.show(replace(chat, messages=(*chat.messages, answer(4, EVERYTHING))), None)
    kept = [row for row in transcript.rows if isinstance(row, TextRow)][1:]
    assert kept == grown
    assert {row.message_id for row in kept} == {4}
    assert not any(row.has_caret for row in kept)
    assert transcript.live is None


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 400))
def test_streamed_rows_hold_the_blocks_of_the_whole(step: int) -> None:
    transcript = Transcript()
    chat = conversation(question(1, "?"))
    text = EVERYTHING * 3
    stream(transcript, chat, text, step=step)
    transcript.show(replace(chat, messages=(*chat.messages, answer(2, text))), None)
    blocks = [block for row in transcript.rows if isinstance(row, TextRow) for block in row.blocks]
    assert tuple(blocks) == parse(text)


def test_reasoning_is_open_while_it_comes_and_folds_itself() -> None:
    transcript = Transcript()
    chat = conversation(question(1, "?"))
    transcript.show(chat, Streaming(1, "", REASONING))
    assert transcript.live is not None
    head = transcript.live.head
    assert head is not None
    assert head.is_open
    assert head.caption.startswith("Thinking")
    assert [row for row in transcript.rows if isinstance(row, TextRow) and row.part == "reasoning"]
    transcript.show(chat, Streaming(1, "Two", REASONING))
    assert not head.is_open
    assert not [row for row in transcript.rows if isinstance(row, TextRow) and row.part == "reasoning"]
    transcript.fold(head)
    transcript.show(chat, Streaming(1, "Two of", REASONING))
    assert head.is_open
    done = answer(2, "Two of", REASONING)
    transcript.show(replace(chat, messages=(*chat.messages, done)), None)
    assert head in transcript.rows
    assert head.is_open
    assert head.caption == "Thought for 6 s"


def test_another_chat_is_another_transcript() -> None:
    transcript = Transcript()
    transcript.show(sketch_conversation(), None)
    assert transcript.show(conversation(question(9, "x"), chat_id=5), Streaming(1, "of the first chat"))
    assert len(transcript.rows) == 2
    assert transcript.live is None
    transcript.show(None, None)
    assert transcript.rows == []


@given(st.text(max_size=400), st.integers(1, 50))
def test_a_long_question_loses_nothing(text: str, most: int) -> None:
    parts = split_lines(text, most)
    assert "".join(parts) == text
    assert all(len(part) <= most for part in parts)


@pytest.fixture(autouse=True)
def application(qapp: QApplication) -> QApplication:
    """Fonts need one."""
    return qapp


def test_the_last_pieces_may_come_with_the_end() -> None:
    transcript = Transcript()
    chat = conversation(question(1, "?"))
    transcript.show(chat, Streaming(1, "The answer is"))
    grown = transcript.rows[-2]
    transcript.show(replace(chat, messages=(*chat.messages, answer(2, "The answer is **4**."))), None)
    assert transcript.rows[-2] is grown
    assert isinstance(grown, TextRow)
    assert grown.blocks == parse("The answer is **4**.")


def test_costly_text_is_taken_in_larger_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, worked_s = [100.0], [0.0]
    monkeypatch.setattr("kvdesk.gui.transcript.time.monotonic", lambda: now_s[0])

    def thread_time() -> float:
        worked_s[0] += 0.05  # each piece seems to cost 50 ms
        return worked_s[0]

    monkeypatch.setattr("kvdesk.gui.transcript.time.thread_time", thread_time)
    transcript = Transcript()
    chat = conversation(question(1, "?"))
    transcript.show(chat, Streaming(1, "a"))
    transcript.show(chat, Streaming(1, "a b"))
    assert transcript.live is not None
    assert transcript.live.text == "a"
    now_s[0] += 0.3
    transcript.show(chat, Streaming(1, "a b c"))
    assert transcript.live.text == "a b c"
