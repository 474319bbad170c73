"""How a chat is answered, in the window: the way in, the prompt and its cost, sampler settings, presets."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from kvdesk.gui.composer import Composer
from kvdesk.gui.help_pages import page_of
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.manner.dialog import ChatSettings
from kvdesk.gui.manner.words import difference, reading_line, step_words, system_tokens_line
from kvdesk.plan.sampling import SAMPLER_OPTIONS, Sampling
from kvdesk.session.state import (
    Conversation,
    DeskState,
    Manner,
    Phase,
    PresetChange,
    PresetTaken,
    ReadCost,
    SendCost,
)
from kvdesk.settings.presets import BUILT_IN, Preset
from tests.gui import fakes, manners
from tests.gui.manners import OWN, PROMPT, TEACHER

ALL = (*BUILT_IN, *OWN)


def chat_of(prompt: str = "", sampling: Sampling | None = None) -> Conversation:
    return Conversation(1, "", system_prompt=prompt, sampling=sampling or Sampling())


@pytest.fixture
def settings(qtbot: QtBot, desk: fakes.FakeDesk) -> ChatSettings:
    desk.state = manners.own()
    widget = ChatSettings(desk)
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    fakes.fill(widget)
    return widget


def show(settings: ChatSettings, desk: fakes.FakeDesk, **changes: object) -> None:
    desk.show(**changes)
    settings.show_state(desk.state)


# ---------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("chat", "words"),
    [
        (chat_of(), ""),
        (chat_of("  \n"), ""),
        (chat_of(PROMPT), "System prompt"),
        (chat_of("", Sampling(seed=7)), "Seed 7"),
        (chat_of("", Sampling(seed=7, top_k=1)), "2 sampler settings"),
        (chat_of("", BUILT_IN[2].sampling), "Creative"),
        (chat_of(PROMPT, BUILT_IN[2].sampling), "System prompt · Creative"),
        (chat_of(PROMPT, TEACHER.sampling), "Teacher"),
        (chat_of("Answer in one sentence."), "Terse"),
        (chat_of("Answer in one sentence.", Sampling(seed=7)), "System prompt · Seed 7"),
    ],
)
def test_what_differs_is_said_in_few_words(chat: Conversation, words: str) -> None:
    assert difference(chat, ALL) == words


def test_the_cost_of_a_change_is_told_before_and_after_it() -> None:
    state = manners.by_default()
    assert reading_line(state) == (
        "A change has the next message read all 3,120 tokens again, about 12 s",
        False,
    )
    state = manners.own()
    assert reading_line(state) == ("The next message reads 3,155 tokens, about 12 s", True)
    assert state.chat is not None
    for other in (
        replace(state, read_cost=None),
        replace(state, chat=replace(state.chat, messages=())),
        replace(state, engine=replace(state.engine, phase=Phase.DECODE)),
    ):
        assert reading_line(other) == ("", False)


def test_without_a_pace_no_time_is_guessed() -> None:
    state = replace(manners.own(), read_cost=ReadCost(3158, 3155, False, None, None))
    assert state.chat is not None
    unmeasured = tuple(replace(message, figures=None) for message in state.chat.messages)
    state = replace(state, chat=replace(state.chat, messages=unmeasured))
    assert reading_line(state) == ("The next message reads 3,155 tokens", True)


def test_tokens_are_the_models_or_a_dash() -> None:
    assert system_tokens_line(manners.own()) == "38 tokens"
    assert system_tokens_line(replace(manners.own(), system_tokens=None)) == "– tokens"
    assert system_tokens_line(manners.by_default()) == "No system prompt"


def test_every_step_is_told() -> None:
    one, two = Preset("one", "x"), Preset("two", "x")
    steps = {
        PresetChange(None, one): "Saved “one”",
        PresetChange(one, Preset("one", "y")): "Replaced “one”",
        PresetChange(one, two): "“one” is called “two” now",
        PresetChange(one, None): "Deleted “one”",
        PresetTaken(1, BUILT_IN[1], Manner(), Manner()): "This chat is answered by “Precise” now",
    }
    for step, words in steps.items():
        assert step_words(step) == words


# ---------------------------------------------------------------------------------------------- the way in


def test_the_composer_shows_what_differs_and_leads_there(qtbot: QtBot) -> None:
    composer = Composer()
    qtbot.addWidget(composer)
    composer.resize(700, 100)
    composer.show()
    composer.show_state(manners.by_default())
    button = composer.manner_button
    assert (button.words, button.text()) == ("", "")
    composer.show_state(manners.own())
    assert button.words == "System prompt · 3 sampler settings"
    assert button.accessibleDescription() == button.words
    assert "Temperature 0.3" in button.toolTip()
    assert PROMPT.splitlines()[0] in button.toolTip()
    with qtbot.waitSignal(composer.settingsWanted):
        button.click()
    composer.show_state(DeskState())
    assert button.words == ""


def test_a_narrow_composer_shortens_the_words_before_the_cost(qtbot: QtBot) -> None:
    composer = Composer()
    qtbot.addWidget(composer)
    state = manners.own()
    assert state.chat is not None
    cost = SendCost(27_400, 120, 3155, 12.3, 200, 27_600)
    composer.show_state(replace(state, chat=replace(state.chat, draft="And?"), send_cost=cost))
    composer.resize(900, 100)
    composer.show()
    button = composer.manner_button
    assert button.text() == button.words
    for width in (600, 480, composer.minimumSizeHint().width()):
        composer.resize(width, 100)
        qtbot.waitUntil(lambda: button.text() != button.words)
        has_cost = composer.cost.width() >= composer.cost.sizeHint().width()
        assert has_cost or button.text() in ("", "…")
    assert composer.cost.text() in composer.cost.toolTip()


def test_a_key_opens_it_once_and_it_follows_the_open_chat(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    desk.state = manners.own()
    window = MainWindow(desk)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    settings = window.others.chat_settings
    assert settings is not None
    fakes.fill(settings)
    assert not settings.isModal()
    window.others.show_chat_settings()
    assert window.others.chat_settings is settings
    assert page_of(settings.prompt.edit) == "sampling"
    assert settings.prompt.edit.toPlainText() == PROMPT
    assert desk.state.chat is not None
    desk.show(chat=Conversation(99, "Another", system_prompt="Be brief."))
    window.pump()
    assert settings.prompt.edit.toPlainText() == "Be brief."
    assert settings.sampling.controls["temperature"].entry.text() == "0.8"
    assert desk.calls == []  # what is shown is not said to have been changed
    settings.close_button.click()
    assert window.others.chat_settings is None


# ------------------------------------------------------------------------------------- prompt and sampling


def test_what_is_typed_is_taken_at_once_and_never_overwritten(
    qtbot: QtBot, settings: ChatSettings, desk: fakes.FakeDesk
) -> None:
    edit = settings.prompt.edit
    edit.moveCursor(edit.textCursor().MoveOperation.End)
    qtbot.keyClicks(edit, "!")
    assert desk.calls == [("set_system_prompt", PROMPT + "!")]
    assert desk.state.chat is not None
    show(settings, desk, chat=replace(desk.state.chat, system_prompt=PROMPT + "!"))
    assert edit.textCursor().position() == len(PROMPT) + 1
    assert settings.prompt.cost.text() == "The next message reads 3,155 tokens, about 12 s"
    assert settings.prompt.cost.property("role") == "warn"


def test_a_prompt_with_another_systems_line_ends_is_left_as_it_is(
    settings: ChatSettings, desk: fakes.FakeDesk
) -> None:
    desk.state = replace(desk.state, chat=Conversation(99, "", system_prompt="One.\r\nTwo."))
    settings.show_state(desk.state)
    edit = settings.prompt.edit
    edit.moveCursor(edit.textCursor().MoveOperation.End)
    show(settings, desk, samples=desk.state.samples + 1)
    assert edit.textCursor().atEnd()
    assert desk.calls == []


def test_a_prompt_that_a_preset_replaced_comes_back_with_undo(
    settings: ChatSettings, desk: fakes.FakeDesk
) -> None:
    assert desk.state.chat is not None
    show(settings, desk, chat=replace(desk.state.chat, system_prompt="Arr."))
    assert settings.prompt.edit.toPlainText() == "Arr."
    assert desk.calls == []
    settings.prompt.edit.undo()
    assert settings.prompt.edit.toPlainText() == PROMPT
    assert desk.calls[-1] == ("set_system_prompt", PROMPT)


def test_every_row_of_the_table_has_its_entry_with_name_limits_and_default(settings: ChatSettings) -> None:
    controls = settings.sampling.controls
    assert controls.keys() == {row.name for row in SAMPLER_OPTIONS}
    for row in SAMPLER_OPTIONS:
        tip = controls[row.name].entry.toolTip()
        assert row.spec.help in tip
        assert next(flag for flag in row.spec.flags if flag.startswith("--")) in tip
        assert "default" in tip
        assert controls[row.name].entry.accessibleName()
    assert "--temp · 0 to 5 · default 0.8" in controls["temperature"].entry.toolTip()
    changed = [name for name, control in controls.items() if not control.reset_button.isHidden()]
    assert changed == ["temperature", "top_p", "seed"]


def test_a_value_is_entered_and_one_that_is_none_refused(
    qtbot: QtBot, settings: ChatSettings, desk: fakes.FakeDesk
) -> None:
    control = settings.sampling.controls["top_k"]
    control.entry.setFocus()
    control.entry.selectAll()
    qtbot.keyClicks(control.entry, "1,000")
    qtbot.keyClick(control.entry, Qt.Key.Key_Return)
    assert settings.isVisible()
    assert desk.calls == [("set_sampling", Sampling(temperature=0.3, top_p=0.9, seed=7, top_k=1000))]
    for text in ("1001", "-1", "many", "", "nan", "1.5"):
        control.entry.selectAll()
        qtbot.keyClick(control.entry, Qt.Key.Key_Delete)
        qtbot.keyClicks(control.entry, text)
        control.entry.setModified(True)
        qtbot.keyClick(control.entry, Qt.Key.Key_Return)
        assert len(desk.calls) == 1, text
        assert control.entry.property("refused") == "true"
        assert "0" in settings.problem.text()
        assert "1,000" in settings.problem.text()
        show(settings, desk, samples=desk.state.samples + 1)
        assert control.entry.text() == text  # what was entered stands until it is mended
    control.reset_button.click()
    assert control.entry.text() == "40"
    assert settings.problem.isHidden()


def test_one_setting_and_all_go_back_to_the_defaults(settings: ChatSettings, desk: fakes.FakeDesk) -> None:
    settings.sampling.controls["seed"].reset_button.click()
    assert desk.calls == [("set_sampling", Sampling(temperature=0.3, top_p=0.9))]
    settings.sampling.reset_button.click()
    assert desk.calls[-1] == ("take_preset", "Default")
    assert desk.state.chat is not None
    show(settings, desk, chat=replace(desk.state.chat, sampling=Sampling()))
    assert not settings.sampling.reset_button.isEnabled()
    assert all(control.reset_button.isHidden() for control in settings.sampling.controls.values())


# -------------------------------------------------------------------------------------------- presets


def test_presets_are_listed_and_taken(settings: ChatSettings, desk: fakes.FakeDesk) -> None:
    choice = settings.presets.choice
    assert [choice.itemText(index) for index in range(choice.count())] == [
        "none: settings of its own",
        *("Default", "Precise", "Creative", "Deterministic", "Teacher", "Terse"),
    ]
    assert choice.currentIndex() == 0
    assert not settings.presets.new_chats.isEnabled()
    choice.activated.emit(0)
    assert desk.calls == []
    choice.activated.emit(5)
    assert desk.calls == [("take_preset", "Teacher")]
    assert desk.state.chat is not None
    show(settings, desk, chat=replace(desk.state.chat, sampling=TEACHER.sampling))
    assert choice.currentText() == "Teacher"
    assert choice.count() == len(ALL)


def test_a_preset_is_made_the_beginning_of_new_chats(settings: ChatSettings, desk: fakes.FakeDesk) -> None:
    box = settings.presets.new_chats
    assert desk.state.chat is not None
    show(settings, desk, chat=replace(desk.state.chat, sampling=TEACHER.sampling))
    assert box.isEnabled()
    assert not box.isChecked()
    box.click()
    assert desk.calls == [("begin_with_preset", "Teacher")]
    show(settings, desk, default_preset="Teacher")
    assert box.isChecked()
    box.click()
    assert desk.calls[-1] == ("begin_with_preset", "")
    show(settings, desk, default_preset="", chat=chat_of())
    assert box.isChecked()  # the built-in default, unless another is chosen
    assert not box.isEnabled()


def test_a_preset_is_saved_under_a_name_that_may_be_taken(
    qtbot: QtBot, settings: ChatSettings, desk: fakes.FakeDesk
) -> None:
    saved: list[tuple[str, bool, bool]] = []
    settings.presets.saved.connect(lambda *said: saved.append(said))
    form = settings.presets.form
    settings.presets.save_button.click()
    assert form.isVisible()
    assert not form.ok_button.isEnabled()
    qtbot.keyClicks(form.name, "precise")
    assert "built in" in form.problem.text()
    qtbot.keyClick(form.name, Qt.Key.Key_Return)
    assert saved == []
    form.name.setText("teacher")
    assert form.ok_button.text() == "Replace"
    form.name.setText("Teacher of maths")
    assert (form.ok_button.text(), form.problem.isVisible()) == ("Save", False)
    form.has_prompt.click()
    form.has_sampling.click()
    assert not form.ok_button.isEnabled()
    form.has_sampling.click()
    qtbot.keyClick(form.name, Qt.Key.Key_Return)
    assert saved == [("Teacher of maths", False, True)]
    assert desk.calls == [("save_preset", "Teacher of maths")]
    assert not form.isVisible()
    settings.presets.save_button.click()
    qtbot.keyClick(form.name, Qt.Key.Key_Escape)
    assert not form.isVisible()
    assert settings.isVisible()


def test_a_preset_is_renamed_and_deleted_from_the_menu(
    settings: ChatSettings, desk: fakes.FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    menus: list[QMenu] = []
    monkeypatch.setattr(QMenu, "popup", lambda menu, _at: menus.append(menu))
    settings.presets.more_button.click()
    parts = [action.menu() for action in menus[0].actions()]
    names = {
        part.title(): {action.text(): action for action in part.actions()}
        for part in parts
        if isinstance(part, QMenu)
    }
    assert list(names) == ["Rename", "Delete"]
    assert [list(part) for part in names.values()] == [["Teacher", "Terse"]] * 2
    names["Delete"]["Terse"].trigger()
    assert desk.calls == [("delete_preset", "Terse")]
    names["Rename"]["Teacher"].trigger()
    form = settings.presets.form
    assert not form.has_prompt.isVisible()
    form.name.setText("Terse")
    assert "already" in form.problem.text()
    form.name.setText("Tutor")
    assert form.ok_button.text() == "Rename"
    form.ok_button.click()
    assert desk.calls[-1] == ("rename_preset", "Teacher", "Tutor")


def test_the_last_step_is_undone_or_accepted(settings: ChatSettings, desk: fakes.FakeDesk) -> None:
    undo = settings.presets.undo
    assert not undo.isVisible()
    show(settings, desk, preset_steps=(PresetChange(TEACHER, None),))
    assert undo.isVisible()
    assert undo.text.text() == "Deleted “Teacher”"
    undo.undo_button.click()
    undo.dismiss_button.click()
    assert desk.calls == [("undo_preset",), ("accept_presets",)]
    taken = PresetTaken(99, TEACHER, Manner(), Manner())
    show(settings, desk, preset_steps=(taken,))
    assert not undo.isVisible()  # it was in another chat


def test_without_presets_of_ones_own_there_is_nothing_to_rename(
    settings: ChatSettings, desk: fakes.FakeDesk
) -> None:
    show(settings, desk, presets=BUILT_IN)
    assert not settings.presets.more_button.isEnabled()
    show(settings, desk, chat=None)
    assert not settings.presets.isEnabled()
    assert not settings.prompt.edit.isEnabled()
