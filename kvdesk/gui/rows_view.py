"""A column of rows that is scrolled, selected in and copied from; it knows nothing of conversations."""

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import (
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
from kvdesk.gui.jump_button import JumpButton
from kvdesk.gui.row_marks import Place, RowMarks
from kvdesk.gui.row_stack import RowStack
from kvdesk.gui.rows import Row
from kvdesk.gui.selection import Selection, TextPoint, selected_text

_HIGHLIGHT_S = 0.003  # of each pass, so that a long listing never costs a frame
_COPIED_MS = 1200
COPY_MARKDOWN = Qt.Modifier.CTRL | Qt.Modifier.SHIFT | Qt.Key.Key_C


class RowsView(QAbstractScrollArea):
    """Shows the rows of a `RowStack`. The methods under "for subclasses" say what happens to them."""

    grows = True  # at its end, which a button leads back to

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self._lexers = Lexers()
        self._style = Style(theme.current(), self._lexers)
        self._left, self._width = column_of(self.width())
        self._stack = RowStack(self._style, self._width)
        self._is_settling = False
        self._selection: Selection | None = None
        self._is_selecting = False
        self.jump_button = JumpButton(self.viewport())
        self.jump_button.clicked.connect(self.jump_to_latest)
        self._highlighting = QTimer(self)
        self._highlighting.setInterval(16)
        self._highlighting.timeout.connect(self._highlight)
        self._copied: CodeView | None = None  # the listing that says so
        self._forgetting_copied = QTimer(self)
        self._forgetting_copied.setSingleShot(True)
        self._forgetting_copied.setInterval(_COPIED_MS)
        self._forgetting_copied.timeout.connect(self._forget_copied)
        self._dragging = QTimer(self)
        self._dragging.setInterval(30)
        self._dragging.timeout.connect(self._drag_on)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        theme.current().changed.connect(self._restyle)

    # ------------------------------------------------------------------------------------ for subclasses

    def messages_of_rows(self) -> dict[int, str]:
        """Return the Markdown of each message by its id, for copying those that lie inside a selection."""
        return {}

    def marks_of(self, row: Row, selected: tuple[Place, Place] | None) -> RowMarks:
        """Return what is marked in a row, part of which may be selected."""
        return RowMarks(selected)

    def hovered(self, index: int) -> None:
        """The mouse is over a row."""

    def row_clicked(self, row: Row) -> bool:
        """A row was clicked; True when it took the click."""
        return False

    def link_clicked(self, address: str, event: QMouseEvent) -> None:
        """A link was clicked."""

    def placed(self) -> None:
        """The rows have found their places."""

    # ------------------------------------------------------------------------------------------- looking

    @property
    def rows(self) -> list[Row]:
        """The rows that are shown."""
        return self._stack.rows

    @property
    def column_width(self) -> int:
        """The width of the column, in pixels."""
        return self._width

    @property
    def style_of_text(self) -> Style:
        """Fonts and colours of the text."""
        return self._style

    @property
    def follows(self) -> bool:
        """Whether the view keeps to the latest text."""
        return self._stack.follows

    def rows_in_view(self) -> tuple[int, int]:
        """Return the first row in view and the one after the last."""
        return self._stack.range_in_view()

    def top_of(self, index: int) -> float:
        """Return where a row begins, from the top of the viewport."""
        return self._stack.top_of(index)

    def show_place(self, index: int, block: int, position: int) -> None:
        """Bring a place of a row into view, laid out or not; nothing moves when it is there already."""
        row = self.rows[index]
        self._stack.lay_out(row)
        into = row.top_gap
        views = row.views()
        if block < len(views):
            view, corner = views[block]
            into = corner.y() + view.top_of(position)
        first, last = self._stack.range_in_view()
        y = self._stack.top_of(index) + into
        if not (first <= index < last and 0 <= y < self._stack.height - 2 * self._style.pitch):
            self._stack.show_row(index, into)
        self._stack.remeasure(index)
        self.settle()

    @property
    def reading_place(self) -> tuple[int, float] | None:
        """Where the reader is, for another view of the same rows; None at the end, which is followed."""
        return self._stack.reading_place

    def read_on(self, place: tuple[int, float] | None) -> None:
        """Take up a `reading_place`."""
        if place is not None:
            self._stack.read_on(place)
            self.settle()

    def jump_to_latest(self) -> None:
        """Go to the end and stay there."""
        self._stack.follows = True
        self.settle()

    # ------------------------------------------------------------------------------------------ geometry

    def settle(self) -> None:
        """Lay out what is in view, correct what had been estimated, and repaint."""
        self._is_settling = True
        self._stack.height = self.viewport().height()
        self._stack.settle()
        self._show_scroll()
        self._is_settling = False
        self.jump_button.place(self.viewport().rect())
        self.placed()
        if any(isinstance(view, CodeView) for view in self._stack.views_in_view()):
            self._highlighting.start()
        self.viewport().update()

    def _show_scroll(self) -> None:
        bar, stack = self.verticalScrollBar(), self._stack
        bar.setRange(0, round(stack.most_offset))
        bar.setPageStep(max(1, stack.height - 40))
        bar.setSingleStep(int(self._style.pitch * 2))
        bar.setValue(round(stack.offset))
        self.jump_button.setVisible(
            self.grows and not stack.follows and stack.offset < stack.most_offset - 60
        )

    def _scrolled(self, value: int) -> None:
        if not self._is_settling:
            self._stack.scroll_to(value)
            self.settle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._left, width = column_of(self.width())
        if width != self._width:
            self._width = width
            self._stack.set_look(self._style, width)
        self.settle()

    def _restyle(self) -> None:
        self._style = Style(theme.current(), self._lexers)
        self._stack.set_look(self._style, self._width)
        self.settle()

    # ----------------------------------------------------------------------------------------- drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        clip = QRectF(event.rect())
        painter.fillRect(clip, self._style.window)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first, last = self._stack.range_in_view()
        for index in range(first, last):
            row = self.rows[index]
            top = round(self._stack.top_of(index))
            if row.is_laid and top <= clip.bottom() and top + row.height >= clip.top():
                selected = self._selection.in_row(index, row) if self._selection else None
                marks = self.marks_of(row, selected)
                row.paint(painter, QPointF(self._left, top), clip, self._style, marks)
        painter.end()

    def _highlight(self) -> None:
        views = [view for view in self._stack.views_in_view() if isinstance(view, CodeView)]
        if not views or all(view.is_highlighted for view in views):
            self._highlighting.stop()
            return
        worked = [view.work(_HIGHLIGHT_S / len(views)) for view in views]
        if any(worked):
            self.viewport().update()

    # -------------------------------------------------------------------------------------------- mouse

    def _row_at(self, point: QPointF) -> tuple[int, QPointF]:
        """Return the row under a point of the viewport, and the point in its coordinates."""
        index = self._stack.index_at(point.y())
        return index, QPointF(point.x() - self._left, point.y() - self._stack.top_of(index))

    def _view_at(self, point: QPointF) -> tuple[BlockView, QPointF] | None:
        index, local = self._row_at(point)
        if not self.rows:
            return None
        return self.rows[index].view_at(local.x(), local.y())

    def _text_point(self, point: QPointF) -> TextPoint:
        index, local = self._row_at(point)
        return (index, *self.rows[index].place_at(local.x(), local.y()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self.rows:
            return
        if self._is_selecting and self._selection is not None:
            self._selection.head = self._text_point(event.position())
            outside = not 0 <= event.position().y() < self.viewport().height()
            if outside != self._dragging.isActive():
                (self._dragging.start if outside else self._dragging.stop)()
            self.viewport().update()
            return
        index, _ = self._row_at(event.position())
        self.viewport().setCursor(self._cursor_at(event.position()))
        self.hovered(index)

    def _cursor_at(self, point: QPointF) -> Qt.CursorShape:
        found = self._view_at(point)
        if found is None:
            is_button = self.rows[self._row_at(point)[0]].is_button
            return Qt.CursorShape.PointingHandCursor if is_button else Qt.CursorShape.ArrowCursor
        view, local = found
        is_link = view.is_copy_button(local.x(), local.y()) or view.link_at(local.x(), local.y())
        return Qt.CursorShape.PointingHandCursor if is_link else Qt.CursorShape.IBeamCursor

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton or not self.rows:
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
        found = self._view_at(event.position())
        if not self.row_clicked(self.rows[self._row_at(event.position())[0]]) and found is not None:
            address = found[0].link_at(found[1].x(), found[1].y())
            if address:
                self.link_clicked(address, event)
        self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        found = self._view_at(event.position()) if self.rows else None
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
            found = self._view_at(event.position()) if self.rows else None
            if found is not None and found[0].scroll_sideways(-sideways / 2):
                self.viewport().update()
            event.accept()
            return
        super().wheelEvent(event)

    # -------------------------------------------------------------------------------- selection and keys

    def drop_stale_selection(self) -> None:
        selection = self._selection
        if selection is not None and max(selection.anchor[0], selection.head[0]) >= len(self.rows):
            self._selection, self._is_selecting = None, False

    @property
    def has_selection(self) -> bool:
        """Whether something is selected."""
        return self._selection is not None and not self._selection.is_empty

    def selected_text(self, *, as_markdown: bool = False) -> str:
        """Return what copying would give."""
        if self._selection is None:
            return ""
        messages, lay_out = self.messages_of_rows(), self._stack.lay_out
        return selected_text(self._selection, self.rows, messages, lay_out, as_markdown=as_markdown)

    def select_all(self) -> None:
        """Select the whole conversation."""
        rows = self.rows
        if rows:
            self._stack.lay_out(rows[-1])
            self._selection = Selection((0, 0, 0), (len(rows) - 1, *rows[-1].end_place()))
            self.viewport().update()

    def copy(self, *, as_markdown: bool = False) -> None:
        """Copy what is selected."""
        text = self.selected_text(as_markdown=as_markdown)
        if text:
            QApplication.clipboard().setText(text)

    def _copy_code(self, view: BlockView) -> None:
        if isinstance(view, CodeView):
            QApplication.clipboard().setText(view.code)
            self._forget_copied()
            view.is_copied = True
            self._copied = view
            self._forgetting_copied.start()
            self.viewport().update()

    def _forget_copied(self) -> None:
        if self._copied is not None:
            self._copied.is_copied = False
        self._copied = None
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
        elif event.keyCombination() == COPY_MARKDOWN:
            self.copy(as_markdown=True)
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
