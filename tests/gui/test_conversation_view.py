"""The conversation on the screen: what is laid out, followed, selected, copied, folded and asked for."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QDesktopServices
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QPlainTextEdit
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.blocks.code import CodeView
from kvdesk.gui.conversation_view import ConversationView
from kvdesk.gui.message_rows import ReasoningHead
from kvdesk.gui.rows import Row, TextRow
from kvdesk.session.state import Conversation, DeskState, Streaming
from tests.gui.conversations import (
    EVERYTHING,
    RISKS,
    answer,
    conversation,
    listing,
    long_conversation,
    question,
    sketch_conversation,
)


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[ConversationView]:
    widget = ConversationView()
    qtbot.addWidget(widget)
    widget.resize(700, 600)
    widget.show()
    yield widget
    QApplication.clipboard().clear()


def show(view: ConversationView, chat: Conversation | None, streaming: Streaming | None = None) -> None:
    view.show_state(DeskState(chat=chat, streaming=streaming))


def index_of(view: ConversationView, kind: type[Row]) -> int:
    return next(index for index, row in enumerate(view.transcript.rows) if isinstance(row, kind))


def point_in(view: ConversationView, index: int, block: int, position: int = 0) -> QPoint:
    """Return a point of the viewport on a character of a block."""
    row = view.transcript.rows[index]
    block_view, corner = row.views()[block]
    for y in range(2, int(block_view.height), 4):
        for x in range(2, 600, 2):
            if block_view.position_at(x, y) == position:
                left = view.viewport().width() - view.column_width
                at = QPointF(left // 2 + corner.x() + x, view.top_of(index) + corner.y() + y)
                return at.toPoint()
    raise AssertionError(f"no point on {position}")


def test_only_what_is_seen_is_laid_out(view: ConversationView) -> None:
    show(view, long_conversation(100_000))
    laid = [row for row in view.transcript.rows if row.is_laid]
    assert 0 < len(laid) < 30
    assert len(view.transcript.rows) > 500


def test_walking_through_a_long_chat_keeps_few_rows_and_nothing_jumps(view: ConversationView) -> None:
    show(view, long_conversation(60_000))
    bar = view.verticalScrollBar()
    for _ in range(60):
        bar.setValue(bar.value() - 400)
        first, _ = view.rows_in_view()
        top = view.top_of(first)
        row = view.transcript.rows[first]
        view.show_state(DeskState(chat=view_chat(view)))
        assert view.transcript.rows[view.rows_in_view()[0]] is row
        assert view.top_of(first) == pytest.approx(top, abs=1.0)
    assert len([row for row in view.transcript.rows if row.is_laid]) < 120


def view_chat(view: ConversationView) -> Conversation:
    return replace(long_conversation(60_000), messages=tuple(g.message for g in view.transcript.groups))


def test_every_row_has_its_true_height_after_being_seen(view: ConversationView) -> None:
    show(view, conversation(question(1, "?"), answer(2, EVERYTHING)))
    view.verticalScrollBar().setValue(0)
    seen = [row for row in view.transcript.rows if row.is_laid]
    for row in seen:
        height = row.height
        row.release()
        row.lay_out(view.column_width, view.style_of_text)
        assert row.height == height


def test_a_new_chat_opens_at_its_end_and_follows(view: ConversationView) -> None:
    chat = long_conversation(20_000)
    show(view, chat)
    bar = view.verticalScrollBar()
    assert view.follows
    assert bar.value() == bar.maximum() > 0
    for end in range(0, len(EVERYTHING), 60):
        show(view, chat, Streaming(chat.id, EVERYTHING[:end]))
        assert bar.value() == bar.maximum()


def test_who_scrolls_up_stays_and_can_jump_back(qtbot: QtBot, view: ConversationView) -> None:
    chat = long_conversation(20_000)
    show(view, chat, Streaming(chat.id, "A"))
    bar = view.verticalScrollBar()
    bar.setValue(bar.maximum() - 900)
    assert not view.follows
    first, _ = view.rows_in_view()
    top = view.top_of(first)
    show(view, chat, Streaming(chat.id, "A" + "\n\nmore" * 60))
    assert view.top_of(first) == top
    assert view.jump_button.isVisible()
    qtbot.mouseClick(view.jump_button, Qt.MouseButton.LeftButton)
    assert view.follows
    assert bar.value() == bar.maximum()
    assert not view.jump_button.isVisible()


def test_another_view_reads_on_at_the_same_place_in_another_size(
    qtbot: QtBot, view: ConversationView
) -> None:
    messages = [answer(n, RISKS, figures=None) for n in range(1, 30)]
    show(view, conversation(*messages))
    assert view.reading_place is None  # the end, which is followed
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
    place = view.reading_place
    assert place is not None
    other = ConversationView()
    qtbot.addWidget(other)
    other.resize(view.width() - 100, view.height() + 60)
    other.show()
    show(other, conversation(*messages))
    other.read_on(place)
    assert other.reading_place == pytest.approx(place, abs=0.05)
    assert not other.follows
    other.read_on(None)
    assert not other.follows


def test_sending_goes_to_the_end(view: ConversationView) -> None:
    chat = long_conversation(20_000)
    show(view, chat)
    view.verticalScrollBar().setValue(0)
    show(view, replace(chat, messages=(*chat.messages, question(99_999, "And?"))))
    assert view.follows


def test_a_streamed_listing_is_drawn_as_a_finished_one(view: ConversationView) -> None:
    chat = conversation(question(1, "?"))
    text = "Here:\n\n" + listing(20)
    for end in range(0, len(text) + 50, 50):
        show(view, chat, Streaming(1, text[:end]))
    show(view, replace(chat, messages=(*chat.messages, answer(2, text, figures=None))))
    grown = heights(view)
    show(view, None)
    show(view, replace(chat, messages=(*chat.messages, answer(2, text, figures=None))))
    assert heights(view) == grown


def heights(view: ConversationView) -> list[float]:
    return [row.height for row in view.transcript.rows]


def test_dragging_selects_across_blocks_and_copies_what_is_seen(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(answer(1, RISKS, figures=None)))
    index = index_of(view, TextRow)
    start, end = point_in(view, index, 0, 12), point_in(view, index, 2, 6)
    qtbot.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(view.viewport(), pos=end)
    qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=end)
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QApplication.clipboard().text().split("\n")
    assert lines[0].startswith("reappear. The currency exposure of section 4.2")
    assert lines[-2].startswith("- “A ten per cent movement")
    assert lines[-1] == "- “Three"


def test_all_is_given_as_markdown_between_the_ends(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(question(1, "First *as typed*"), answer(2, EVERYTHING), question(3, "Last")))
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    text = view.selected_text()
    assert text.startswith("First *as typed*\n\n## How the cache is read")
    assert EVERYTHING.strip() in text
    assert text.endswith("Last")


def test_part_of_an_answer_is_copied_with_its_marks(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(answer(1, RISKS, figures=None)))
    index = index_of(view, TextRow)
    start, end = point_in(view, index, 0, 26), point_in(view, index, 2, 8)
    qtbot.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(view.viewport(), pos=end)
    qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=end)
    ctrl_shift = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(view, Qt.Key.Key_C, ctrl_shift)
    lines = QApplication.clipboard().text().split("\n")
    assert lines[0].startswith("**currency exposure** of section 4.2")
    assert lines[-1] == "- “Three s"


def test_emoji_do_not_shift_the_selection(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(answer(1, "😀😀 one two", figures=None)))
    index = index_of(view, TextRow)
    qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point_in(view, index, 0, 6))
    assert view.selected_text() == "one"


def test_a_selection_ends_with_what_it_was_in(qtbot: QtBot, view: ConversationView) -> None:
    show(view, sketch_conversation())
    view.select_all()
    show(view, conversation(question(1, "x"), chat_id=3))
    assert not view.has_selection
    assert view.selected_text() == ""


def test_the_copy_button_of_a_listing(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(answer(1, "```sql\nSELECT 1;\n```", figures=None)))
    index = index_of(view, TextRow)
    code, corner = view.transcript.rows[index].views()[0]
    assert isinstance(code, CodeView)
    left = (view.width() - view.column_width) // 2
    at = QPointF(left + corner.x() + code.box_width - 20, view.top_of(index) + corner.y() + 12).toPoint()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert QApplication.clipboard().text() == "SELECT 1;"
    qtbot.waitUntil(lambda: code.is_highlighted)


def test_a_click_unfolds_the_reasoning(qtbot: QtBot, view: ConversationView) -> None:
    show(view, sketch_conversation())
    index = index_of(view, ReasoningHead)
    head = view.transcript.rows[index]
    at = QPoint(60, round(view.top_of(index) + head.height - 8))
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert view.transcript.rows[index + 1].part == "reasoning"
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert view.transcript.rows[index + 1].part == "answer"


def test_a_link_is_asked_about(view: ConversationView, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    question, address = view.link_question, "https://docs.example/cache?a=1&b=" + "2" * 300
    question.ask(address)
    assert address in question.accessibleDescription()
    assert opened == []
    question.stay_button.click()
    assert question.isHidden()
    assert opened == []
    question.ask(address)
    question.open_button.click()
    assert opened == [address]
    assert question.isHidden()


def test_a_long_address_is_shown_whole_inside_the_view(view: ConversationView) -> None:
    show(view, conversation(answer(1, "x")))
    address = "https://docs.example/" + "long/" * 60
    view.link_question.ask(address)
    shown = view.link_question.findChild(QPlainTextEdit)
    assert shown is not None
    assert shown.toPlainText() == address
    assert view.rect().contains(view.link_question.geometry())


@pytest.mark.parametrize("address", ["file:///etc/passwd", "javascript:alert(1)", "vscode://x"])
def test_only_the_web_is_opened(view: ConversationView, address: str) -> None:
    view.link_question.ask(address)
    assert view.link_question.open_button.isHidden()


def test_a_click_on_a_link_asks_and_esc_stays(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(answer(1, "[here](https://a.example) and not here", figures=None)))
    index = index_of(view, TextRow)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point_in(view, index, 0, 12))
    assert view.link_question.isHidden()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point_in(view, index, 0, 1))
    assert view.link_question.isVisible()
    assert view.link_question.address == "https://a.example"
    qtbot.keyClick(view.link_question.open_button, Qt.Key.Key_Escape)
    assert view.link_question.isHidden()


def test_any_question_is_edited_and_the_last_answer_written_again(
    qtbot: QtBot, view: ConversationView
) -> None:
    chat = conversation(question(1, "a"), answer(2, "b"), question(3, "c"), answer(4, "d"))
    show(view, chat)
    groups = view.transcript.groups
    offered = []
    for group in groups:
        index = view.transcript.rows.index(group.rows[0])
        qtbot.mouseMove(
            view.viewport(), pos=QPoint(350, round(view.top_of(index) + group.rows[0].height - 6))
        )
        actions = view.message_actions
        assert actions.group is group
        offered.append((actions.regenerate_button.isVisible(), actions.edit_button.isVisible()))
    assert offered == [(False, True), (False, False), (False, True), (True, False)]


def test_actions_ask(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(question(1, "a"), answer(2, "the *answer*")))
    view.activateWindow()
    view.setFocus()
    actions = view.message_actions
    qtbot.waitUntil(actions.isVisible)
    with qtbot.waitSignal(view.regenerateWanted):
        qtbot.mouseClick(actions.regenerate_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(actions.copy_button, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == "the *answer*"


def test_keys_scroll(qtbot: QtBot, view: ConversationView) -> None:
    show(view, long_conversation(20_000))
    bar = view.verticalScrollBar()
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert bar.value() == 0
    qtbot.keyClick(view, Qt.Key.Key_PageDown)
    assert bar.value() == bar.pageStep()
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert bar.value() == bar.pageStep() - bar.singleStep()
    qtbot.keyClick(view, Qt.Key.Key_End)
    assert view.follows


def test_the_keyboard_goes_from_message_to_message(qtbot: QtBot, view: ConversationView) -> None:
    show(view, long_conversation(20_000))
    view.activateWindow()
    view.setFocus()
    groups = view.transcript.groups
    at = []
    for step in (-1, -1, -1, 1):
        view.read(step)
        group = view.message_actions.group
        assert group is not None
        at.append(groups.index(group))
        first = view.rows.index(group.rows[0])
        assert view.rows_in_view()[0] <= first < view.rows_in_view()[1]
    assert at == [at[0], at[0] - 1, at[0] - 2, at[0] - 1]
    view.message_actions.copy_button.setFocus()
    view.read(-1)  # from its actions, too
    assert view.message_actions.group is groups[at[0] - 2]
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_Home)
    view.grab()


def test_the_keyboards_menu_has_the_messages_links(
    view: ConversationView, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    shown: list[str] = []

    def popup(menu: QMenu, at: QPoint) -> None:
        shown.extend(action.text() for action in menu.actions())
        menu.actions()[0].trigger()
        menu.deleteLater()

    monkeypatch.setattr(QMenu, "popup", popup)
    show(view, conversation(question(1, "?"), answer(2, "[a](https://a.example/?x=1&y=2)")))
    view.read(-1)
    view.read(1)
    at = QPoint(1, 1)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, at, view.viewport().mapToGlobal(at))
    QApplication.sendEvent(view.viewport(), event)
    assert shown[0] == "Open https://a.example/?x=1&&y=2…"
    assert view.link_question.address == "https://a.example/?x=1&y=2"


def test_arrows_move_wide_content(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(answer(1, listing(3), figures=None)))
    before = view.grab().toImage()
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.grab().toImage() != before
    qtbot.keyClick(view, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: all(v.is_highlighted for v in code_views(view)))


def code_views(view: ConversationView) -> list[CodeView]:
    return [v for row in view.transcript.rows for v, _ in row.views() if isinstance(v, CodeView)]


def test_a_notice_stands_after_the_last_message(view: ConversationView) -> None:
    show(view, sketch_conversation())
    notice = QLabel("The engine ended")
    view.set_notice(notice)
    last = len(view.transcript.rows) - 2
    assert notice.isVisible()
    assert notice.y() >= view.top_of(last) + view.transcript.rows[last].height
    assert notice.height() > 0
    view.set_notice(None)
    assert len(view.transcript.rows) == last + 1


def test_another_theme_is_drawn_at_once(view: ConversationView) -> None:
    show(view, sketch_conversation())
    light = view.viewport().grab().toImage()
    theme.current().set_choice(theme.Choice.DARK)
    dark = view.viewport().grab().toImage()
    assert light.pixelColor(2, 2).lightness() > 200
    assert dark.pixelColor(2, 2).lightness() < 60
    theme.current().set_choice(theme.Choice.LIGHT)


def test_a_narrow_window_wraps_again(view: ConversationView) -> None:
    show(view, conversation(answer(1, RISKS, figures=None)))
    wide = sum(heights(view))
    view.resize(320, 600)
    assert sum(heights(view)) > wide
    view.resize(60, 100)
    view.grab()


def test_the_latest_answer_is_there_for_screen_readers(view: ConversationView) -> None:
    chat = conversation(question(1, "?"))
    show(view, chat, Streaming(1, "The ans"))
    show(view, replace(chat, messages=(*chat.messages, answer(2, "The answer."))))
    assert view.accessibleDescription() == "The answer."


def test_the_context_menu_knows_what_it_is_on(
    view: ConversationView, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[list[str]] = []

    def popup(menu: QMenu, at: QPoint) -> None:
        shown.append([action.text() for action in menu.actions()])
        for action in menu.actions():
            if action.text() in ("Show reasoning", "Copy message"):
                action.trigger()
        menu.deleteLater()

    monkeypatch.setattr(QMenu, "popup", popup)
    show(view, sketch_conversation())
    head = index_of(view, ReasoningHead)
    at = QPoint(200, round(view.top_of(head + 1) + 30))
    QApplication.sendEvent(view.viewport(), context_event(view, at))
    pin = "Pin: never leave it out of the context"
    assert shown[-1] == [
        "Copy",
        "Copy as Markdown",
        "Copy message",
        "Quote in the reply",
        "Show reasoning",
        "",
        pin,
        "",
        "Select all",
    ]
    assert QApplication.clipboard().text() == RISKS
    assert view.transcript.rows[head + 1].part == "reasoning"
    QApplication.sendEvent(view.viewport(), context_event(view, at))
    assert "Hide reasoning" in shown[-1]


def context_event(view: ConversationView, at: QPoint) -> QContextMenuEvent:
    return QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, view.viewport().mapToGlobal(at))


def test_enter_unfolds_the_reasoning_in_view(qtbot: QtBot, view: ConversationView) -> None:
    show(view, sketch_conversation())
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert view.transcript.rows[index_of(view, ReasoningHead) + 1].part == "reasoning"


def test_text_from_right_to_left_stands_at_the_right(qtbot: QtBot, view: ConversationView) -> None:
    show(view, conversation(answer(1, "مرحبا بالعالم", figures=None)))
    picture = view.viewport().grab().toImage()
    ground = picture.pixelColor(2, 2)
    top = round(view.top_of(0)) + 4
    inked = [
        x
        for x in range(picture.width())
        if any(picture.pixelColor(x, y) != ground for y in range(top, top + 18))
    ]
    column = (view.width() - view.column_width) // 2
    assert max(inked) > column + view.style_of_text.reading_width - 12
    assert min(inked) > column + 200
