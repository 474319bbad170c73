"""Asks, over the lower edge of the conversation, whether a link may be opened: with its whole address."""

from PySide6.QtCore import QEvent, QObject, QRect, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QFontMetrics, QKeyEvent, QMouseEvent, QTextOption
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.theme import Space, TextSize

_OPENED_SCHEMES = ("http", "https", "mailto")
_MOST_LINES = 6  # of the address; a longer one is scrolled
_ABOVE = 12


def may_open(address: str) -> bool:
    """Whether an address is of a kind that the browser or the mail program opens."""
    url = QUrl(address)
    return url.isValid() and url.scheme().lower() in _OPENED_SCHEMES


class LinkQuestion(QFrame):
    """Nothing is opened before its button is pressed; Esc closes."""

    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.address = ""
        self._area = QRect()
        self.setProperty("surface", "card")
        self.setAccessibleName(self.tr("Open a link"))
        self._question = text_label(bold=True, wrap=True)
        self._shown = QPlainTextEdit()
        self._shown.setReadOnly(True)
        self._shown.setProperty("kind", "bare")
        self._shown.setFont(theme.current().font(TextSize.TABLE, code=True))
        self._shown.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self._shown.setTabChangesFocus(True)
        self._shown.setAccessibleName(self.tr("The link's address"))
        self.open_button = push_button(self.tr("Open in the browser"), "primary")
        self.copy_button = push_button(self.tr("Copy address"))
        self.stay_button = push_button(self.tr("Do not open"), "plain")
        self.open_button.clicked.connect(self._open)
        self.copy_button.clicked.connect(self._copy)
        self.stay_button.clicked.connect(self.leave)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.copy_button)
        buttons.addStretch(1)
        buttons.addWidget(self.stay_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.LARGE, Space.MEDIUM, Space.LARGE, Space.MEDIUM)
        column.setSpacing(Space.SMALL)
        column.addWidget(self._question)
        column.addWidget(self._shown)
        column.addLayout(buttons)
        for widget in (self._shown, self.open_button, self.copy_button, self.stay_button):
            widget.installEventFilter(self)
        self.hide()

    def ask(self, address: str) -> None:
        """Show where a link leads and wait for the answer."""
        self.address = address
        can_open = may_open(address)
        host = QUrl(address).host()
        if not can_open:
            question = self.tr("This kind of address is not opened from here.")
        elif host:
            question = self.tr("Open this page of {host}?").format(host=host)
        else:
            question = self.tr("Open this address?")
        self._question.setText(question)
        self._shown.setPlainText(address)
        self.setAccessibleDescription(f"{question} {address}")
        self.open_button.setVisible(can_open)
        self.show()
        self.place(self._area)
        (self.open_button if can_open else self.copy_button).setFocus(Qt.FocusReason.OtherFocusReason)

    def leave(self) -> None:
        """Close without opening anything."""
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    def place(self, area: QRect) -> None:
        """Stand on the lower edge of an area, as wide as it is."""
        self._area = area
        if self.isHidden():
            return
        metrics = QFontMetrics(self._shown.font())
        inner = max(1, area.width() - 2 * Space.LARGE - 20)
        lines = -(-metrics.horizontalAdvance(self.address) // inner)
        self._shown.setFixedHeight(metrics.lineSpacing() * min(_MOST_LINES, max(1, lines)) + 10)
        column = self.layout()
        height = column.totalHeightForWidth(area.width()) if column is not None else 0
        height = max(height, self.sizeHint().height())
        self.setGeometry(area.x(), area.bottom() - height - _ABOVE, area.width(), height)
        self.raise_()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Keep a press beside the buttons from the text under the card."""
        event.accept()

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl(self.address))
        self.leave()

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.address)
        self.leave()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc is the question's while it is asked, not the window's."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
            elif event.type() == QEvent.Type.KeyPress:
                self.leave()
            return True
        return False
