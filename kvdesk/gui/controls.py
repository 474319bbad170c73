"""The few plain controls that every part of the window is made of, with the theme's sizes and names."""

from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from kvdesk.gui import theme
from kvdesk.gui.icons import set_icon
from kvdesk.gui.theme import Space, TextSize

TextRole = Literal["text", "muted", "good", "bad", "warn", "accent", "badge"]
ButtonKind = Literal["normal", "primary", "plain", "flat", "chip", "danger"]


def text_label(
    text: str = "",
    role: TextRole = "text",
    size: TextSize = TextSize.TEXT,
    *,
    bold: bool = False,
    figures: bool = False,
    wrap: bool = False,
) -> QLabel:
    """Return a label in a role of the theme; `figures` gives digits of one width."""
    label = QLabel(text)
    label.setFont(theme.current().font(size, bold=bold, figures=figures))
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    if wrap:
        label.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        label.setSizePolicy(policy)
    return label


def set_role(widget: QWidget, **properties: str) -> None:
    """Change the properties that the style sheet looks at, and restyle only when one did change."""
    changed = False
    for name, value in properties.items():
        if widget.property(name) != value:
            widget.setProperty(name, value)
            changed = True
    if changed:
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def push_button(text: str, kind: ButtonKind = "normal", size: TextSize = TextSize.TEXT) -> QPushButton:
    """Return a button with a text; its text is its accessible name."""
    button = QPushButton(text)
    button.setFont(theme.current().font(size, bold=kind == "primary"))
    button.setProperty("kind", kind)
    button.setAccessibleName(text)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button


def icon_button(icon: str, name: str, role: str = "muted") -> QToolButton:
    """Return a button that shows an icon only; `name` is its tooltip and accessible name."""
    button = QToolButton()
    set_icon(button, icon, role)
    button.setToolTip(name)
    button.setAccessibleName(name)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button


def size_window(window: QWidget, width: int, height: int) -> None:
    """Give a window its first size, which grows with the text as far as the screen has room."""
    room = window.screen().availableSize() - QSize(2 * Space.LARGE, 3 * Space.LARGE)  # for its frame
    window.resize(QSize(theme.px(width), theme.px(height)).boundedTo(room))


def separator(orientation: Qt.Orientation = Qt.Orientation.Horizontal) -> QFrame:
    """Return a line one pixel wide."""
    line = QFrame()
    line.setProperty("surface", "line")
    if orientation is Qt.Orientation.Horizontal:
        line.setFixedHeight(1)
    else:
        line.setFixedWidth(1)
    return line
