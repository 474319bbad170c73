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
        self.copy_button = icon_button("copy", self.tr("Copy message"))
        self.regenerate_button = icon_button("refresh", self.tr("Answer again"))
        self.edit_button = icon_button("edit", self.tr("Edit and send again"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for button, signal in (
            (self.copy_button, self.copyWanted),
            (self.regenerate_button, self.regenerateWanted),
            (self.edit_button, self.editWanted),
        ):
            button.setFixedSize(24, 24)
            button.clicked.connect(signal)
            layout.addWidget(button)
        self.copy_button.clicked.connect(self._show_copied)
        self.hide()

    def show_for(self, group: Group | None, *, can_regenerate: bool = False, can_edit: bool = False) -> None:
        """Belong to a message from now on; None hides."""
        self.group = group
        self.regenerate_button.setVisible(can_regenerate)
        self.edit_button.setVisible(can_edit)
        self.setVisible(group is not None)
        self.adjustSize()

    def has_focus(self) -> bool:
        """Whether one of the buttons has the keyboard."""
        return any(
            button.hasFocus() for button in (self.copy_button, self.regenerate_button, self.edit_button)
        )

    def _show_copied(self) -> None:
        set_icon(self.copy_button, "check", "good")
        QTimer.singleShot(_COPIED_MS, self, lambda: set_icon(self.copy_button, "copy"))
