"""The settings, one control for each row of the settings table that has a label."""

from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from kvdesk.errors import OptionError
from kvdesk.gui import theme
from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.controls import push_button, set_role, text_label
from kvdesk.gui.own_language import error_words, translated
from kvdesk.gui.theme import Choice, Space, TextSize
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.settings.rows import SETTINGS, SettingRow
from kvdesk.units import MIB, format_bytes, parse_bytes

# Languages in their own words; every other choice is a word of the interface.
_LANGUAGES = {"en": "English", "zh_CN": "简体中文"}


class SettingsDialog(QDialog):
    """Changes take effect as they are made; there is nothing to confirm."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.controls: dict[str, ChoiceBox | QLineEdit] = {}
        self.setWindowTitle(self.tr("Settings"))
        self.setMinimumWidth(420)
        self.problem = text_label(role="bad", size=TextSize.TABLE, wrap=True)
        self.problem.hide()
        form = QFormLayout()
        form.setHorizontalSpacing(Space.HUGE)
        form.setVerticalSpacing(Space.SMALL)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for row in SETTINGS:
            if row.spec.label:
                self._add_row(form, row)
        close = push_button(self.tr("Close"), "primary")
        close.setAutoDefault(False)  # Enter finishes an entry here
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addWidget(self.problem, 1)
        buttons.addStretch(0)
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.LARGE)
        column.addWidget(text_label(self.tr("Settings"), size=TextSize.TITLE, bold=True))
        column.addLayout(form)
        column.addLayout(buttons)

    def _add_row(self, form: QFormLayout, row: SettingRow) -> None:
        control = self._make_choice(row) if row.choices else self._make_entry(row)
        label, help_text = translated(row.spec.label), translated(row.spec.help)
        control.setAccessibleName(label)
        control.setAccessibleDescription(help_text)
        control.setToolTip(help_text)
        self.controls[row.name] = control
        form.addRow(label, control)
        form.addRow("", text_label(help_text, "muted", TextSize.NOTE, wrap=True))

    def _make_choice(self, row: SettingRow) -> ChoiceBox:
        box = ChoiceBox("")
        for choice in row.choices:
            box.addItem(_LANGUAGES.get(choice, translated(choice)), choice)
        box.setCurrentIndex(box.findData(getattr(self._desk.settings, row.name)))
        box.activated.connect(lambda index: self._set(row, box.itemData(index)))
        return box

    def _make_entry(self, row: SettingRow) -> QLineEdit:
        entry = QLineEdit(_shown(row, getattr(self._desk.settings, row.name)))
        entry.editingFinished.connect(lambda: self._entered(row, entry))
        return entry

    def _entered(self, row: SettingRow, entry: QLineEdit) -> None:
        if not entry.isModified():
            return
        try:
            value = _read(row, entry.text().replace(",", "").strip())
        except OptionError as error:
            self._show_problem(error_words(error))
            set_role(entry, refused="true")
            return
        self._show_problem("")
        set_role(entry, refused="false")
        entry.setText(_shown(row, value))
        entry.setModified(False)
        self._set(row, value)

    def _show_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def _set(self, row: SettingRow, value: object) -> None:
        actions.set_setting(self._desk, row.name, value)
        if row.name == "theme":
            theme.current().set_choice(Choice(str(value)))


def _shown(row: SettingRow, value: int) -> str:
    """A number as it is edited; names that end so are in bytes."""
    if not row.name.endswith("_bytes"):
        return f"{value:,}"
    return format_bytes(value) if value % MIB else f"{value // MIB:,} MiB"


def _read(row: SettingRow, text: str) -> int:
    """Read it back; a size without a unit is in MiB. Raises OptionError for what it cannot be."""
    least, most = row.spec.minimum or 0, row.spec.maximum
    if row.name.endswith("_bytes"):
        value = parse_bytes(f"{text}MiB" if text.isdigit() else text)
        if most is not None and value > most:
            raise OptionError("“{text}” is more than any device has.", "", text=text)
        return value
    if not text.isdigit() or not least <= int(text) <= (most or int(text)):
        raise OptionError(
            "“{text}” is not a number from {least} to {most}.",
            "",
            text=text,
            least=f"{least:.0f}",
            most=f"{most or 0:.0f}",
        )
    return int(text)
