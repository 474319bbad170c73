"""What would make a model fit: the smallest changes first, each with gain and price, taken with a click."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.plan.offer import Advice
from kvdesk.plan.options import BY_NAME
from kvdesk.plan.parse import write_value
from kvdesk.units import format_bytes

_MOST = 3  # more would push the figures out of a low window


class AdviceList(QWidget):
    """A row for each offer: the change, its gain and price, and a button. `chosen` carries an Advice."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Advice, ...] = ()
        self._rows: list[_Row] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(Space.SMALL)
        self.hide()

    @property
    def rows(self) -> Sequence["_Row"]:
        """The rows, in order."""
        return self._rows

    def show_offers(self, offers: Sequence[Advice]) -> None:
        """Show the first offers that are enough, or, where none is, the first that help."""
        enough = [offer for offer in offers if offer.fits]
        wanted = tuple((enough or list(offers))[:_MOST])
        if wanted != self._shown:
            self._shown = wanted
            for row in self._rows:
                self._column.removeWidget(row)
                row.deleteLater()
            self._rows = [_Row(offer) for offer in wanted]
            for row in self._rows:
                row.button.clicked.connect(lambda _=False, offer=row.offer: self.chosen.emit(offer))
                self._column.addWidget(row)
        self.setVisible(bool(wanted))


class _Row(QWidget):
    """One offer."""

    def __init__(self, offer: Advice) -> None:
        super().__init__()
        self.offer = offer
        change = ", ".join(_change(name, value) for name, value in offer.changes)
        template = self.tr("Frees {gain}. {cost}")
        if not offer.fits:
            template = self.tr("Frees {gain}, not enough alone. {cost}")
        price = template.format(gain=format_bytes(offer.gain_bytes), cost=translated(offer.cost))
        self.button = push_button(self.tr("Apply"), size=TextSize.TABLE)
        self.button.setAccessibleName(self.tr("Apply: {change}").format(change=change))
        self.button.setAccessibleDescription(price)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(text_label(change, size=TextSize.TABLE, wrap=True))
        words.addWidget(text_label(price, "muted", TextSize.NOTE, wrap=True))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.SMALL)
        row.addLayout(words, 1)
        row.addWidget(self.button)


def _change(name: str, value: object) -> str:
    row = BY_NAME[name]
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return f"{translated(row.spec.label)} {f'{value:,}' if is_count else write_value(row, value)}"
