"""Copy, regenerate and edit beside a message, shown under the mouse and for the keyboard."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from kvdesk.gui.controls import icon_button
from kvdesk.gui.icons import set_icon
from kvdesk.gui.transcript import Group

_COPIED_MS = 1200


class MessageActions(QWidget):
    """A row of icon buttons that moves to the message it is for."""

    copyWanted = Signal()
    regenerateWanted = Signal()
    editWanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.group: Group | None = None
        self.setAccessibleName(self.tr("Message actions"))
        self._copy = icon_button("copy", self.tr("Copy message"))
        self._regenerate = icon_button("refresh", self.tr("Answer again"))
        self._edit = icon_button("edit", self.tr("Edit and send again"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for button, signal in (
            (self._copy, self.copyWanted),
            (self._regenerate, self.regenerateWanted),
            (self._edit, self.editWanted),
        ):
            button.setFixedSize(24, 24)
            button.clicked.connect(signal)
            layout.addWidget(button)
        self._copy.clicked.connect(self._show_copied)
        self.hide()

    def show_for(self, group: Group | None, *, can_regenerate: bool = False, can_edit: bool = False) -> None:
        """Belong to a message from now on; None hides."""
        self.group = group
        self._regenerate.setVisible(can_regenerate)
        self._edit.setVisible(can_edit)
        self.setVisible(group is not None)
        self.adjustSize()

    def has_focus(self) -> bool:
        """Whether one of the buttons has the keyboard."""
        return any(button.hasFocus() for button in (self._copy, self._regenerate, self._edit))

    def _show_copied(self) -> None:
        set_icon(self._copy, "check", "good")
        QTimer.singleShot(_COPIED_MS, self, lambda: set_icon(self._copy, "copy"))
