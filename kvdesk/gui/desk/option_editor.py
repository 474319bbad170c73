"""Controls for launch options, made from the option table's rows by type; no option has code of its own."""

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from kvdesk.errors import OptionError
from kvdesk.gui import theme
from kvdesk.gui.choice_box import GAP, INSET, ChoiceBox
from kvdesk.gui.controls import set_role, text_label
from kvdesk.gui.help_pages import set_page
from kvdesk.gui.own_language import error_words, translated
from kvdesk.gui.theme import TextSize
from kvdesk.plan.options import OptionRow
from kvdesk.plan.parse import read_value, write_value


class EntryBox(QFrame):
    """A line of text with its label inside, before the value."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._label = label
        self.setProperty("surface", "entry")
        self.entry = QLineEdit()
        self.entry.setProperty("kind", "bare")
        self.entry.installEventFilter(self)
        self.setFocusProxy(self.entry)
        row = QHBoxLayout(self)
        row.setContentsMargins(INSET, 0, 2, 0)
        row.setSpacing(GAP)
        if label:
            name = text_label(label, "muted", TextSize.TABLE)
            name.setMinimumWidth(0)
            row.addWidget(name)
        row.addWidget(self.entry, 1)
        self.setFixedHeight(theme.px(30))

    def sizeHint(self) -> QSize:
        """Wide enough for the label and four figures."""
        metrics = self.entry.fontMetrics()
        label = metrics.horizontalAdvance(self._label) + GAP if self._label else 0
        return QSize(INSET + label + metrics.horizontalAdvance("00000") + 4, theme.px(30))

    def minimumSizeHint(self) -> QSize:
        """Narrower than that, the value scrolls."""
        return QSize(theme.px(48), theme.px(30))

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Show the focus of the line on the frame."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            set_role(self, focused="true" if event.type() == QEvent.Type.FocusIn else "false")
        return False


class OptionEditor(QWidget):
    """Edits one option. `chosen` carries a valid new value, `refused` the words for an invalid entry."""

    chosen = Signal(object)
    refused = Signal(str)

    def __init__(self, row: OptionRow, *, is_compact: bool) -> None:
        super().__init__()
        self.row = row
        self._value: object = row.default
        label = translated(row.spec.label)
        inside = label if is_compact else ""
        self.control = self._make_control(inside)
        help_text = "\n".join(
            part
            for part in (translated(row.spec.help), translated(row.spec.memory), row.spec.flags[-1])
            if part
        )
        for widget in {self.control, self.control.focusProxy() or self.control}:
            widget.setAccessibleName(label)
            widget.setAccessibleDescription(translated(row.spec.help))
            widget.setToolTip(help_text)
        set_page(self, row.page)
        self.setFocusProxy(self.control)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.control)

    def _make_control(self, label: str) -> QWidget:
        if self.row.choices:
            return self._make_choice(label)
        if self.row.value_type is bool:
            box = QCheckBox(label)
            box.clicked.connect(lambda checked: self._choose(bool(checked)))
            return box
        field = EntryBox(label)
        field.entry.setPlaceholderText(self._default_text())
        field.entry.editingFinished.connect(self._entered)
        field.entry.setFont(theme.current().font(TextSize.TABLE, figures=True))
        return field

    def _make_choice(self, label: str) -> ChoiceBox:
        box = ChoiceBox(label)
        for choice in self.row.choices:
            box.addItem(choice or self.tr("the model's"), choice)
        box.activated.connect(lambda index: self._choose(box.itemData(index)))
        return box

    def _default_text(self) -> str:
        return write_value(self.row, self.row.default) or self.tr("automatic")

    def show_value(self, value: object) -> None:
        """Show a value that came from outside; what is being typed is left alone."""
        if value == self._value and self.property("is_shown"):
            return
        self.setProperty("is_shown", True)
        self._value = value
        if isinstance(self.control, ChoiceBox):
            self.control.setCurrentIndex(self.control.findData(value))
            self.control.update()
        elif isinstance(self.control, QCheckBox):
            self.control.setChecked(bool(value))
        elif isinstance(self.control, EntryBox) and not (
            self.control.entry.hasFocus() and self.control.entry.isModified()
        ):
            self.control.entry.setText(write_value(self.row, value))

    def show_refused(self, *, is_refused: bool) -> None:
        """Mark the control as one whose value does not work."""
        set_role(self.control, refused="true" if is_refused else "false")

    def _choose(self, value: object) -> None:
        self._value = value
        self.refused.emit("")
        self.chosen.emit(value)

    def _entered(self) -> None:
        assert isinstance(self.control, EntryBox)
        entry = self.control.entry
        if not entry.isModified():
            return
        try:
            text = entry.text() or self._default_text()
            value = read_value(self.row, "" if text == self.tr("automatic") else text)
        except OptionError as error:
            self.refused.emit(error_words(error))
            return
        entry.setModified(False)
        entry.setText(write_value(self.row, value))
        self._choose(value)
