"""One device's memory as a bar: what would be used, kind by kind, and the line not to cross."""

from PySide6.QtCore import QEvent, QRectF, QSize
from PySide6.QtGui import QHelpEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from kvdesk.gui import theme
from kvdesk.gui.desk.memory_rows import DeviceUse, device_title, kind_label
from kvdesk.gui.theme import Radius
from kvdesk.memory.report import Kind
from kvdesk.units import format_bytes

_HEIGHT, _LOW_HEIGHT = 22, 8
_OVERHANG = 2  # how far the limit's line stands out above and below


class MemoryBar(QWidget):
    """Segments in the fixed colours; a line where free memory ends, and the bad colour beyond it."""

    def __init__(self) -> None:
        super().__init__()
        self._use: DeviceUse | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._height = theme.px(_HEIGHT)

    def sizeHint(self) -> QSize:
        """A fixed height; the width is the desk's."""
        return QSize(200, self._height + 2 * _OVERHANG)

    def set_low(self, is_low: bool) -> None:
        """Draw a low bar, for a device beside the main one."""
        self._height = theme.px(_LOW_HEIGHT if is_low else _HEIGHT)
        self.updateGeometry()

    def show_use(self, use: DeviceUse) -> None:
        """Draw what is used of a device."""
        if use == self._use:
            return
        self._use = use
        self.setAccessibleName(self.tr("Memory of {device}").format(device=device_title(use.device)))
        self.setAccessibleDescription(self._in_words(use))
        self.update()

    def scale_bytes(self) -> int:
        """The size that the whole width stands for."""
        if self._use is None:
            return 1
        total = self._use.device.total_bytes or self._use.limit_bytes or 0
        return max(total, round(self._use.needed_bytes * 1.02), 1)

    def segment_rects(self) -> list[tuple[Kind, int, QRectF]]:
        """Where each segment lies: kind, bytes, rectangle."""
        if self._use is None:
            return []
        frame, found, start = self._frame(), [], 0
        for kind, size in self._use.segments:
            left, right = self._x(start), self._x(start + size)
            found.append((kind, size, QRectF(left, frame.top(), right - left, frame.height())))
            start += size
        return found

    def limit_x(self) -> float | None:
        """Where the line not to cross lies."""
        if self._use is None or self._use.limit_bytes is None:
            return None
        return self._x(self._use.limit_bytes)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the segments, what is beyond the limit, and the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame, limit = self._frame(), self.limit_x()
        clip = QPainterPath()
        radius = min(Radius.BAR, self._height / 2)
        clip.addRoundedRect(frame, radius, radius)
        painter.setClipPath(clip)
        painter.fillRect(frame, theme.colour("free"))
        if limit is not None:  # used by other programs, or kept for them
            beyond = QRectF(limit, frame.top(), frame.right() - limit, frame.height())
            painter.fillRect(beyond, theme.colour("line"))
        current = theme.current()
        for kind, _, rect in self.segment_rects():
            painter.fillRect(rect, current.kind_colour(kind))
            if rect.width() > 3:
                painter.fillRect(
                    QRectF(rect.right() - 1, rect.top(), 1, rect.height()), theme.colour("panel")
                )
        if limit is not None and self._use is not None and self._use.is_over:
            end = self._x(self._use.needed_bytes)
            painter.fillRect(
                QRectF(limit, frame.top(), max(end - limit, 2), frame.height()), theme.colour("bad")
            )
        painter.setClipping(False)
        if limit is not None:
            x = round(min(max(limit, 1), frame.right() - 1))
            painter.fillRect(QRectF(x - 1, 0, 2, self.height()), theme.colour("text"))

    def event(self, event: QEvent) -> bool:
        """Tell the figures of the segment under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.text_at(event.pos().x()), self)
            return True
        return super().event(event)

    def text_at(self, x: float) -> str:
        """Return what the tooltip says at a horizontal position."""
        if self._use is None:
            return ""
        for kind, size, rect in self.segment_rects():
            if rect.left() <= x < rect.right():
                share = 100 * size / self._use.needed_bytes
                return self.tr("{kind}: {size}, {share} % of what is needed").format(
                    kind=kind_label(kind), size=format_bytes(size), share=round(share)
                )
        limit = self.limit_x()
        if limit is not None and x > limit:
            return self.tr("Used by other programs or kept for them")
        return self._in_words(self._use)

    def _in_words(self, use: DeviceUse) -> str:
        needed = format_bytes(use.needed_bytes)
        if use.limit_bytes is None:
            return self.tr("{needed} needed").format(needed=needed)
        return self.tr("{needed} needed of {limit} that may be used").format(
            needed=needed, limit=format_bytes(use.limit_bytes)
        )

    def _frame(self) -> QRectF:
        return QRectF(0, _OVERHANG, self.width(), self._height)

    def _x(self, size_bytes: int) -> float:
        return self._frame().width() * size_bytes / self.scale_bytes()

    def changeEvent(self, event: QEvent) -> None:
        """Take the new theme's colours."""
        if event.type() == QEvent.Type.PaletteChange:
            self.update()
        super().changeEvent(event)
