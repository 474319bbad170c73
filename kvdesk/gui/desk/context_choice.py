"""The context as heading, exact entry and slider."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from kvdesk.errors import OptionError
from kvdesk.gui import theme
from kvdesk.gui.controls import text_label
from kvdesk.gui.desk.context_scale import top_of_scale
from kvdesk.gui.desk.context_slider import ContextSlider
from kvdesk.gui.own_language import error_words
from kvdesk.gui.theme import TextSize
from kvdesk.plan.options import BY_NAME
from kvdesk.plan.parse import read_value
from kvdesk.session.state import DeskState
from kvdesk.units import format_tokens


class ContextChoice(QWidget):
    """Emits `chosen` with tokens while the slider moves and when an entry is finished.

    `refused` carries the error of an entry that is not a context, "" when the entry is good again.
    """

    chosen = Signal(int)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.slider = ContextSlider()
        self.entry = QLineEdit()
        self.entry.setProperty("kind", "quiet")
        self.entry.setAccessibleName(self.tr("Context in tokens, exact"))
        self.entry.setToolTip(self.tr("Tokens, like 12288 or 12k"))
        self.entry.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.entry.setFont(theme.current().font(TextSize.TABLE, figures=True))
        self.entry.setFixedWidth(theme.px(84))
        self.slider.valueChanged.connect(self._slid)
        self.entry.editingFinished.connect(self._entered)

        head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(text_label(self.tr("Context"), bold=True))
        head.addStretch(1)
        head.addWidget(self.entry)
        unit = text_label(self.tr("tokens"), "muted", TextSize.TABLE)
        unit.setContentsMargins(0, 2, 0, 0)  # onto the entry's baseline
        head.addWidget(unit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.slider)

    def show_state(self, state: DeskState) -> None:
        """Show the chosen context, the trained one and the largest that fits."""
        self.setEnabled(state.model is not None)
        trained = state.model.n_ctx_train if state.model else 4096
        tokens = state.options.ctx_size or trained
        self.slider.show_scale(
            top_of_scale(trained, state.max_ctx_size, tokens),
            trained if state.model else None,
            state.max_ctx_size,
        )
        if not self.slider.isSliderDown() and self.slider.value() != tokens:
            blocked = self.slider.blockSignals(True)
            self.slider.setValue(tokens)
            self.slider.blockSignals(blocked)
            self.slider.update()
        if not self.entry.hasFocus() or not self.entry.isModified():
            self._show_entry(tokens)

    def _show_entry(self, tokens: int) -> None:
        text = format_tokens(tokens)
        if self.entry.text() != text:
            self.entry.setText(text)

    def _slid(self, tokens: int) -> None:
        self._show_entry(tokens)
        self.chosen.emit(tokens)

    def _entered(self) -> None:
        if not self.entry.isModified():
            return
        text = self.entry.text().replace(",", "").replace("\u202f", "").replace(" ", "")
        try:
            tokens = read_value(BY_NAME["ctx_size"], text)
        except OptionError as error:
            self.refused.emit(error_words(error))
            return
        self.entry.setModified(False)
        self.refused.emit("")
        assert isinstance(tokens, int)
        self.chosen.emit(tokens)
