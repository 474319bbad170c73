"""The launch options: the everyday ones in the panel, all others under “Advanced”, from the one table."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.desk.option_editor import OptionEditor
from kvdesk.gui.desk.option_notes import OptionNotes
from kvdesk.gui.icons import set_icon
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import OPTIONS, Group, OptionRow
from kvdesk.session.state import DeskState

_COLUMNS = 3
_CONTEXT = "ctx_size"  # has the slider


class OptionsForm(QWidget):
    """Emits `chosen(name, value)` for every valid change. Refusals stand under the controls they name."""

    chosen = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.editors: dict[str, OptionEditor] = {}
        self._entries: dict[str, Refusal] = {}  # entries that are no value, by option
        self._refusals: tuple[Refusal, ...] = ()
        self._shown: tuple[object, ...] = ()
        self.basic_notes = OptionNotes()
        self.advanced_notes: dict[Group, OptionNotes] = {}
        self.advanced_button = push_button(self.tr("Advanced"), "flat", TextSize.TABLE)
        self.advanced_button.setCheckable(True)
        self.advanced_button.setToolTip(self.tr("All other options of llama.cpp that change loading"))
        self.advanced_button.setProperty("has_chevron", True)
        set_icon(self.advanced_button, "chevron-right")
        self.advanced_button.toggled.connect(self._show_advanced)
        self._advanced: QWidget | None = None
        self._state: DeskState | None = None

        column_of_all = QVBoxLayout(self)
        column_of_all.setContentsMargins(0, 0, 0, 0)
        column_of_all.setSpacing(Space.SMALL)
        basic = [row for row in OPTIONS if row.spec.basic and row.name != _CONTEXT]
        for start in range(0, len(basic), _COLUMNS):
            line = QHBoxLayout()
            line.setSpacing(Space.SMALL)
            for row in basic[start : start + _COLUMNS]:
                line.addWidget(self._make_editor(row, is_compact=True))
            column_of_all.addLayout(line)
        column_of_all.addWidget(self.basic_notes)
        column_of_all.addWidget(self.advanced_button, 0, Qt.AlignmentFlag.AlignLeft)

    def show_state(self, state: DeskState) -> None:
        """Show the chosen options, what is impossible with this model, and what is refused."""
        self._state = state
        shown = (state.options, state.refusals, state.model, self._advanced is not None)
        if shown == self._shown:
            return
        self._shown = shown
        for name, editor in self.editors.items():
            editor.show_value(getattr(state.options, name))
        verdicts = state.model.cache_types if state.model else ()
        for name, reasons in (
            ("cache_type_k", {row.name: translated(row.why) for row in verdicts if not row.k_ok}),
            ("cache_type_v", {row.name: translated(row.why) for row in verdicts if not row.v_ok}),
        ):
            control = self.editors[name].control
            assert isinstance(control, ChoiceBox)
            control.rule_out(reasons)
        self._refusals = state.refusals
        self._show_notes()

    def show_entry_error(self, name: str, text: str) -> None:
        """Tell that what was entered for an option is no value; "" takes it back."""
        if text:
            self._entries[name] = Refusal(name, Phrase(text), Phrase(""))
        elif self._entries.pop(name, None) is None:
            return
        self._show_notes()

    def _show_notes(self) -> None:
        told = (*self._entries.values(), *self._refusals)
        wrong = {refusal.option for refusal in told if not refusal.is_warning}
        for name, editor in self.editors.items():
            editor.show_refused(is_refused=name in wrong)
        placed: dict[Group, list[Refusal]] = {group: [] for group in self.advanced_notes}
        basic = []
        groups = {row.name: row.spec.group for row in OPTIONS if not row.spec.basic}
        for refusal in told:
            group = groups.get(refusal.option)
            if group is not None and group in placed and self.advanced_button.isChecked():
                placed[group].append(refusal)
            else:
                basic.append(refusal)
        self.basic_notes.show_refusals(basic)
        for group, notes in self.advanced_notes.items():
            notes.show_refusals(placed[group])

    def _make_editor(self, row: OptionRow, *, is_compact: bool) -> OptionEditor:
        editor = OptionEditor(row, is_compact=is_compact)
        editor.chosen.connect(lambda value: self.chosen.emit(row.name, value))
        editor.refused.connect(lambda text: self.show_entry_error(row.name, text))
        self.editors[row.name] = editor
        return editor

    def _show_advanced(self, is_open: bool) -> None:
        set_icon(self.advanced_button, "chevron-down" if is_open else "chevron-right")
        if self._advanced is None:  # made when first wanted: thirty controls that most people never open
            self._advanced = self._make_advanced()
            layout = self.layout()
            assert layout is not None
            layout.addWidget(self._advanced)
            if self._state is not None:
                self.show_state(self._state)
        self._advanced.setVisible(is_open)
        self._show_notes()

    def _make_advanced(self) -> QWidget:
        titles: dict[Group, str] = {
            "cache": self.tr("Cache"),
            "offload": self.tr("Offload"),
            "compute": self.tr("Compute"),
            "cpu": self.tr("CPU and memory"),
            "rope": self.tr("Long context"),
            "network": self.tr("Network"),
        }
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.SMALL)
        for group, title in titles.items():
            rows = [row for row in OPTIONS if row.spec.group == group and not row.spec.basic]
            notes = OptionNotes()
            self.advanced_notes[group] = notes
            column.addSpacing(Space.TINY)
            column.addWidget(text_label(title, "muted", TextSize.TABLE, bold=True))
            column.addLayout(self._make_group(rows))
            column.addWidget(notes)
        return form

    def _make_group(self, rows: list[OptionRow]) -> QGridLayout:
        """Switches two beside each other, then label and entry a line."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.MEDIUM)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        switches = [row for row in rows if row.value_type is bool]
        for index, row in enumerate(switches):
            editor = self._make_editor(row, is_compact=True)
            assert isinstance(editor.control, QCheckBox)
            grid.addWidget(editor, index // 2, index % 2)
        line = (len(switches) + 1) // 2
        for row in (row for row in rows if row.value_type is not bool):
            editor = self._make_editor(row, is_compact=False)
            label = text_label(translated(row.spec.label))
            label.setBuddy(editor)
            label.setToolTip(translated(row.spec.help))
            grid.addWidget(label, line, 0)
            grid.addWidget(editor, line, 1)
            line += 1
        return grid
