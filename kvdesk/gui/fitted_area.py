"""A part that is as high as what is in it, and scrolls where there is less room."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from kvdesk.gui import theme

_LEAST = 64  # of its height, at 100 %: what shows that there is more


class FittedArea(QScrollArea):
    """Holds one widget, which is as wide as the area."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._content = content
        self.setWidget(content)

    def hasHeightForWidth(self) -> bool:
        """Texts in it wrap."""
        return True

    def heightForWidth(self, width: int) -> int:
        """The height at which nothing has to be scrolled."""
        wrapped = self._content.heightForWidth(width) if self._content.hasHeightForWidth() else 0
        return max(wrapped, self._content.minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """That of what is in it."""
        return self._content.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """A strip that can be scrolled."""
        return QSize(0, min(self.sizeHint().height(), theme.px(_LEAST)))
