"""The one dialog for errors that have no place of their own: what happened, what to do, the details."""

import sys
import traceback
from types import TracebackType

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.errors import KvDeskError
from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.copy_button import CopyButton
from kvdesk.gui.notice_bar import notice_text
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.phrases import Phrase
from kvdesk.session.state import Notice


class ErrorDialog(QDialog):
    """Message, hint, “Copy details” and “Close”."""

    def __init__(self, notice: Notice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.dress(self)
        self.setWindowTitle(self.tr("KV Desk"))
        self.setMinimumWidth(theme.px(420))
        message = text_label(translated(notice.message), size=TextSize.TITLE, bold=True, wrap=True)
        hint = text_label(translated(notice.hint), "muted", wrap=True)
        hint.setVisible(bool(notice.hint))
        copy = CopyButton(self.tr("Copy details"))
        copy.set_copied_text(notice_text(notice))
        close = push_button(self.tr("Close"), "primary")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addWidget(copy)
        buttons.addStretch(1)
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.WIDE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.SMALL)
        column.addWidget(message)
        column.addWidget(hint)
        column.addSpacing(Space.MEDIUM)
        column.addLayout(buttons)


def notice_of(error: BaseException) -> Notice:
    """Say an unexpected error as a notice; a traceback goes into the details only."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, KvDeskError):
        return Notice(error.message, error.hint, details)
    return Notice(
        Phrase("Something unexpected happened in the window."),
        Phrase("Your conversations are saved. Copy the details if you want to report it."),
        details,
    )


def show_unexpected_errors(parent: QWidget) -> None:
    """Show errors that no code caught in a dialog instead of letting them pass unseen."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        if issubclass(kind, KeyboardInterrupt):
            parent.close()
            return
        if parent.findChild(ErrorDialog) is None:  # one is enough when the same thing fails at every tick
            dialog = ErrorDialog(notice_of(error), parent)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

    sys.excepthook = show
