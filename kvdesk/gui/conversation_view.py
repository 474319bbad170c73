"""The conversation as it is read: draws the rows in view, follows the state, and answers mouse and keys."""

from dataclasses import replace

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QWidget

from kvdesk.gui import theme
from kvdesk.gui.blocks.code import CodeView
from kvdesk.gui.blocks.highlight import Lexers
from kvdesk.gui.blocks.style import Style
from kvdesk.gui.blocks.view import BlockView
from kvdesk.gui.column import column_of
from kvdesk.gui.conversation_menus import Menued, conversation_menu, link_menu
from kvdesk.gui.figures import live_line
from kvdesk.gui.jump_button import JumpButton
from kvdesk.gui.message_actions import MessageActions
from kvdesk.gui.row_stack import RowStack
from kvdesk.gui.rows import FigureRow, ReasoningHead, Row, WidgetRow
from kvdesk.gui.selection import Selection, TextPoint, selected_text
from kvdesk.gui.transcript import Group, Transcript
from kvdesk.session.state import DeskState

_HIGHLIGHT_S = 0.003  # of each pass, so that a long listing never costs a frame
_COPIED_MS = 1200


class ConversationView(QAbstractScrollArea):
    """Draws the open conversation of a `DeskState`; emits what the user wants done."""

    regenerateWanted = Signal()
    editWanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Conversation"))
        self._transcript = Transcript()
        self._lexers = Lexers()
        self._style = Style(theme.current(), self._lexers)
        self._left, self._width = column_of(self.width())
        self._stack = RowStack(self._style, self._width)
        self._is_settling = False
        self._selection: Selection | None = None
        self._is_selecting = False
        self._hovered_head: ReasoningHead | None = None
        self._notice: QWidget | None = None
        self.jump_button = JumpButton(self)
        self.jump_button.clicked.connect(self.jump_to_latest)
        self.message_actions = MessageActions(self.viewport())
        self.message_actions.copyWanted.connect(self._copy_message)
        self.message_actions.regenerateWanted.connect(self.regenerateWanted)
        self.message_actions.editWanted.connect(self.editWanted)
        self._highlighting = QTimer(self)
        self._highlighting.setInterval(16)
        self._highlighting.timeout.connect(self._highlight)
        self._dragging = QTimer(self)
        self._dragging.setInterval(30)
        self._dragging.timeout.connect(self._drag_on)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        theme.current().changed.connect(self._restyle)

    # ------------------------------------------------------------------------------------------- state

    @property
    def transcript(self) -> Transcript:
        """The rows that are shown."""
        return self._transcript

    @property
    def column_width(self) -> int:
        """The width of the column, in pixels."""
        return self._width

    @property
    def style_of_text(self) -> Style:
        """Fonts and colours of the text."""
        return self._style

    def rows_in_view(self) -> tuple[int, int]:
        """Return the first row in view and the one after the last."""
        return self._stack.range_in_view()

    def top_of(self, index: int) -> float:
        """Return where a row begins, from the top of the viewport."""
        return self._stack.top_of(index)

    @property
    def follows(self) -> bool:
        """Whether the view keeps to the latest text."""
        return self._stack.follows

    def show_state(self, state: DeskState) -> None:
        """Draw the open conversation; costs what has changed."""
        transcript = self._transcript
        settled, count = transcript.settled, len(transcript.groups)
        had_live = transcript.live is not None
        is_other = transcript.show(state.chat, state.streaming)
        if transcript.live is not None and state.streaming is not None:
            transcript.live.figures.text = live_line(state.engine, state.streaming)
            transcript.live.figures.release()
        is_sent = count < len(transcript.groups) and not had_live
        if is_other:
            self._selection = None
        if is_other or is_sent:
            self._stack.follows = True
        self._take_rows(settled)
        self._drop_stale_selection()
        self._settle()
        if len(transcript.groups) != count:
            self._describe()
            self._show_actions_for_keyboard()

    def set_notice(self, notice: QWidget | None) -> None:
        """Show a widget after the last message; the view owns it until the next call."""
        if notice is self._notice:
            return
        if self._notice is not None:
            self._notice.hide()
            self._notice.deleteLater()
        self._notice = notice
        row = None
        if notice is not None:
            notice.setParent(self.viewport())
            notice.show()
            row = WidgetRow(notice)
        settled = self._transcript.settled
        self._transcript.set_notice(row)
        self._take_rows(settled)
        self._settle()

    def jump_to_latest(self) -> None:
        """Go to the end and stay there."""
        self._stack.follows = True
        self._settle()

    # ---------------------------------------------------------------------------------------- geometry

    def _take_rows(self, settled_before: list[Row]) -> None:
        settled = self._transcript.settled
        kept = len(settled) if settled is settled_before else 0
        self._stack.set_rows(self._transcript.rows, kept)

    def _settle(self) -> None:
        """Lay out what is in view, correct what had been estimated, and repaint."""
        self._is_settling = True
        self._stack.height = self.viewport().height()
        self._stack.settle()
        self._show_scroll()
        self._is_settling = False
        self._place_children()
        if any(isinstance(view, CodeView) for view in self._stack.views_in_view()):
            self._highlighting.start()
        self.viewport().update()

    def _show_scroll(self) -> None:
        bar, stack = self.verticalScrollBar(), self._stack
        bar.setRange(0, round(stack.most_offset))
        bar.setPageStep(max(1, stack.height - 40))
        bar.setSingleStep(int(self._style.pitch * 2))
        bar.setValue(round(stack.offset))
        self.jump_button.setVisible(not stack.follows and stack.offset < stack.most_offset - 60)

    def _scrolled(self, value: int) -> None:
        if not self._is_settling:
            self._stack.scroll_to(value)
            self._settle()

    def _place_children(self) -> None:
        rows = self._transcript.rows
        if rows and isinstance(rows[-1], WidgetRow):
            row = rows[-1]
            y = round(self._stack.top_of(len(rows) - 1) + row.top_gap)
            row.widget.setGeometry(self._left, y, self._width, round(row.height - row.top_gap))
        self.jump_button.place(self.viewport().geometry())
        self._place_actions()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._left, width = column_of(self.width())
        if width != self._width:
            self._width = width
            self._stack.set_look(self._style, width)
        self._settle()

    def _restyle(self) -> None:
        self._style = Style(theme.current(), self._lexers)
        self._stack.set_look(self._style, self._width)
        self._settle()

    # ----------------------------------------------------------------------------------------- drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        clip = QRectF(event.rect())
        painter.fillRect(clip, self._style.window)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first, last = self._stack.range_in_view()
        for index in range(first, last):
            row = self._transcript.rows[index]
            top = round(self._stack.top_of(index))
            if row.is_laid and top <= clip.bottom() and top + row.height >= clip.top():
                selected = self._selection.in_row(index, row) if self._selection else None
                row.paint(painter, QPointF(self._left, top), clip, self._style, selected)
        painter.end()

    def _highlight(self) -> None:
        views = [view for view in self._stack.views_in_view() if isinstance(view, CodeView)]
        if not views or all(view.is_highlighted for view in views):
            self._highlighting.stop()
            return
        worked = [view.work(_HIGHLIGHT_S / len(views)) for view in views]
        if any(worked):
            self.viewport().update()

    # ----------------------------------------------------------------------------------------- actions

    def _group_at(self, index: int) -> Group | None:
        if not 0 <= index < len(self._transcript.rows):
            return None
        message_id = self._transcript.rows[index].message_id
        return next((g for g in reversed(self._transcript.groups) if g.message.id == message_id), None)

    def _place_actions(self) -> None:
        group = self.message_actions.group
        if group is None:
            return
        row = group.rows[-1]
        if group not in self._transcript.groups or not isinstance(row, FigureRow):
            self.message_actions.show_for(None)
            return
        index = self._transcript.rows.index(row)
        top = self._stack.top_of(index) + row.top_gap
        size = self.message_actions.sizeHint()
        right = self._left + self._width
        self.message_actions.setGeometry(QRect(QPoint(right - size.width(), round(top) - 2), size))

    def _show_actions(self, group: Group | None) -> None:
        if self.message_actions.has_focus():
            return
        groups = self._transcript.groups
        is_idle = self._transcript.live is None
        last_user = next((g for g in reversed(groups) if g.message.role == "user"), None)
        self.message_actions.show_for(
            group,
            can_regenerate=is_idle
            and bool(groups)
            and group is groups[-1]
            and group.message.role == "assistant",
            can_edit=is_idle and group is not None and group is last_user,
        )
        self._place_actions()

    def _show_actions_for_keyboard(self) -> None:
        """While the view has the keyboard, the last message's actions are the next stop of Tab."""
        if self.hasFocus() and self._transcript.groups:
            self._show_actions(self._transcript.groups[-1])

    def _copy_message(self) -> None:
        if self.message_actions.group is not None:
            QApplication.clipboard().setText(self.message_actions.group.message.content)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._show_actions_for_keyboard()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._show_actions(None)
        self._show_actions_for_keyboard()

    # ------------------------------------------------------------------------------------------- mouse

    def _row_at(self, point: QPointF) -> tuple[int, QPointF]:
        """Return the row under a point of the viewport, and the point in its coordinates."""
        index = self._stack.index_at(point.y())
        return index, QPointF(point.x() - self._left, point.y() - self._stack.top_of(index))

    def _view_at(self, point: QPointF) -> tuple[BlockView, QPointF] | None:
        index, local = self._row_at(point)
        if not self._transcript.rows:
            return None
        return self._transcript.rows[index].view_at(local.x(), local.y())

    def _text_point(self, point: QPointF) -> TextPoint:
        index, local = self._row_at(point)
        return (index, *self._transcript.rows[index].place_at(local.x(), local.y()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._transcript.rows:
            return
        if self._is_selecting and self._selection is not None:
            self._selection.head = self._text_point(event.position())
            outside = not 0 <= event.position().y() < self.viewport().height()
            if outside != self._dragging.isActive():
                (self._dragging.start if outside else self._dragging.stop)()
            self.viewport().update()
            return
        self._hover(event.position())

    def _hover(self, point: QPointF) -> None:
        index, _ = self._row_at(point)
        row = self._transcript.rows[index]
        head = row if isinstance(row, ReasoningHead) else None
        if head is not self._hovered_head:
            for each in (head, self._hovered_head):
                if each is not None:
                    each.is_hovered = each is head
            self._hovered_head = head
            self.viewport().update()
        self._show_actions(self._group_at(index))
        self.viewport().setCursor(self._cursor_at(point, head))

    def _cursor_at(self, point: QPointF, head: ReasoningHead | None) -> Qt.CursorShape:
        found = self._view_at(point)
        if head is not None:
            return Qt.CursorShape.PointingHandCursor
        if found is None:
            return Qt.CursorShape.ArrowCursor
        view, local = found
        is_button = view.is_copy_button(local.x(), local.y()) or view.link_at(local.x(), local.y())
        return Qt.CursorShape.PointingHandCursor if is_button else Qt.CursorShape.IBeamCursor

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton or not self._transcript.rows:
            return
        found = self._view_at(event.position())
        if found is not None and found[0].is_copy_button(found[1].x(), found[1].y()):
            self._copy_code(found[0])
            return
        point = self._text_point(event.position())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self._selection is not None:
            self._selection.head = point
        else:
            self._selection = Selection(point, point)
        self._is_selecting = True
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        was_selecting, self._is_selecting = self._is_selecting, False
        self._dragging.stop()
        if not was_selecting or self._selection is None or not self._selection.is_empty:
            return
        self._selection = None
        index, _ = self._row_at(event.position())
        row = self._transcript.rows[index]
        found = self._view_at(event.position())
        if isinstance(row, ReasoningHead):
            self.fold(row)
        elif found is not None and (address := found[0].link_at(found[1].x(), found[1].y())):
            link_menu(self, address).popup(event.globalPosition().toPoint())
        self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        found = self._view_at(event.position()) if self._transcript.rows else None
        if found is None:
            return
        view = found[0]
        index, block, position = self._text_point(event.position())
        self._selection = Selection.of_word(index, block, view.text, position)
        self.viewport().update()

    def _drag_on(self) -> None:
        """Scroll while the mouse, with text being selected, is above or below the view."""
        point = QPointF(self.viewport().mapFromGlobal(self.cursor().pos()))
        beyond = point.y() if point.y() < 0 else point.y() - self.viewport().height()
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + round(beyond / 2))
        if self._selection is not None:
            self._selection.head = self._text_point(point)
        self.viewport().update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        sideways = delta.x() or (delta.y() if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0)
        if sideways and abs(sideways) >= abs(delta.y() if delta.x() else 0):
            found = self._view_at(event.position()) if self._transcript.rows else None
            if found is not None and found[0].scroll_sideways(-sideways / 2):
                self.viewport().update()
            event.accept()
            return
        super().wheelEvent(event)

    def fold(self, head: ReasoningHead) -> None:
        """Fold or unfold reasoning, holding what is read in place."""
        settled = self._transcript.settled
        self._stack.scroll_to(self._stack.offset)
        self._stack.follows = False
        self._transcript.fold(head)
        self._selection = None
        self._take_rows(settled)
        self._settle()

    # ---------------------------------------------------------------------------- selection, keys, menu

    def _drop_stale_selection(self) -> None:
        selection = self._selection
        if selection is not None and max(selection.anchor[0], selection.head[0]) >= len(
            self._transcript.rows
        ):
            self._selection, self._is_selecting = None, False

    @property
    def has_selection(self) -> bool:
        """Whether something is selected."""
        return self._selection is not None and not self._selection.is_empty

    def selected_text(self) -> str:
        """Return what copying would give."""
        if self._selection is None:
            return ""
        return selected_text(self._selection, self._transcript, self._stack.lay_out)

    def select_all(self) -> None:
        """Select the whole conversation."""
        rows = self._transcript.rows
        if rows:
            self._stack.lay_out(rows[-1])
            self._selection = Selection((0, 0, 0), (len(rows) - 1, *rows[-1].end_place()))
            self.viewport().update()

    def copy(self) -> None:
        """Copy what is selected."""
        text = self.selected_text()
        if text:
            QApplication.clipboard().setText(text)

    def _copy_code(self, view: BlockView) -> None:
        if isinstance(view, CodeView):
            QApplication.clipboard().setText(view.code)
            view.is_copied = True
            QTimer.singleShot(_COPIED_MS, self, lambda: self._forget_copied(view))
            self.viewport().update()

    def _forget_copied(self, view: CodeView) -> None:
        view.is_copied = False
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self.verticalScrollBar()
        page = bar.pageStep()
        moves = {
            Qt.Key.Key_Up: -bar.singleStep(),
            Qt.Key.Key_Down: bar.singleStep(),
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Space: page,
            Qt.Key.Key_Home: -bar.maximum(),
            Qt.Key.Key_End: bar.maximum(),
        }
        key = Qt.Key(event.key())
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif key is Qt.Key.Key_End:
            self.jump_to_latest()
        elif key in moves:
            bar.setValue(bar.value() + moves[key])
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 40.0 if key is Qt.Key.Key_Right else -40.0
            moved = [view.scroll_sideways(step) for view in self._stack.views_in_view()]
            if any(moved):
                self.viewport().update()
        elif key is Qt.Key.Key_Escape and self._selection is not None:
            self._selection = None
            self.viewport().update()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        point = QPointF(self.viewport().mapFrom(self, event.pos()))
        about = Menued(self.has_selection, self.copy, self.select_all)
        if self._transcript.rows:
            group = self._group_at(self._row_at(point)[0])
            found = self._view_at(point)
            view, local = found if found is not None else (None, QPointF())
            about = replace(
                about,
                message=group.message.content if group is not None else None,
                code=view.code if isinstance(view, CodeView) else None,
                address=view.link_at(local.x(), local.y()) if view is not None else "",
            )
        conversation_menu(self, about).popup(event.globalPos())

    # ------------------------------------------------------------------------------------ accessibility

    def _describe(self) -> None:
        """Give screen readers the latest answer, and announce it once when it is complete."""
        groups = self._transcript.groups
        message = groups[-1].message if groups else None
        if message is None or message.role != "assistant":
            return
        self.setAccessibleDescription(message.content[:4000])
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, message.content))
