"""Draws a row of the list of conversations, and its field while it is renamed."""

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from kvdesk.gui import theme
from kvdesk.gui.chat_items import CHAT_ROLE, EXCERPT_ROLE, FOLDER_ROLE, OPEN_ROLE, Index, short_tokens
from kvdesk.gui.message_rows import paint_chevron
from kvdesk.gui.theme import Radius, Space, TextSize

_ROW, _HEADING = 34, 34
_ROW_WITH_EXCERPT = 52
_MARGIN = 2


class ChatDelegate(QStyledItemDelegate):
    """Title on the left, elided; tokens on the right; the open conversation tinted."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        if index.data(CHAT_ROLE) is None:
            return QSize(100, theme.px(_HEADING))
        return QSize(100, theme.px(_ROW_WITH_EXCERPT if index.data(EXCERPT_ROLE) else _ROW))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect: QRect = option.rect
        text = rect.adjusted(Space.SMALL, 0, -Space.SMALL, 0)
        if index.data(CHAT_ROLE) is None:
            painter.setFont(theme.current().font(TextSize.NOTE))
            painter.setPen(theme.colour("muted"))
            is_open = index.data(FOLDER_ROLE)
            if is_open is not None:
                self._paint_folder(painter, option, text, str(index.data()), is_open=is_open)
            else:
                low = text.adjusted(0, 0, 0, -Space.TINY)
                painter.drawText(low, Qt.AlignmentFlag.AlignBottom, str(index.data()))
        else:
            self._paint_chat(painter, option, index, text)
        painter.restore()

    def _paint_chat(self, painter: QPainter, option: QStyleOptionViewItem, index: Index, text: QRect) -> None:
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        is_open = bool(index.data(OPEN_ROLE))
        ground = "accent_tint" if is_open else "hover" if state & QStyle.StateFlag.State_MouseOver else None
        box = QRectF(rect).adjusted(0.5, _MARGIN - 0.5, -0.5, -_MARGIN + 0.5)
        painter.setPen(Qt.PenStyle.NoPen)
        if ground is not None:
            painter.setBrush(theme.colour(ground))
            painter.drawRoundedRect(box, Radius.CONTROL, Radius.CONTROL)
        if state & QStyle.StateFlag.State_HasFocus and state & QStyle.StateFlag.State_KeyboardFocusChange:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.colour("accent"))
            painter.drawRoundedRect(box, Radius.CONTROL, Radius.CONTROL)
        if excerpt := index.data(EXCERPT_ROLE):
            self._paint_excerpt(painter, text, excerpt)
            text = text.adjusted(0, 0, 0, theme.px(_ROW - _ROW_WITH_EXCERPT))
        tokens = short_tokens(index.data(CHAT_ROLE).tokens)
        font = theme.current().font(TextSize.NOTE, figures=True)
        painter.setFont(font)
        painter.setPen(theme.colour("muted"))
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, tokens)
        room = text.width() - (QFontMetrics(font).horizontalAdvance(tokens) + Space.SMALL if tokens else 0)
        font = theme.current().font(TextSize.TEXT)
        painter.setFont(font)
        painter.setPen(theme.colour("accent" if is_open else "text"))
        title = QFontMetrics(font).elidedText(str(index.data()), Qt.TextElideMode.ElideRight, room)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, title)

    @staticmethod
    def _paint_folder(
        painter: QPainter, option: QStyleOptionViewItem, text: QRect, name: str, *, is_open: bool
    ) -> None:
        state: QStyle.StateFlag = option.state
        has_focus = state & QStyle.StateFlag.State_HasFocus
        if has_focus and state & QStyle.StateFlag.State_KeyboardFocusChange:
            box = QRectF(option.rect).adjusted(0.5, _MARGIN - 0.5, -0.5, -_MARGIN + 0.5)
            painter.setPen(theme.colour("accent"))
            painter.drawRoundedRect(box, Radius.CONTROL, Radius.CONTROL)
        font = theme.current().font(TextSize.TABLE, bold=True)
        painter.setFont(font)
        painter.setPen(theme.colour("text"))
        room = text.adjusted(0, 0, -Space.LARGE, 0)
        shown = QFontMetrics(font).elidedText(name, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.setPen(theme.colour("muted"))
        paint_chevron(painter, QPointF(text.right() - 6, text.center().y() + 0.5), is_open)

    @staticmethod
    def _paint_excerpt(painter: QPainter, text: QRect, excerpt: str) -> None:
        font = theme.current().font(TextSize.NOTE)
        painter.setFont(font)
        painter.setPen(theme.colour("muted"))
        shown = QFontMetrics(font).elidedText(excerpt, Qt.TextElideMode.ElideRight, text.width())
        low = text.adjusted(0, 0, 0, -Space.SMALL)
        painter.drawText(low, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, shown)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        field = QLineEdit(parent)
        field.setAccessibleName(self.tr("Title"))
        field.setFont(theme.current().font(TextSize.TEXT))
        field.setMaxLength(200)
        return field

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        rect: QRect = option.rect
        editor.setGeometry(rect.adjusted(0, _MARGIN, 0, -_MARGIN))
