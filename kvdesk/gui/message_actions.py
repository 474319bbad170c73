"""Copy, quote, regenerate, edit and other versions beside a message, under the mouse and for the keyboard."""

from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import icon_button, text_label
from kvdesk.gui.icons import set_icon
from kvdesk.gui.theme import TextSize
from kvdesk.gui.transcript import Group

_COPIED_MS = 1200


class MessageActions(QWidget):
    """A row of icon buttons that moves to the message it is for."""

    copyWanted = Signal()
    regenerateWanted = Signal()
    editWanted = Signal()
    siblingWanted = Signal(int)  # id of the message to show in this one's place

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.group: Group | None = None
        self.setAccessibleName(self.tr("Message actions"))
        self.copy_button = icon_button("copy", self.tr("Copy message"))
        self.regenerate_button = icon_button("refresh", self.tr("Answer again"))
        self.edit_button = icon_button("edit", self.tr("Edit and send again"))
        self.before_button = icon_button("chevron-left", self.tr("Version before (Alt+Left)"))
        self.after_button = icon_button("chevron-right", self.tr("Version after (Alt+Right)"))
        self.place = text_label("", "muted", TextSize.NOTE, figures=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for widget in (self.before_button, self.place, self.after_button):
            layout.addWidget(widget)
        for button, step in ((self.before_button, -1), (self.after_button, 1)):
            button.setFixedSize(theme.px(24), theme.px(24))
            button.clicked.connect(partial(self._walk, step))
        for button, signal in (
            (self.copy_button, self.copyWanted),
            (self.regenerate_button, self.regenerateWanted),
            (self.edit_button, self.editWanted),
        ):
            button.setFixedSize(theme.px(24), theme.px(24))
            button.clicked.connect(signal)
            layout.addWidget(button)
        self.copy_button.clicked.connect(self._show_copied)
        self._forgetting_copied = QTimer(self)
        self._forgetting_copied.setSingleShot(True)
        self._forgetting_copied.setInterval(_COPIED_MS)
        self._forgetting_copied.timeout.connect(lambda: set_icon(self.copy_button, "copy"))
        self.hide()

    def show_for(
        self,
        group: Group | None,
        *,
        can_regenerate: bool = False,
        can_edit: bool = False,
        can_walk: bool = False,
    ) -> None:
        """Belong to a message from now on; None hides."""
        self.group = group
        self.regenerate_button.setVisible(can_regenerate)
        self.edit_button.setVisible(can_edit)
        siblings = group.message.siblings if group is not None and can_walk else ()
        for widget in (self.before_button, self.place, self.after_button):
            widget.setVisible(bool(siblings))
        if group is not None and siblings:
            at = siblings.index(group.message.id)
            self.place.setText(f"{at + 1}/{len(siblings)}")
            self.before_button.setEnabled(at > 0)
            self.after_button.setEnabled(at + 1 < len(siblings))
        self.setVisible(group is not None)
        self.adjustSize()

    def has_focus(self) -> bool:
        """Whether one of the buttons has the keyboard."""
        return any(button.hasFocus() for button in self.findChildren(QToolButton))

    def _walk(self, step: int) -> None:
        message_id = sibling_of(self.group, step)
        if message_id is not None:
            self.siblingWanted.emit(message_id)

    def _show_copied(self) -> None:
        set_icon(self.copy_button, "check", "good")
        self._forgetting_copied.start()


def sibling_of(group: Group | None, step: int) -> int | None:
    """Return the id of the version before (-1) or after (1) a message, None where there is none."""
    if group is None or not group.message.siblings:
        return None
    at = group.message.siblings.index(group.message.id) + step
    return group.message.siblings[at] if 0 <= at < len(group.message.siblings) else None
