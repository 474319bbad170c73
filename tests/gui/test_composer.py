"""The composer: what is sent, what is said when nothing can be, drafts and editing."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtWidgets import QFrame, QToolButton
from pytestqt.qtbot import QtBot

from kvdesk.gui.composer import LONG_PASTE, Composer
from kvdesk.session.state import Attachment, DeskState, EngineState, Phase, SendCost
from tests.gui import fakes


@pytest.fixture
def composer(qtbot: QtBot) -> Composer:
    widget = Composer()
    qtbot.addWidget(widget)
    widget.resize(640, 120)
    widget.show_state(fakes.qwen_loaded())
    widget.show()
    return widget


def test_enter_sends_and_empties(qtbot: QtBot, composer: Composer) -> None:
    qtbot.keyClicks(composer.edit, "Hello there ")
    with qtbot.waitSignal(composer.sent) as sent:
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent.args == ["Hello there"]
    assert composer.text == ""


def test_shift_enter_breaks_the_line_and_the_field_grows(qtbot: QtBot, composer: Composer) -> None:
    low = composer.edit.height()
    qtbot.keyClicks(composer.edit, "a")
    with qtbot.assertNotEmitted(composer.sent):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert composer.text == "a\n"
    assert composer.edit.height() > low
    composer.edit.setPlainText("x\n" * 50)
    assert composer.edit.height() < 15 * low


def test_nothing_is_not_sent(qtbot: QtBot, composer: Composer) -> None:
    qtbot.keyClicks(composer.edit, "   ")
    assert not composer.button.isEnabled()
    with qtbot.assertNotEmitted(composer.sent):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return)


def test_the_button_stops_while_an_answer_comes(qtbot: QtBot, composer: Composer) -> None:
    composer.show_state(fakes.qwen_streaming())
    assert composer.button.text() == "Stop"
    with qtbot.waitSignal(composer.stopWanted):
        qtbot.mouseClick(composer.button, Qt.MouseButton.LeftButton)
    composer.edit.setPlainText("next")
    with qtbot.assertNotEmitted(composer.sent):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert composer.text == "next"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (DeskState(), "Open a model first"),
        (DeskState(opening="/models/x.gguf"), "The model is being opened"),
        (replace(fakes.qwen_opened(), engine=EngineState(Phase.LOADING)), "The model is being loaded"),
    ],
)
def test_what_cannot_be_sent_says_why(composer: Composer, state: DeskState, reason: str) -> None:
    composer.show_state(state)
    assert composer.edit.placeholderText().startswith(reason)
    composer.edit.setPlainText("draft")
    assert not composer.button.isEnabled()
    assert composer.cost.text() == reason
    assert composer.button.toolTip() == reason


def test_an_open_model_is_loaded_by_sending(qtbot: QtBot, composer: Composer) -> None:
    composer.show_state(fakes.qwen_opened())
    assert "loaded first" in composer.edit.placeholderText()
    qtbot.keyClicks(composer.edit, "hi")
    assert composer.cost.text() == "loads Qwen3-8B first"
    with qtbot.waitSignal(composer.sent):
        qtbot.mouseClick(composer.button, Qt.MouseButton.LeftButton)


def test_the_cost_follows_the_count(composer: Composer) -> None:
    composer.edit.setPlainText("draft")
    composer.show_state(
        replace(fakes.qwen_loaded(), send_cost=SendCost(27_348, 27_310, 38, 0.32, 400, 27_748))
    )
    assert composer.cost.text() == "+38 tokens · first token in about 0.3 s · cache 83 → 85 %"


def test_drafts_are_told_and_kept_by_chat(qtbot: QtBot, composer: Composer) -> None:
    with qtbot.waitSignal(composer.draftChanged) as told:
        qtbot.keyClicks(composer.edit, "a")
    assert told.args == ["a"]
    state = fakes.qwen_loaded()
    assert state.chat is not None
    other = replace(state, chat=replace(state.chat, id=9, draft="of the other chat"))
    with qtbot.assertNotEmitted(composer.draftChanged):
        composer.show_state(other)
    assert composer.text == "of the other chat"
    # The same chat again, with an older draft in the state, does not take back what is being written.
    composer.edit.setPlainText("newer")
    composer.show_state(other)
    assert composer.text == "newer"


def test_only_plain_text_is_pasted(composer: Composer) -> None:
    data = QMimeData()
    data.setHtml("<b>bold</b>")
    data.setText("bold")
    composer.edit.insertFromMimeData(data)
    assert composer.text == "bold"
    picture = QMimeData()
    picture.setData("image/png", b"not a text")
    composer.edit.insertFromMimeData(picture)
    assert composer.text == "bold"


def test_editing_replaces_and_escape_keeps(qtbot: QtBot, composer: Composer) -> None:
    state = fakes.qwen_loaded()
    assert state.chat is not None
    composer.show_state(replace(state, chat=replace(state.chat, id=7, draft="my draft")))
    composer.begin_edit("the question")
    assert composer.text == "the question"
    qtbot.keyClick(composer.edit, Qt.Key.Key_Escape)
    assert composer.text == "my draft"
    composer.begin_edit("the question")
    with qtbot.assertNotEmitted(composer.draftChanged):
        qtbot.keyClicks(composer.edit, "?")
    with qtbot.waitSignal(composer.edited) as edited, qtbot.assertNotEmitted(composer.sent):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert edited.args == ["the question?"]


def attached(*attachments: Attachment) -> DeskState:
    state = fakes.qwen_loaded()
    assert state.chat is not None
    return replace(state, chat=replace(state.chat, draft="", attachments=attachments))


def test_files_are_attached_and_not_written(qtbot: QtBot, composer: Composer) -> None:
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile("/tmp/a.md"), QUrl.fromLocalFile("/tmp/b.py")])
    assert composer.edit.canInsertFromMimeData(files)
    with qtbot.waitSignal(composer.filesDropped) as dropped:
        composer.edit.insertFromMimeData(files)
    assert dropped.args == [["/tmp/a.md", "/tmp/b.py"]]
    assert composer.text == ""


def test_a_long_paste_is_attached_a_short_one_written(qtbot: QtBot, composer: Composer) -> None:
    pasted = QMimeData()
    pasted.setText("x" * (LONG_PASTE + 1))
    with qtbot.waitSignal(composer.longPasted) as long:
        composer.edit.insertFromMimeData(pasted)
    assert long.args == [pasted.text()]
    pasted.setText("x" * LONG_PASTE)
    with qtbot.assertNotEmitted(composer.longPasted):
        composer.edit.insertFromMimeData(pasted)
    assert len(composer.text) == LONG_PASTE


def test_attached_texts_show_their_tokens_and_are_taken_away(qtbot: QtBot, composer: Composer) -> None:
    composer.show_state(attached(Attachment("a.md", "A", 1234), Attachment("b.py", "B")))
    assert composer.chips.isVisible()
    names = [chip.accessibleName() for chip in composer.chips.findChildren(QFrame) if chip.accessibleName()]
    assert names == ["a.md · 1,234 tokens", "b.py · –"]
    second = next(b for b in composer.chips.findChildren(QToolButton) if "b.py" in b.accessibleName())
    with qtbot.waitSignal(composer.detachWanted) as detached:
        qtbot.mouseClick(second, Qt.MouseButton.LeftButton)
    assert detached.args == [1]
    composer.show_state(attached())
    assert composer.chips.isHidden()


def test_texts_alone_can_be_sent(qtbot: QtBot, composer: Composer) -> None:
    composer.show_state(attached(Attachment("a.md", "A", 2)))
    assert composer.button.isEnabled()
    with qtbot.waitSignal(composer.sent) as sent:
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent.args == [""]


def test_an_earlier_message_that_is_edited_takes_no_attachments(qtbot: QtBot, composer: Composer) -> None:
    composer.show_state(attached(Attachment("a.md", "A", 2)))
    composer.begin_edit("Earlier")
    assert composer.chips.isHidden()
    assert composer.attach_button.isHidden()
    pasted = QMimeData()
    pasted.setText("x" * (LONG_PASTE + 1))
    composer.edit.insertFromMimeData(pasted)
    assert len(composer.text) > LONG_PASTE
    composer.cancel_edit()
    assert not composer.chips.isHidden()
