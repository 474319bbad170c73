"""A label that shortens its text to the room there is, and tells the whole of it in a tooltip."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel

from kvdesk.gui import theme
from kvdesk.gui.theme import TextSize


class ElidedLabel(QLabel):
    """One line of text that never asks for more room than the layout gives it."""

    def __init__(
        self,
        *,
        bold: bool = False,
        size: TextSize = TextSize.TEXT,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__()
        self._elide = elide
        self.setFont(theme.current().font(size, bold=bold, figures=True))
        self.setTextFormat(Qt.TextFormat.PlainText)

    def minimumSizeHint(self) -> QSize:
        """A few characters' width."""
        return QSize(32, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as much of the text as fits."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(self.text(), self._elide, self.width())
        painter.drawText(self.rect(), self.alignment(), text)
