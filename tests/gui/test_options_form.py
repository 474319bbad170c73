"""The launch options' controls, all from the one table."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QWidget
from pytestqt.qtbot import QtBot

from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.desk.option_editor import EntryBox, OptionEditor
from kvdesk.gui.desk.options_form import OptionsForm
from kvdesk.plan.options import BY_NAME, OPTIONS, LoadOptions
from tests.gui import fakes


@pytest.fixture
def form(qtbot: QtBot) -> OptionsForm:
    widget = OptionsForm()
    qtbot.addWidget(widget)
    widget.resize(340, 400)
    widget.show_state(fakes.qwen_opened())
    widget.show()
    return widget


def test_every_option_has_a_control(form: OptionsForm) -> None:
    form.advanced_button.setChecked(True)
    assert form.editors.keys() | {"ctx_size"} == {row.name for row in OPTIONS}
    for name, editor in form.editors.items():
        target: QWidget = editor.control.focusProxy() or editor.control
        assert target.accessibleName()
        assert target.accessibleDescription()
        assert target.toolTip()
        assert target.focusPolicy() & Qt.FocusPolicy.TabFocus, name


def test_advanced_options_show_what_is_chosen_as_soon_as_they_are_opened(qtbot: QtBot) -> None:
    form = OptionsForm()
    qtbot.addWidget(form)
    options = LoadOptions(kv_offload=True, op_offload=False, parallel=3)
    form.show_state(replace(fakes.qwen_opened(), options=options))
    form.advanced_button.setChecked(True)
    shown = {name: form.editors[name].control for name in ("kv_offload", "op_offload", "parallel")}
    assert shown["kv_offload"].isChecked()
    assert not shown["op_offload"].isChecked()
    assert shown["parallel"].focusProxy().text() == "3"


def test_advanced_is_closed_at_first(form: OptionsForm) -> None:
    assert form.editors.keys() == {row.name for row in OPTIONS if row.spec.basic} - {"ctx_size"}


def test_values_of_the_state_are_shown(form: OptionsForm) -> None:
    control = form.editors["cache_type_k"].control
    assert isinstance(control, ChoiceBox)
    assert control.currentText() == "q8_0"
    layers = form.editors["n_gpu_layers"].control
    assert isinstance(layers, EntryBox)
    assert layers.entry.text() == "all"


def test_choosing_a_type_says_which(qtbot: QtBot, form: OptionsForm) -> None:
    control = form.editors["cache_type_v"].control
    assert isinstance(control, ChoiceBox)
    control.setFocus()
    with qtbot.waitSignal(form.chosen) as chosen:
        qtbot.keyClick(control, Qt.Key.Key_Up)
    assert chosen.args == ["cache_type_v", "bf16"]


def test_impossible_types_are_greyed_with_the_reason(form: OptionsForm) -> None:
    form.show_state(fakes.demo_opened())
    control = form.editors["cache_type_v"].control
    assert isinstance(control, ChoiceBox)
    why = "A row of 48 values is not a multiple of the block of 32."
    possible = {}
    for index in range(control.count()):
        flags = control.model().flags(control.model().index(index, 0))
        possible[control.itemData(index)] = bool(flags & Qt.ItemFlag.ItemIsEnabled)
    assert [name for name, is_possible in possible.items() if not is_possible] == ["q8_0", "q5_1"]
    greyed = control.findData("q8_0")
    assert control.itemData(greyed, Qt.ItemDataRole.ToolTipRole) == why
    assert control.itemData(greyed, Qt.ItemDataRole.AccessibleDescriptionRole) == why
    form.show_state(fakes.qwen_opened())
    flags = control.model().flags(control.model().index(greyed, 0))
    assert flags & Qt.ItemFlag.ItemIsEnabled


def test_an_entry_is_read_by_the_option_s_own_rules(qtbot: QtBot, form: OptionsForm) -> None:
    control = form.editors["n_gpu_layers"].control
    assert isinstance(control, EntryBox)
    control.entry.selectAll()
    qtbot.keyClicks(control.entry, "20")
    with qtbot.waitSignal(form.chosen) as chosen:
        qtbot.keyClick(control.entry, Qt.Key.Key_Return)
    assert chosen.args == ["n_gpu_layers", 20]


def test_a_wrong_entry_is_told_beside_it_and_the_note_goes(qtbot: QtBot, form: OptionsForm) -> None:
    control = form.editors["ubatch_size"].control
    assert isinstance(control, EntryBox)
    control.entry.selectAll()
    qtbot.keyClicks(control.entry, "0")
    with qtbot.assertNotEmitted(form.chosen):
        qtbot.keyClick(control.entry, Qt.Key.Key_Return)
    (note,) = form.basic_notes.texts
    assert "Ubatch" in note
    assert "smallest value is 1" in note
    assert control.property("refused") == "true"
    control.entry.selectAll()
    qtbot.keyClicks(control.entry, "256")
    qtbot.keyClick(control.entry, Qt.Key.Key_Return)
    assert form.basic_notes.texts == []
    assert control.property("refused") == "false"


def test_refusals_stand_beside_their_options(form: OptionsForm) -> None:
    form.show_state(fakes.qwen_refused())
    first, second = form.basic_notes.texts
    assert first.startswith("V: A quantised V cache needs flash attention.")
    assert "Set flash attention to auto" in first
    assert second.startswith("Ubatch: ")
    assert form.editors["cache_type_v"].control.property("refused") == "true"
    assert form.editors["ubatch_size"].control.property("refused") == "false"  # a warning only
    form.show_state(fakes.qwen_opened())
    assert form.basic_notes.texts == []


def test_a_switch_says_its_state(qtbot: QtBot, form: OptionsForm) -> None:
    form.advanced_button.setChecked(True)
    form.show_state(fakes.qwen_opened())
    control = form.editors["mmap"].control
    assert isinstance(control, QCheckBox)
    assert control.isChecked()
    with qtbot.waitSignal(form.chosen) as chosen:
        qtbot.keyClick(control, Qt.Key.Key_Space)
    assert chosen.args == ["mmap", False]


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_each_editor_shows_its_default_and_takes_it_back(qtbot: QtBot, row: object) -> None:
    option = BY_NAME[row.name]
    editor = OptionEditor(option, is_compact=False)
    qtbot.addWidget(editor)
    value = getattr(LoadOptions(), option.name)
    editor.show_value(value)
    if isinstance(editor.control, EntryBox):
        editor.control.entry.setModified(True)
        with qtbot.waitSignal(editor.chosen) as chosen:
            editor.control.entry.editingFinished.emit()
        assert chosen.args == [value]
    elif isinstance(editor.control, ChoiceBox):
        assert editor.control.currentData() == value
    else:
        assert isinstance(editor.control, QCheckBox)
        assert editor.control.isChecked() is value
