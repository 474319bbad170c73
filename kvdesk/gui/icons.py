"""Line icons of one weight, drawn from `resources/icons` in a colour of the theme."""

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

from kvdesk.gui import theme
from kvdesk.resources import resource_path

ICON_SIZE = 16
_SCALES = (1, 2, 3)  # device pixel ratios for which a sharp picture is kept


def make_icon(name: str, role: str = "muted", size: int = ICON_SIZE) -> QIcon:
    """Return an icon such as "copy" in the current theme's colour of `role`; it grows with the text."""
    look = theme.current()
    key = (name, look.colour(role).name(), theme.px(size))
    if key not in look.icons:
        look.icons[key] = _draw(*key)
    return look.icons[key]


def _draw(name: str, colour: str, size: int) -> QIcon:
    drawing = resource_path(f"icons/{name}.svg").read_text("utf-8").replace("#000000", colour)
    renderer = QSvgRenderer(QByteArray(drawing.encode()))
    icon = QIcon()
    for scale in _SCALES:
        pixmap = QPixmap(QSize(size, size) * scale)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, size * scale, size * scale))
        painter.end()
        pixmap.setDevicePixelRatio(scale)
        icon.addPixmap(pixmap)
    return icon


class _ThemedIcon(QObject):
    """Redraws one icon when the theme changes; a child of what has it, so that both end together."""

    def __init__(self, button: QAbstractButton | QAction, name: str, role: str, size: int) -> None:
        super().__init__(button)
        self._button, self._name, self._role, self._size = button, name, role, size
        theme.current().changed.connect(self.redraw)

    def redraw(self) -> None:
        self._button.setIcon(make_icon(self._name, self._role, self._size))


def set_icon(
    button: QAbstractButton | QAction, name: str, role: str = "muted", size: int = ICON_SIZE
) -> None:
    """Give a button or an action an icon that follows the theme."""
    for earlier in button.findChildren(_ThemedIcon):
        earlier.deleteLater()
    if isinstance(button, QAbstractButton):
        button.setIconSize(QSize(theme.px(size), theme.px(size)))
    _ThemedIcon(button, name, role, size).redraw()
