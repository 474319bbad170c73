"""Words are found in the whole conversation, laid out or not, and shown one after another."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kvdesk.gui.conversation_view import ConversationView
from kvdesk.gui.finder import Finder
from kvdesk.gui.row_marks import Found
from kvdesk.gui.rows import Row, TextRow
from kvdesk.session.state import Conversation, DeskState, Streaming
from tests.gui.conversations import EVERYTHING, answer, conversation, long_conversation, question


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[ConversationView]:
    widget = ConversationView()
    qtbot.addWidget(widget)
    widget.resize(700, 600)
    widget.show()
    yield widget
    QApplication.clipboard().clear()


def show(view: ConversationView, chat: Conversation, streaming: Streaming | None = None) -> None:
    view.show_state(DeskState(chat=chat, streaming=streaming))


def look_for(qtbot: QtBot, view: ConversationView, words: str) -> None:
    view.open_search()
    view.find_bar.edit.setText(words)
    qtbot.waitUntil(lambda: view.find_bar.finder.is_done)


def found_in(query: str, *rows: Row, match_case: bool = False) -> list[Found]:
    finder = Finder()
    finder.seek(query, match_case=match_case, rows=list(rows))
    while not finder.is_done:
        finder.work(1.0)
    return [hit.found for hit in finder.hits]


def test_words_are_found_where_they_are_seen() -> None:
    row = TextRow(1, "A **bo**ld word\n\n```\nbold\n```\n\n| bold | x |\n|--|--|\n| y | BOLD |\n")
    assert found_in("bold", row) == [Found(0, 2, 6), Found(1, 0, 4), Found(2, 0, 4), Found(2, 9, 13)]
    assert len(found_in("bold", row, match_case=True)) == 3


def test_formulas_links_and_signs_are_found_as_they_are_seen() -> None:
    row = TextRow(1, r"so $\alpha \to 1$ and [here](https://a.example) it is &amp; 😀 x")
    assert len(found_in("α → 1", row)) == 1
    assert len(found_in("here it", row)) == 1
    assert len(found_in("& ", row)) == 1
    assert found_in("a.example", row) == []
    (found,) = found_in("x", row)
    assert found.start == len("so α → 1 and here it is & 😀 x".encode("utf-16-le")) // 2 - 1


_SOURCES = st.text(alphabet=st.sampled_from("ab *_`\\$[](){}<>&#-|\n!^:1."), max_size=40)


@settings(max_examples=400)
@given(_SOURCES, st.data())
def test_the_quick_look_misses_nothing(source: str, data: st.DataObject) -> None:
    row = TextRow(1, source)
    texts = [text for text in row.searched_texts() if text.replace("\n", "").replace("\t", "")]
    for text in texts:
        line = max(text.replace("\t", "\n").split("\n"), key=len)
        start = data.draw(st.integers(0, len(line) - 1))
        end = data.draw(st.integers(start + 1, len(line)))
        assert found_in(line[start:end], row, match_case=True), (source, line[start:end])


def test_a_long_chat_is_searched_without_being_laid_out(qtbot: QtBot, view: ConversationView) -> None:
    chat = long_conversation(60_000)
    first = replace(chat.messages[0], content="the needle in it")
    show(view, replace(chat, messages=(first, *chat.messages[1:])))
    look_for(qtbot, view, "NEEDLE")
    assert view.find_bar.count.text() == "1 of 1"
    assert view.rows_in_view()[0] == 0
    assert not view.follows
    assert sum(row.is_laid for row in view.rows) < 120


def test_next_and_previous_go_around(qtbot: QtBot, view: ConversationView) -> None:
    show(
        view, conversation(question(1, "one cell"), answer(2, "two cell cells\n\n" * 60), question(3, "cell"))
    )
    view.verticalScrollBar().setValue(0)
    look_for(qtbot, view, "cell")
    count = view.find_bar.count
    assert count.text() == "1 of 122"
    qtbot.keyClick(view.find_bar.edit, Qt.Key.Key_Return)
    assert count.text() == "2 of 122"
    qtbot.keyClick(view.find_bar.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    view.find_bar.previous_button.click()
    assert count.text() == "122 of 122"
    assert view.rows_in_view()[1] == len(view.rows)
    view.find_bar.next_button.click()
    assert count.text() == "1 of 122"
    assert view.rows_in_view()[0] == 0


def test_case_can_matter(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(question(1, "Cell and cell")))
    look_for(qtbot, view, "Cell")
    assert view.find_bar.count.text().endswith("of 2")
    view.find_bar.case_button.click()
    assert view.find_bar.count.text() == "1 of 1"
    view.find_bar.edit.setText("no such thing")
    assert view.find_bar.count.text() == "Nothing found"


def test_what_is_found_is_marked_and_esc_takes_it_away(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(question(1, "?"), answer(2, EVERYTHING)))
    view.verticalScrollBar().setValue(0)
    view.viewport().repaint()
    before = view.viewport().grab().toImage()
    look_for(qtbot, view, "cache")
    marked = view.viewport().grab().toImage()
    assert marked != before
    qtbot.keyClick(view.find_bar.edit, Qt.Key.Key_Escape)
    assert view.find_bar.isHidden()
    assert not view.find_bar.finder.hits
    assert all(not view.marks_of(row, None).found for row in view.rows)


def test_a_streamed_answer_is_searched_as_it_grows(qtbot: QtBot, view: ConversationView) -> None:
    chat = conversation(question(1, "needle?"))
    show(view, chat)
    look_for(qtbot, view, "needle")
    text = "a needle\n\n" * 40
    for end in range(0, len(text), 25):
        show(view, chat, Streaming(1, text[:end]))
    show(view, replace(chat, messages=(*chat.messages, answer(2, text))))
    qtbot.waitUntil(lambda: view.find_bar.finder.is_done)
    assert len(view.find_bar.finder.hits) == 41
    show(view, chat)
    qtbot.waitUntil(lambda: view.find_bar.finder.is_done)
    assert len(view.find_bar.finder.hits) == 1


def test_the_selected_words_are_looked_for(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(question(1, "needle")))
    view.select_all()
    view.open_search()
    assert view.find_bar.edit.text() == "needle"
