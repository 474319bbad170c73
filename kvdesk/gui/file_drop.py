"""Lets a model file be dropped anywhere in the window, also over widgets that take text drops themselves."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QWidget


class FileDrop(QObject):
    """Watches a window and those of its children that accept drops; hands a file to `open_model`."""

    def __init__(self, window: QWidget, open_model: Callable[[str], None]) -> None:
        super().__init__(window)
        self._open_model = open_model
        window.setAcceptDrops(True)
        for widget in (window, *window.findChildren(QWidget)):
            if widget.acceptDrops():
                widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take drags that carry a GGUF file; leave every other event alone."""
        if isinstance(event, QDragEnterEvent | QDragMoveEvent | QDropEvent):
            path = dropped_model(event.mimeData())
            if path is not None:
                event.acceptProposedAction()
                if event.type() == QEvent.Type.Drop:
                    self._open_model(path)
                return True
        return super().eventFilter(watched, event)


def dropped_model(data: QMimeData) -> str | None:
    """Return the path of the first GGUF file among dragged files, None when there is none."""
    for url in data.urls():
        path = url.toLocalFile()
        if path.lower().endswith(".gguf"):
            return path
    return None
