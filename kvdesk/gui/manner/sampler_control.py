"""One sampler setting with its entry, its limits, its default and the way back, from the row of the table."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from kvdesk.errors import OptionError
from kvdesk.gui import theme
from kvdesk.gui.controls import icon_button, set_role, text_label
from kvdesk.gui.figures import SEPARATOR
from kvdesk.gui.own_language import error_words, translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.plan.sampling import SamplerRow, read_sampler, write_sampler

_ENTRY_WIDTH = 96


class SamplerControl(QWidget):
    """Emits `chosen(value)` for every valid change, and `refused(why)`, "" when all is well again."""

    chosen = Signal(object)
    refused = Signal(str)

    def __init__(self, row: SamplerRow) -> None:
        super().__init__()
        self.row = row
        self._value = row.default
        label, help_text = translated(row.spec.label), translated(row.spec.help)
        flag = next(flag for flag in row.spec.flags if flag.startswith("--"))
        facts = SEPARATOR.join((flag, self._limits(), self._default()))
        self.entry = QLineEdit()
        self.entry.setFont(theme.current().font(figures=True))
        self.entry.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.entry.setFixedWidth(theme.px(_ENTRY_WIDTH))
        self.entry.setAccessibleName(label)
        self.entry.setAccessibleDescription(f"{help_text} {facts}")
        self.entry.setToolTip(f"{help_text}\n{facts}")
        self.entry.editingFinished.connect(self._entered)
        self.reset_button = icon_button(
            "refresh", self.tr("Back to the default of “{setting}”").format(setting=label)
        )
        self.reset_button.clicked.connect(self.reset)
        policy = self.reset_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset_button.setSizePolicy(policy)
        self._lay_out(label, help_text, facts)
        self.show_value(row.default)

    def _lay_out(self, label: str, help_text: str, facts: str) -> None:
        name = text_label(label, wrap=True)
        name.setBuddy(self.entry)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(name)
        texts.addWidget(text_label(help_text, "muted", TextSize.NOTE, wrap=True))
        texts.addWidget(text_label(facts, "muted", TextSize.NOTE, figures=True, wrap=True))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(Space.SMALL)
        line.addLayout(texts, 1)
        line.addWidget(self.entry, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.reset_button, 0, Qt.AlignmentFlag.AlignTop)

    def _limits(self) -> str:
        least, most = write_sampler(self.row.spec.minimum), write_sampler(self.row.spec.maximum)
        return self.tr("{least} to {most}").format(least=least, most=most)

    def _default(self) -> str:
        return self.tr("default {value}").format(value=write_sampler(self.row.default))

    def show_value(self, value: float) -> None:
        """Show a value, unless another one is being entered; the way back where it is not the default."""
        is_new = value != self._value
        self._value = value
        if is_new or not (self.entry.hasFocus() and self.entry.isModified()):
            self.entry.setText(write_sampler(value).replace(",", ""))  # easier to change
            self.entry.setModified(False)
            set_role(self.entry, refused="false")
        self.reset_button.setVisible(value != self.row.default)

    def reset(self) -> None:
        """Take the default."""
        self.refused.emit("")
        self._take(self.row.default)

    def _entered(self) -> None:
        if not self.entry.isModified():
            return
        try:
            value = read_sampler(self.row, self.entry.text())
        except OptionError as error:
            set_role(self.entry, refused="true")
            self.refused.emit(error_words(error))
            return
        self.refused.emit("")
        self._take(value)

    def _take(self, value: float) -> None:
        is_other = value != self._value
        self._value = value
        self.entry.setModified(False)
        self.show_value(value)
        if is_other:
            self.chosen.emit(value)
