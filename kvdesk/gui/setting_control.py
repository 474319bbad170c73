"""One setting with its control, its default and the way back to it, made from the row of the table."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from kvdesk.errors import KvDeskError, OptionError
from kvdesk.gui import theme
from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.controls import icon_button, set_role, text_label
from kvdesk.gui.help_pages import set_page
from kvdesk.gui.own_language import error_words, translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.settings.rows import SettingRow
from kvdesk.units import MIB, format_bytes, parse_bytes

_LABEL_WIDTH, _CONTROL_WIDTH = 150, 190


class SettingControl(QWidget):
    """Emits `chosen(value)` for every valid change, and `refused(why)`, "" when all is well again."""

    chosen = Signal(object)
    refused = Signal(str)

    def __init__(self, row: SettingRow, value: object) -> None:
        super().__init__()
        self.row = row
        self._value = value
        label, help_text = translated(row.spec.label), translated(row.spec.help)
        self.control = self._make_choice() if row.choices else self._make_entry()
        self.control.setAccessibleName(label)
        self.control.setAccessibleDescription(help_text)
        self.control.setToolTip(help_text)
        self.control.setFixedWidth(theme.px(_CONTROL_WIDTH))
        name = self.tr("Back to the default of “{setting}”").format(setting=label)
        self.reset_button = icon_button("refresh", name)
        self.reset_button.clicked.connect(self.reset)
        policy = self.reset_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset_button.setSizePolicy(policy)
        self._default = text_label(
            self.tr("Default: {value}").format(value=self.words(row.default)), "muted", TextSize.NOTE
        )
        # The name is that of the settings' file, in English: what is written elsewhere is found, too.
        english = f"{row.name} {row.spec.label} {row.spec.help}"
        self._searched = " ".join((label, help_text, english, *map(self.words, row.choices))).casefold()
        set_page(self, row.spec.page)
        self._lay_out(label, help_text)
        self.show_value(value)

    def _lay_out(self, label: str, help_text: str) -> None:
        name = text_label(label, wrap=True)
        name.setMinimumWidth(theme.px(_LABEL_WIDTH))
        name.setBuddy(self.control)
        line = QHBoxLayout()
        line.addWidget(name, 1)
        line.addWidget(self.control)
        line.addWidget(self.reset_button)
        notes = QHBoxLayout()
        notes.addWidget(text_label(help_text, "muted", TextSize.NOTE, wrap=True), 1)
        notes.addSpacing(Space.MEDIUM)
        notes.addWidget(self._default)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.TINY)
        column.addLayout(line)
        column.addLayout(notes)

    def is_found_by(self, words: str) -> bool:
        """Whether every word is somewhere in the label, the help or the choices."""
        return all(word in self._searched for word in words.casefold().split())

    def show_value(self, value: object) -> None:
        """Show a value; the way back to the default only where it is another one."""
        self._value = value
        if isinstance(self.control, ChoiceBox):
            self.control.setCurrentIndex(self.control.findData(value))
            self.control.update()
        else:
            self.control.setText(self.words(value))
            self.control.setModified(False)
            set_role(self.control, refused="false")
        self.reset_button.setVisible(value != self.row.default)

    def reset(self) -> None:
        """Take the default."""
        self.refused.emit("")
        self._take(self.row.default)

    def words(self, value: object) -> str:
        """A value as it is shown."""
        if self.row.spec.words:
            return translated(self.row.spec.words[self.row.choices.index(value)])
        return self._figure(value)

    def _figure(self, value: object) -> str:
        assert isinstance(value, int)
        if self.row.name.endswith("_percent"):
            return f"{value} %"
        if not self.row.name.endswith("_bytes"):
            return f"{value:,}"
        return format_bytes(value) if value % MIB else f"{value // MIB:,} MiB"

    def _make_choice(self) -> ChoiceBox:
        box = ChoiceBox("")
        for choice in self.row.choices:
            box.addItem(self.words(choice), choice)
        box.activated.connect(lambda index: self._take(box.itemData(index)))
        return box

    def _make_entry(self) -> QLineEdit:
        entry = QLineEdit()
        entry.editingFinished.connect(lambda: self._entered(entry))
        return entry

    def _entered(self, entry: QLineEdit) -> None:
        if not entry.isModified():
            return
        try:
            value = read_setting(self.row, entry.text().replace(",", "").strip())
        except KvDeskError as error:
            set_role(entry, refused="true")
            self.refused.emit(f"{translated(self.row.spec.label)}: {error_words(error)}")
            return
        self.refused.emit("")
        self._take(value)

    def _take(self, value: object) -> None:
        is_other = value != self._value
        self.show_value(value)
        if is_other:
            self.chosen.emit(value)


def read_setting(row: SettingRow, text: str) -> int:
    """Read a number that was entered; a size without a unit is in MiB. Raises OptionError where wrong."""
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
