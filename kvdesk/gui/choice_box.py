"""A combo box with its label inside, whose single choices can be ruled out with a reason."""

from collections.abc import Mapping

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPaintEvent, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyledItemDelegate, QStyleOptionComboBox, QStylePainter

from kvdesk.gui import theme
from kvdesk.gui.theme import TextSize

INSET, GAP, _ARROW = 8, 5, 18  # before the label, after it, room for the arrow (at 100 %)
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class ChoiceBox(QComboBox):
    """A combo box with its label inside, before the value; single choices can be ruled out with a reason."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._label = label
        self.setFont(theme.current().font(TextSize.TABLE))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setItemDelegate(QStyledItemDelegate(self))  # the default one ignores the style sheet

    def rule_out(self, reasons: Mapping[str, str]) -> None:
        """Grey the choices that have a reason, and tell it; the others become possible again."""
        items = self.model()
        assert isinstance(items, QStandardItemModel)
        for index in range(self.count()):
            why = reasons.get(self.itemData(index), "")
            item = items.item(index)
            item.setEnabled(not why)
            item.setToolTip(why)
            item.setData(why, Qt.ItemDataRole.AccessibleDescriptionRole)

    def sizeHint(self) -> QSize:
        """Wide enough for the label and the longest choice."""
        metrics = self.fontMetrics()
        texts = (self.itemText(index) for index in range(self.count()))
        longest = max((metrics.horizontalAdvance(text) for text in texts), default=0)
        label = metrics.horizontalAdvance(self._label) + GAP if self._label else 0
        return QSize(INSET + label + longest + 6 + theme.px(_ARROW), theme.px(30))

    def minimumSizeHint(self) -> QSize:
        """Narrower than that, values are elided."""
        return QSize(theme.px(56), theme.px(30))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frame by the style, the label and the value by hand."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = ""
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        area = self.rect().adjusted(INSET, 0, -theme.px(_ARROW), 0)
        width = 0
        if self._label:
            painter.setPen(theme.colour("muted"))
            painter.drawText(area, _LEFT, self._label)
            width = painter.fontMetrics().horizontalAdvance(self._label) + GAP
        painter.setPen(theme.colour("text" if self.isEnabled() else "muted"))
        rest = QRect(area.left() + width, area.top(), area.width() - width, area.height())
        text = painter.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, rest.width())
        painter.drawText(rest, _LEFT, text)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the desk's scrolling: a value must not change in passing."""
        event.ignore()
