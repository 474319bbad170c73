"""Texts attached to a message, in the conversation: a line each, which unfolds."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from kvdesk.gui.blocks.style import Style
from kvdesk.gui.figures import attachment_line
from kvdesk.gui.message_rows import BubbleRow, ReasoningHead, paint_chevron
from kvdesk.gui.row_marks import RowMarks
from kvdesk.gui.rows import Row
from kvdesk.session.state import Attachment

_SHARE = 0.8  # of the width, as a bubble's


class AttachmentHead(ReasoningHead):
    """The name of an attached text and its tokens, at the right above what the user wrote."""

    def __init__(self, message_id: int, attachment: Attachment, top_gap: float) -> None:
        super().__init__(message_id, attachment_line(attachment), top_gap)
        self.attachment = attachment

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, marks: RowMarks) -> None:
        metrics = QFontMetricsF(style.figures)
        room = self.laid_width * _SHARE - 48
        caption = metrics.elidedText(self.caption, Qt.TextElideMode.ElideMiddle, room)
        width = metrics.horizontalAdvance(caption) + 48
        box = QRectF(at.x() + self.laid_width - width, at.y() + self.top_gap, width, style.px(self._HEIGHT))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.bubble)
        painter.drawRoundedRect(box, 12, 12)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setFont(style.figures)
        painter.setPen(style.text if self.is_hovered else style.muted)
        painter.drawText(box.adjusted(16, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, caption)
        paint_chevron(painter, QPointF(box.right() - 18, box.center().y()), self.is_open)


class AttachmentText(BubbleRow):
    """A piece of an unfolded text."""


def attachment_heads(message_id: int, attachments: tuple[Attachment, ...], top_gap: float) -> list[Row]:
    """Return a folded row for each attached text."""
    return [AttachmentHead(message_id, each, 4.0 if at else top_gap) for at, each in enumerate(attachments)]


def toggle(rows: list[Row], head: AttachmentHead, pieces: list[str]) -> list[Row]:
    """Return the rows with the text behind its head, or without it when it was there; `pieces` make it up."""
    head.is_open = not head.is_open
    behind = rows.index(head) + 1
    end = behind
    while end < len(rows) and isinstance(rows[end], AttachmentText):
        end += 1
    last = len(pieces) - 1
    shown: list[Row] = [
        AttachmentText(head.message_id, text, 4.0 if at == 0 else 0.0, is_first=at == 0, is_last=at == last)
        for at, text in enumerate(pieces)
    ]
    return [*rows[:behind], *(shown if head.is_open else ()), *rows[end:]]
