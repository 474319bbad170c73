"""What a key pressed in the conversation is for."""

from collections.abc import Mapping
from types import MappingProxyType

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

# With Alt: to the version before or after.
VERSION_STEPS: Mapping[int, int] = MappingProxyType({Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1})


def key_of(event: QEvent) -> int:
    """Return the key of an event, 0 for one without."""
    return event.key() if isinstance(event, QKeyEvent) else 0


def is_written(event: QKeyEvent) -> bool:
    """Whether a key writes a character other than a space, which scrolls."""
    commands = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    commands |= Qt.KeyboardModifier.MetaModifier
    return event.text().isprintable() and bool(event.text().strip()) and not event.modifiers() & commands
