"""Names and latest values of the live graph's lines, which are its text alternative too."""

from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import text_label
from kvdesk.gui.theme import TextSize

NAMES = ("memory", "cells", "prefill", "decode")


class _Dash(QWidget):
    """A short piece of a line in its colour."""

    def __init__(self) -> None:
        super().__init__()
        self.colour = QColor()
        self.setFixedSize(QSize(10, theme.px(12)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(0, 0, 0, 0))
        painter.setBrush(self.colour)
        painter.drawRoundedRect(QRectF(0, self.height() / 2 - 1, 10, 2.5), 1.2, 1.2)


class Legend(QWidget):
    """One column a line: dash and name, the latest value under it."""

    def __init__(self) -> None:
        super().__init__()
        self._dashes = {name: _Dash() for name in NAMES}
        self._titles: dict[str, QLabel] = {}
        self._values: dict[str, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(0)
        for index, name in enumerate(NAMES):
            self._titles[name] = text_label(role="muted", size=TextSize.NOTE)
            self._values[name] = text_label("–", size=TextSize.TABLE, figures=True)
            grid.addWidget(self._dashes[name], 0, 2 * index)
            grid.addWidget(self._titles[name], 0, 2 * index + 1)
            grid.addWidget(self._values[name], 1, 2 * index, 1, 2)
            grid.setColumnStretch(2 * index + 1, 1)

    def show_colours(self, colours: Mapping[str, QColor]) -> None:
        """Draw the dashes in these colours."""
        for name, dash in self._dashes.items():
            dash.colour = colours[name]
            dash.update()

    def show_value(self, name: str, title: str, text: str) -> None:
        """Show a line's name and latest value."""
        for label, wanted in ((self._titles[name], title), (self._values[name], text)):
            if label.text() != wanted:
                label.setText(wanted)

    def in_words(self) -> str:
        """Say all values in one sentence."""
        return ", ".join(f"{self._titles[name].text()} {self._values[name].text()}" for name in NAMES)
