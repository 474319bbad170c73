"""What a key pressed in the conversation is for."""

from collections.abc import Mapping
from types import MappingProxyType

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

# With Alt: to the version before or after, to the message before or after.
VERSION_STEPS: Mapping[int, int] = MappingProxyType({Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1})
MESSAGE_STEPS: Mapping[int, int] = MappingProxyType({Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1})


class MessageKeys(QObject):
    """Takes the keys that go from message to message from buttons, which would move the focus by them."""

    stepped = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        for button in parent.findChildren(QAbstractButton):
            button.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Emit the step of an arrow with Alt."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        step = MESSAGE_STEPS.get(event.key(), 0)
        if not step or not event.modifiers() & Qt.KeyboardModifier.AltModifier:
            return False
        self.stepped.emit(step)
        return True


def key_of(event: QEvent) -> int:
    """Return the key of an event, 0 for one without."""
    return event.key() if isinstance(event, QKeyEvent) else 0


def is_written(event: QKeyEvent) -> bool:
    """Whether a key writes a character other than a space, which scrolls."""
    commands = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    commands |= Qt.KeyboardModifier.MetaModifier
    return event.text().isprintable() and bool(event.text().strip()) and not event.modifiers() & commands
