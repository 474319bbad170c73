"""The switch that opens the loaded model to other programs, with the address they need."""

import secrets

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QHideEvent, QIntValidator, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.copy_button import CopyButton
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import DeskState, OpenEndpoint

# Everywhere is the user's word, and never without a token.
LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
_WIDTH, _PORT_WIDTH = 380, 80
_TOKEN_BYTES = 24


class EndpointCard(QFrame):
    """Lies over the window, under its button. While the endpoint is open it says where and with which token;
    while it is closed it asks for the port and how far to open.
    """

    openWanted = Signal(str, int, str)  # host, port, token
    closeWanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        theme.dress(self)
        self.setProperty("surface", "card")
        self.setAccessibleName(self.tr("Endpoint for other programs"))
        self.setFixedWidth(theme.px(_WIDTH))
        self._shown: OpenEndpoint | None = None
        self._has_model = False
        self._button: QWidget | None = None  # which called it
        self.about = text_label(
            self.tr(
                "Programs that speak OpenAI's interface can use the loaded model. They share its context with"
                " the chat; nothing leaves this computer unless you let others in."
            ),
            "muted",
            TextSize.TABLE,
            wrap=True,
        )
        self.port = QLineEdit("8080")
        self.port.setValidator(QIntValidator(1024, 65535, self.port))
        self.port.setFixedWidth(theme.px(_PORT_WIDTH))
        self.port.setAccessibleName(self.tr("Port"))
        self.port.textChanged.connect(self._offer)
        self.wide = QCheckBox(self.tr("Let other computers in, with a token"))
        self.open_button = push_button(self.tr("Open"), "primary")
        self.open_button.clicked.connect(self._open)
        self.url = self._read_only(self.tr("Address"))
        self.token = self._read_only(self.tr("Token"))
        self.url_copy = CopyButton(self.tr("Copy"), "flat")
        self.token_copy = CopyButton(self.tr("Copy"), "flat")
        self.close_button = push_button(self.tr("Close the endpoint"), "danger")
        self.close_button.clicked.connect(self.closeWanted)
        self._closed, self._opened = self._lay_out_closed(), self._lay_out_opened()
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.LARGE, Space.MEDIUM, Space.LARGE, Space.MEDIUM)
        column.setSpacing(Space.MEDIUM)
        for part in (self.about, self._closed, self._opened):
            column.addWidget(part)
        self._opened.hide()
        self.hide()

    def toggle_below(self, button: QWidget) -> None:
        """Appear under a button, at its right edge, or go."""
        if not self.isHidden():
            self.hide()
            return
        self._button = button
        self.adjustSize()
        corner = QPoint(button.width() - self.width(), button.height() + Space.TINY)
        place = button.mapTo(self.window(), corner)
        self.move(max(Space.SMALL, place.x()), place.y())
        self.show()
        self.raise_()
        (self.url if self._shown else self.open_button).setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go at Esc."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def show_state(self, state: DeskState) -> None:
        """Show where the endpoint is, or what it takes to open one."""
        self._has_model = state.engine.loaded is not None
        self._offer()
        if state.endpoint == self._shown:
            return
        self._shown = found = state.endpoint
        had_focus = self.isAncestorOf(QApplication.focusWidget() or self)
        self._closed.setVisible(found is None)
        self._opened.setVisible(found is not None)
        if had_focus:
            (self.url if found else self.open_button).setFocus()
        if found is not None:
            self.url.setText(found.url)
            self.url_copy.set_copied_text(found.url)
            self.token.setText(found.token or self.tr("none needed"))
            for field in (self.url, self.token):  # a long one from its beginning
                field.setCursorPosition(0)
            self.token_copy.set_copied_text(found.token)
            self.token_copy.setVisible(bool(found.token))
        self.adjustSize()

    def showEvent(self, event: QShowEvent) -> None:
        """Watch for clicks elsewhere."""
        super().showEvent(event)
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]  # there is one

    def hideEvent(self, event: QHideEvent) -> None:
        """Watch no longer."""
        super().hideEvent(event)
        QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]  # there is one

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go at a click beside it; the button that called it has its own way."""
        if event.type() is QEvent.Type.MouseButtonPress and isinstance(watched, QWidget):
            is_inside = watched is self or self.isAncestorOf(watched)
            if not is_inside and watched is not self._button:
                self.hide()
        return False

    def _offer(self) -> None:
        self.open_button.setEnabled(self._has_model and self.port.hasAcceptableInput())
        self.open_button.setToolTip("" if self._has_model else self.tr("Load a model first."))

    def _open(self) -> None:
        if self.wide.isChecked():
            self.openWanted.emit(EVERYWHERE, int(self.port.text()), secrets.token_urlsafe(_TOKEN_BYTES))
        else:
            self.openWanted.emit(LOOPBACK, int(self.port.text()), "")

    def _lay_out_closed(self) -> QWidget:
        part = QWidget()
        row = QHBoxLayout()
        row.addWidget(self._label(self.tr("Port"), self.port))
        row.addWidget(self.port)
        row.addStretch(1)
        row.addWidget(self.open_button)
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.wide)
        return part

    def _lay_out_opened(self) -> QWidget:
        part = QWidget()
        grid = QGridLayout(part)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(Space.SMALL)
        rows = (
            (self.tr("Address"), self.url, self.url_copy),
            (self.tr("Token"), self.token, self.token_copy),
        )
        for line, (name, field, button) in enumerate(rows):
            grid.addWidget(self._label(name, field), line, 0)
            grid.addWidget(field, line, 1)
            grid.addWidget(button, line, 2)
        grid.addWidget(self.close_button, len(rows), 0, 1, 3, Qt.AlignmentFlag.AlignRight)
        return part

    @staticmethod
    def _label(text: str, buddy: QWidget) -> QLabel:
        label = text_label(text, "muted", TextSize.TABLE)
        label.setBuddy(buddy)
        return label

    @staticmethod
    def _read_only(name: str) -> QLineEdit:
        field = QLineEdit()
        field.setReadOnly(True)
        field.setAccessibleName(name)
        return field
