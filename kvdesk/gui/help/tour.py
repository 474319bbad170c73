"""Shows a newcomer around in a few steps, each beside what it is about; it ends in a chat."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.theme import Radius, Space, TextSize

_CARD_WIDTH = 320
_RING, _AROUND = 3, 6  # the frame's width, its distance from what it is around


@dataclass(frozen=True, slots=True)
class Step:
    """What is said beside a widget."""

    anchor: QWidget
    title: str
    text: str


class _Ring(QWidget):
    """A frame around what is spoken of; it takes no clicks."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frame in the accent's colour."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.colour("accent"), _RING))
        inset = _RING // 2 + 1
        painter.drawRoundedRect(
            self.rect().adjusted(inset, inset, -inset, -inset), Radius.CONTROL, Radius.CONTROL
        )


class Tour(QFrame):
    """A card on the window. `ended(True)` when the last step was taken, False when it was skipped."""

    ended = Signal(bool)

    def __init__(self, window: QWidget, steps: Sequence[Step]) -> None:
        super().__init__(window)
        theme.dress(self)
        self._window = window
        self._steps = [step for step in steps if step.anchor.isVisibleTo(window)]
        self.place = 0
        self.setProperty("surface", "card")
        self.setFixedWidth(theme.px(_CARD_WIDTH))
        self._ring = _Ring(window)
        self._title = text_label("", size=TextSize.TITLE, bold=True, wrap=True)
        self._text = text_label("", wrap=True)
        self._count = text_label("", "muted", TextSize.TABLE, figures=True)
        self.skip_button = push_button(self.tr("Skip"), "plain")
        self.back_button = push_button(self.tr("Back"))
        self.next_button = push_button(self.tr("Next"), "primary")
        self.skip_button.clicked.connect(lambda: self.end(was_finished=False))
        self.back_button.clicked.connect(lambda: self._go(-1))
        self.next_button.clicked.connect(lambda: self._go(1))
        buttons = QHBoxLayout()
        buttons.addWidget(self._count, 1)
        for button in (self.skip_button, self.back_button, self.next_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.LARGE, Space.MEDIUM, Space.LARGE, Space.MEDIUM)
        column.setSpacing(Space.SMALL)
        for part in (self._title, self._text):
            column.addWidget(part)
        column.addLayout(buttons)
        for watched in (window, *(step.anchor for step in self._steps)):
            watched.installEventFilter(self)

    def start(self) -> None:
        """Show the first step."""
        self._show_step()
        self.show()
        self.next_button.setFocus()

    def end(self, *, was_finished: bool) -> None:
        """Take the card away."""
        for watched in (self._window, *(step.anchor for step in self._steps)):
            watched.removeEventFilter(self)
        for part in (self, self._ring):
            part.hide()
            part.deleteLater()
        self.ended.emit(was_finished)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay beside the widget when that or the window changes its size."""
        if event.type() == QEvent.Type.Resize:
            self._place_card()
        return False

    def _go(self, by: int) -> None:
        self.place += by
        if self.place >= len(self._steps):
            self.end(was_finished=True)
        else:
            self._show_step()

    def _show_step(self) -> None:
        step, is_last = self._steps[self.place], self.place == len(self._steps) - 1
        self._title.setText(step.title)
        self._text.setText(step.text)
        self._count.setText(f"{self.place + 1} / {len(self._steps)}")
        self.setAccessibleName(step.title)
        self.setAccessibleDescription(step.text)
        self.back_button.setVisible(self.place > 0)
        self.skip_button.setVisible(not is_last)
        label = self.tr("Chat with the demo") if is_last else self.tr("Next")
        self.next_button.setText(label)
        self.next_button.setAccessibleName(label)
        self._place_card()

    def _place_card(self) -> None:
        """Beside the anchor, where there is room: left, right, above, else below it."""
        window, anchor = self._window, self._steps[min(self.place, len(self._steps) - 1)].anchor
        target = QRect(anchor.mapTo(window, QPoint(0, 0)), anchor.size()).intersected(window.rect())
        around = target.adjusted(-_AROUND, -_AROUND, _AROUND, _AROUND)
        self._ring.setGeometry(around.intersected(window.rect()))
        self._ring.show()
        self._ring.raise_()
        self.resize(self.width(), self.heightForWidth(self.width()))
        room, gap = window.rect().adjusted(Space.SMALL, Space.SMALL, -Space.SMALL, -Space.SMALL), Space.MEDIUM
        middle = target.center().y() - self.height() // 2
        corners = (
            QPoint(target.left() - gap - self.width(), middle),
            QPoint(target.right() + gap, middle),
            QPoint(target.center().x() - self.width() // 2, target.top() - gap - self.height()),
            QPoint(target.center().x() - self.width() // 2, target.bottom() + gap),
        )
        fits = (
            corner
            for corner in corners
            if room.left() <= corner.x() <= room.right() - self.width()
            or room.top() <= corner.y() <= room.bottom() - self.height()
        )
        corner = next((c for c in fits if not QRect(c, self.size()).intersects(target)), corners[2])
        corner.setX(max(room.left(), min(corner.x(), room.right() - self.width())))
        corner.setY(max(room.top(), min(corner.y(), room.bottom() - self.height())))
        self.move(corner)
        self.raise_()
