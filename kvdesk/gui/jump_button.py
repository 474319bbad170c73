"""The button over the conversation that leads back to the latest text."""

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QPushButton, QWidget

from kvdesk.gui import theme
from kvdesk.gui.icons import set_icon
from kvdesk.gui.theme import TextSize

_ABOVE = 12


class JumpButton(QPushButton):
    """A small pill, shown while the reader is away from the end."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(self.tr("Jump to latest"))
        self.setAccessibleName(self.tr("Jump to latest"))
        self.setProperty("kind", "floating")
        self.setFont(theme.current().font(TextSize.TABLE))
        set_icon(self, "chevron-down", "window", 12)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hide()

    def place(self, area: QRect) -> None:
        """Stand at the middle of the lower edge of an area."""
        size = self.sizeHint()
        x = area.x() + (area.width() - size.width()) // 2
        self.setGeometry(x, area.bottom() - size.height() - _ABOVE, size.width(), size.height())
        self.raise_()
