"""The slider for the context, with marks at the trained context and at the largest that fits."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QSlider

from kvdesk.gui import theme
from kvdesk.gui.desk.context_scale import STEP_TOKENS, ContextScale, snap
from kvdesk.gui.theme import TextSize
from kvdesk.units import format_tokens

_HANDLE = 7.0
_TRACK = 4.0
_HEIGHT = 50
_TICK = 5.0


class ContextSlider(QSlider):
    """A slider whose value is in tokens and whose track has the scale of `ContextScale`."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._scale = ContextScale(4096)
        self._trained: int | None = None
        self._largest: int | None = None
        self.setSingleStep(STEP_TOKENS)
        self.setPageStep(4096)
        self.setRange(STEP_TOKENS, 4096)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Context in tokens"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        """Track with room for a line of text above and below."""
        return QSize(200, theme.px(_HEIGHT))

    def minimumSizeHint(self) -> QSize:
        """The height never shrinks."""
        return QSize(120, theme.px(_HEIGHT))

    def show_scale(self, top_tokens: int, trained: int | None, largest: int | None) -> None:
        """Set the reach and the marks; never while the handle is held, so that it stays under the hand."""
        if self.isSliderDown():
            top_tokens = self._scale.top_tokens
        if (top_tokens, trained, largest) == (self._scale.top_tokens, self._trained, self._largest):
            return
        self._scale, self._trained, self._largest = ContextScale(top_tokens), trained, largest
        blocked = self.blockSignals(True)
        self.setRange(STEP_TOKENS, top_tokens)
        self.blockSignals(blocked)
        self.setAccessibleDescription(" ".join(text for text, _ in self._marks().values()))
        self.update()

    def x_of(self, tokens: float) -> float:
        """Where a context lies on the widget."""
        handle = theme.px(_HANDLE)
        return handle + self._scale.position(tokens) * (self.width() - 2 * handle)

    def tokens_at(self, x: float) -> int:
        """The context at a place on the widget."""
        handle = theme.px(_HANDLE)
        return self._scale.tokens((x - handle) / max(self.width() - 2 * handle, 1))

    @property
    def _is_all_fit(self) -> bool:
        """Whether memory allows the whole trained context; then the largest one is no limit of memory."""
        return self._trained is not None and self._largest is not None and self._largest >= self._trained

    def _marks(self) -> dict[str, tuple[str, int]]:
        marks = {}
        if self._largest is not None and not self._is_all_fit:
            text = self.tr("largest here {tokens}").format(tokens=format_tokens(self._largest))
            marks["largest"] = (text, self._largest)
        if self._trained is not None:
            words = (
                self.tr("trained {tokens}, fits here") if self._is_all_fit else self.tr("trained {tokens}")
            )
            text = words.format(tokens=format_tokens(self._trained))
            marks["trained"] = (text, self._trained)
        return marks

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw track, marks and handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, x = self.height() / 2, self.x_of(self.value())
        is_limit = self._largest is not None and not self._is_all_fit
        is_over = is_limit and self._largest is not None and self.value() > self._largest
        active = theme.colour("bad" if is_over else "accent") if self.isEnabled() else theme.colour("muted")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("line"))
        handle, track = theme.px(_HANDLE), theme.px(_TRACK)
        whole = QRectF(0, middle - track / 2, self.width(), track)
        painter.drawRoundedRect(whole, track / 2, track / 2)
        painter.setBrush(active)
        painter.drawRoundedRect(QRectF(0, whole.top(), x, track), track / 2, track / 2)
        self._paint_marks(painter, middle)
        painter.setBrush(theme.colour("panel"))
        painter.setPen(QPen(active, 2))
        painter.drawEllipse(QPointF(x, middle), handle - 1, handle - 1)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent", 0.35), 3))
            painter.drawEllipse(QPointF(x, middle), handle + 1.5, handle + 1.5)

    def _paint_marks(self, painter: QPainter, middle: float) -> None:
        font = theme.current().font(TextSize.NOTE, figures=True)
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        for name, (text, tokens) in self._marks().items():
            x, width = self.x_of(tokens), metrics.horizontalAdvance(text)
            left = min(max(x - width / 2, 0), self.width() - width)
            is_above = name == "largest"
            painter.setPen(QPen(theme.colour("muted"), 1))
            away = -1 if is_above else 1
            start = middle + away * (theme.px(_TRACK) / 2 + 2)
            painter.drawLine(QPointF(x, start), QPointF(x, start + away * theme.px(_TICK)))
            baseline = metrics.ascent() if is_above else self.height() - metrics.descent()
            painter.drawText(QPointF(left, baseline), text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle to where the pointer is."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(self._attracted(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        if self.isSliderDown():
            self.setValue(self._attracted(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self.setSliderDown(False)

    def _attracted(self, x: float) -> int:
        """The context at a place; the marks draw the handle within a few pixels."""
        for _, tokens in self._marks().values():
            if tokens <= self.maximum() and abs(self.x_of(tokens) - x) <= 3:
                return tokens // STEP_TOKENS * STEP_TOKENS
        return self.tokens_at(x)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step by 256 tokens, by 4,096 with the page keys; stay on multiples of 256."""
        super().keyPressEvent(event)
        if self.value() != self.maximum():
            self.setValue(snap(self.value()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the desk's scrolling unless the slider has the focus."""
        if not self.hasFocus():
            event.ignore()
            return
        steps = event.angleDelta().y() // 40
        self.setValue(snap(self.value() + steps * STEP_TOKENS))
        event.accept()

    def changeEvent(self, event: QEvent) -> None:
        """Take the new theme's colours."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.EnabledChange):
            self.update()
        super().changeEvent(event)
