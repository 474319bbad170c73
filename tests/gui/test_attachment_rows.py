"""Attached texts in the conversation: folded above what was written, and readable in place."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from kvdesk.gui.attachment_rows import AttachmentHead, AttachmentText
from kvdesk.gui.conversation_view import ConversationView
from kvdesk.gui.message_rows import BubbleRow
from kvdesk.session.state import Attachment, DeskState
from tests.gui.conversations import answer, conversation, question

LONG = "".join(f"line {number}\n" for number in range(2000))


@pytest.fixture
def view(qtbot: QtBot) -> ConversationView:
    widget = ConversationView()
    qtbot.addWidget(widget)
    widget.resize(700, 600)
    widget.show()
    return widget


def show(view: ConversationView, text: str, *attachments: Attachment) -> None:
    asked = replace(question(1, text), attachments=attachments)
    view.show_state(DeskState(chat=conversation(asked, answer(2, "!", figures=None))))


def heads(view: ConversationView) -> list[AttachmentHead]:
    return [row for row in view.transcript.rows if isinstance(row, AttachmentHead)]


def read(view: ConversationView) -> str:
    return "".join(row.source for row in view.transcript.rows if isinstance(row, AttachmentText))


def test_a_click_unfolds_a_text_and_folds_it_again(qtbot: QtBot, view: ConversationView) -> None:
    show(view, "What is it?", Attachment("log.txt", LONG, 9000), Attachment("b.md", "# B"))
    assert [head.caption for head in heads(view)] == ["log.txt · 9,000 tokens", "b.md · –"]
    assert read(view) == ""
    first = heads(view)[0]
    index = view.transcript.rows.index(first)
    at = QPoint(500, round(view.top_of(index) + first.top_gap + 8))
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert read(view) == LONG
    view.fold(heads(view)[1])
    assert read(view) == LONG + "# B"
    view.fold(heads(view)[0])
    assert read(view) == "# B"


def test_texts_without_a_word_have_no_empty_bubble(view: ConversationView) -> None:
    show(view, "", Attachment("a.md", "A", 1))
    assert not any(isinstance(row, BubbleRow) for row in view.transcript.rows)
    view.grab()
