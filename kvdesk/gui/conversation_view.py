"""The conversation as it is read: follows the state, offers what can be done with each message."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from kvdesk.gui.blocks.code import CodeView
from kvdesk.gui.conversation_menus import Mark, Menued, conversation_menu
from kvdesk.gui.figures import live_line
from kvdesk.gui.find_bar import FindBar
from kvdesk.gui.finder import Hit
from kvdesk.gui.keys import VERSION_STEPS, is_written, key_of
from kvdesk.gui.link_question import LinkQuestion
from kvdesk.gui.markdown import links_of
from kvdesk.gui.message_actions import MessageActions, sibling_of
from kvdesk.gui.message_rows import FigureRow, ReasoningHead, WidgetRow
from kvdesk.gui.row_marks import Place, RowMarks
from kvdesk.gui.rows import Row
from kvdesk.gui.rows_view import RowsView
from kvdesk.gui.transcript import Group, Transcript
from kvdesk.session.state import DeskState

_MOST_FOUND = 60  # characters of a selection that is taken as what to look for


class ConversationView(RowsView):
    """Draws the open conversation of a `DeskState`; emits what the user wants done."""

    regenerateWanted = Signal()
    editWanted = Signal(int)  # id of the message
    siblingWanted = Signal(int)  # id of the message to show in another one's place
    quoteWanted = Signal(str)  # a text, for the composer
    marked = Signal(str, int)  # what its menu says about a message's place in the context
    typed = Signal(str)  # a character, which is meant for the composer

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Conversation"))
        self._transcript = Transcript()
        self._read_id: int | None = None  # of the message that the keyboard is on
        self._hovered_head: ReasoningHead | None = None
        self._notice: QWidget | None = None
        self._covered: FigureRow | None = None  # by the actions
        # Children of a scroll area itself are not seen by screen readers; those of its viewport are. The bar
        # stands above both: whoever shows the view gives it a place.
        self.find_bar = FindBar(self)
        self.find_bar.hitWanted.connect(self._show_hit)
        self.find_bar.marksChanged.connect(self.viewport().update)
        self.find_bar.closed.connect(self._end_search)
        self.link_question = LinkQuestion(self.viewport())
        self.link_question.closed.connect(self._take_keyboard)
        self.message_actions = MessageActions(self.viewport())
        self.message_actions.copyWanted.connect(self._copy_message)
        self.message_actions.regenerateWanted.connect(self.regenerateWanted)
        self.message_actions.editWanted.connect(self._edit)
        self.message_actions.siblingWanted.connect(self.siblingWanted)

    @property
    def transcript(self) -> Transcript:
        """The messages and their rows."""
        return self._transcript

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
            self._selection = self._read_id = None
            self.link_question.hide()
        if is_other or is_sent:
            self._stack.follows = True
        self._take_rows(settled)
        self.drop_stale_selection()
        self.find_bar.follow(self.rows)
        self.settle()
        if len(transcript.groups) != count:
            self._describe()
        if transcript.settled is not settled:
            self._show_actions(self._in_place_of(self.message_actions.group))  # what can be done may differ
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
        self.settle()

    def fold(self, head: ReasoningHead) -> None:
        """Fold or unfold reasoning, holding what is read in place."""
        settled = self._transcript.settled
        self._stack.scroll_to(self._stack.offset)
        self._stack.follows = False
        self._transcript.fold(head)
        self._selection = None
        self._take_rows(settled)
        self.find_bar.follow(self.rows)
        self.settle()

    def _take_rows(self, settled_before: list[Row]) -> None:
        settled = self._transcript.settled
        kept = len(settled) if settled is settled_before else 0
        self._stack.set_rows(self._transcript.rows, kept)

    # ------------------------------------------------------------------------------- what the rows ask for

    def messages_of_rows(self) -> dict[int, str]:
        return {group.message.id: group.message.content for group in self._transcript.groups}

    def hovered(self, index: int) -> None:
        row = self.rows[index]
        head = row if isinstance(row, ReasoningHead) else None
        if head is not self._hovered_head:
            for each in (head, self._hovered_head):
                if each is not None:
                    each.is_hovered = each is head
            self._hovered_head = head
            self.viewport().update()
        self._show_actions(self._group_at(index))

    def row_clicked(self, row: Row) -> bool:
        if isinstance(row, ReasoningHead):
            self.fold(row)
        return isinstance(row, ReasoningHead)

    def link_clicked(self, address: str, event: QMouseEvent) -> None:
        self.link_question.ask(address)

    def marks_of(self, row: Row, selected: tuple[Place, Place] | None) -> RowMarks:
        return self.find_bar.finder.marks(row, selected)

    def open_search(self) -> None:
        """Open the search, with the selected words if they are few; not where there is nothing to search."""
        if not self.rows:
            return
        words = self.selected_text()
        is_short = 0 < len(words) <= _MOST_FOUND and "\n" not in words
        near_row = self.rows_in_view()[0]
        self.find_bar.begin(self.rows, near_row, words if is_short else "")

    def _end_search(self) -> None:
        self._take_keyboard()

    def _show_hit(self, hit: Hit) -> None:
        self.show_place(hit.row, hit.found.block, hit.found.start)

    def _take_keyboard(self) -> None:
        """Take the keyboard back from what has been closed."""
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def placed(self) -> None:
        if self.rows and isinstance(self.rows[-1], WidgetRow):
            row = self.rows[-1]
            y = round(self.top_of(len(self.rows) - 1) + row.top_gap)
            row.widget.setGeometry(self._left, y, self._width, round(row.height - row.top_gap))
        self._place_actions()
        self.link_question.place(QRect(self._left, 0, self._width, self.viewport().height()))

    def event(self, event: QEvent) -> bool:
        """Esc is the view's as long as it has something to close."""
        is_override = event.type() == QEvent.Type.ShortcutOverride
        if is_override and key_of(event) == Qt.Key.Key_Escape and self._can_close():
            event.accept()
            return True
        return super().event(event)

    def _can_close(self) -> bool:
        cards = (self.find_bar, self.link_question)
        return self.has_selection or not all(card.isHidden() for card in cards)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._fold_nearest()
        elif event.key() == Qt.Key.Key_Escape and not self.link_question.isHidden():
            self.link_question.leave()
        elif event.key() == Qt.Key.Key_Escape and not self.find_bar.isHidden():
            self.find_bar.leave()
        elif event.key() == Qt.Key.Key_F3 and not self.find_bar.isHidden():
            self.find_bar.step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in VERSION_STEPS:
            self._walk(VERSION_STEPS[event.key()])
        elif is_written(event):
            self.typed.emit(event.text())
        else:
            super().keyPressEvent(event)

    def _fold_nearest(self) -> None:
        """Fold or unfold the reasoning of the message that the keyboard is on, else the last in view."""
        group = self._read_group()
        first, last = self.rows_in_view()
        heads = [row for row in self.rows[first:last] if isinstance(row, ReasoningHead)]
        if group is not None:
            heads = [group.head] if group.head is not None else []
        if heads:
            self.fold(heads[-1])

    # ------------------------------------------------------------------------ the keyboard, by messages

    def _read_group(self) -> Group | None:
        """Return the message that the keyboard is on."""
        return next((g for g in self._transcript.groups if g.message.id == self._read_id), None)

    def read(self, step: int) -> None:
        """Go to the next message (1) or the one before (-1): its actions are Tab's next stop."""
        groups = self._transcript.groups
        if not groups:
            return
        now = self._read_group() or self._group_at(self.rows_in_view()[0])
        at = groups.index(now) if now in groups else len(groups) - 1
        if self._read_group() is not None:
            at = max(0, min(at + step, len(groups) - 1))
        self._read_id = groups[at].message.id
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.show_place(self.rows.index(groups[at].rows[0]), 0, 0)
        self._show_actions(groups[at])
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, groups[at].message.content))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        group = self._read_group()
        if group is None or not (self.hasFocus() or self.message_actions.has_focus()):
            return
        first, last = self.rows.index(group.rows[0]), self.rows.index(group.rows[-1])
        top = self.top_of(first) + group.rows[0].top_gap
        bottom = self.top_of(last) + group.rows[last - first].height
        painter = QPainter(self.viewport())
        bar = QRectF(max(0, self._left - 14), top, 3, bottom - top)
        painter.fillRect(bar, self.style_of_text.accent)
        painter.end()

    # -------------------------------------------------------------------------------------------- actions

    def _group_at(self, index: int) -> Group | None:
        if not 0 <= index < len(self.rows):
            return None
        message_id = self.rows[index].message_id
        return next((g for g in reversed(self._transcript.groups) if g.message.id == message_id), None)

    def _in_place_of(self, group: Group | None) -> Group | None:
        """The message that is shown now where one was that gave way to its sibling."""
        if group is None or group in self._transcript.groups:
            return group
        siblings = group.message.siblings
        return next((g for g in self._transcript.groups if siblings and g.message.siblings == siblings), None)

    def show_message(self, message_id: int) -> None:
        """Bring the beginning of a message into view."""
        index = next((at for at, row in enumerate(self.rows) if row.message_id == message_id), None)
        if index is not None:
            self.show_place(index, 0, 0)

    def _walk(self, step: int) -> None:
        """Show another version of the message whose actions are shown, else of the last that has any."""
        group = self.message_actions.group
        if group is None or not group.message.siblings:
            group = next((g for g in reversed(self._transcript.groups) if g.message.siblings), None)
        message_id = sibling_of(group, step)
        if message_id is not None and self._transcript.live is None:
            self.siblingWanted.emit(message_id)

    def _cover(self, row: FigureRow | None) -> None:
        """Let the actions stand where a question's line says the same."""
        for each, is_covered in ((self._covered, False), (row, row is not None and not row.is_answer)):
            if each is not None and each.is_covered != is_covered:
                each.is_covered = is_covered
                self.viewport().update()
        self._covered = row

    def _place_actions(self) -> None:
        group = self.message_actions.group
        if group is None:
            self._cover(None)
            return
        row = group.rows[-1]
        self._cover(row if isinstance(row, FigureRow) else None)
        if group not in self._transcript.groups or not isinstance(row, FigureRow):
            self.message_actions.show_for(None)
            return
        index = self.rows.index(row)
        top = self.top_of(index) + row.top_gap
        size = self.message_actions.sizeHint()
        right = self._left + self._width
        self.message_actions.setGeometry(QRect(QPoint(right - size.width(), round(top) - 2), size))

    def _show_actions(self, group: Group | None) -> None:
        if self.message_actions.has_focus():
            return
        groups = self._transcript.groups
        is_idle = self._transcript.live is None
        self.message_actions.show_for(
            group,
            can_regenerate=is_idle
            and bool(groups)
            and group is groups[-1]
            and group.message.role == "assistant",
            can_edit=is_idle and group is not None and group.message.role == "user",
            can_walk=is_idle,
        )
        self._place_actions()

    def _show_actions_for_keyboard(self) -> None:
        """While the view has the keyboard, the actions of its message are the next stop of Tab."""
        if self.hasFocus() and self._transcript.groups:
            self._show_actions(self._read_group() or self._transcript.groups[-1])

    def _edit(self) -> None:
        if self.message_actions.group is not None:
            self.editWanted.emit(self.message_actions.group.message.id)

    def _quote(self, group: Group) -> None:
        """Hand the selected words, else the whole message, to the composer as a quotation."""
        text = self.selected_text() or group.message.content
        self.quoteWanted.emit("".join(f"> {line}".rstrip() + "\n" for line in text.splitlines()) + "\n")

    def _copy_message(self) -> None:
        if self.message_actions.group is not None:
            QApplication.clipboard().setText(self.message_actions.group.message.content)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        # A press on the actions of any message brings the keyboard here; they must not move from under it.
        if event.reason() is not Qt.FocusReason.MouseFocusReason:
            self._show_actions_for_keyboard()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave and not self.message_actions.underMouse():
            self._show_actions(None)
            self._show_actions_for_keyboard()
        return super().viewportEvent(event)

    # -------------------------------------------------------------------------- menu and screen readers

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        point = QPointF(self.viewport().mapFrom(self, event.pos()))
        about = Menued(self.has_selection, self.copy, partial(self.copy, as_markdown=True), self.select_all)
        if self.rows:
            group = self._group_at(self._row_at(point)[0])
            if event.reason() == QContextMenuEvent.Reason.Keyboard:
                group = self._read_group() or group
            head = group.head if group is not None else None
            found = self._view_at(point)
            view, local = found if found is not None else (None, QPointF())
            address = view.link_at(local.x(), local.y()) if view is not None else ""
            is_by_key = event.reason() == QContextMenuEvent.Reason.Keyboard and group is not None
            about = replace(
                about,
                message=group.message.content if group is not None else None,
                code=view.code if isinstance(view, CodeView) else None,
                links=links_of(group.message.content) if is_by_key and group else (address,) * bool(address),
                open_link=self.link_question.ask,
                fold=partial(self.fold, head) if head is not None else None,
                is_unfolded=head is not None and head.is_open,
                quote=partial(self._quote, group) if group is not None else None,
                marks=self._marks_of(group) if group is not None else (),
                mark=lambda mark: self.marked.emit(mark, group.message.id) if group is not None else None,
            )
        conversation_menu(self, about).popup(event.globalPos())

    def _marks_of(self, group: Group) -> tuple[Mark, ...]:
        """What can be done about a message's place in the context; nothing while an answer is written."""
        if self._transcript.live is not None:
            return ()
        if group.message.is_dropped:
            return ("bring_back",)
        if group.message.is_pinned:
            return ("unpin",)
        is_last = group in self._transcript.groups[-2:]
        return ("pin",) if is_last else ("pin", "drop", "compact")

    def _describe(self) -> None:
        """Give screen readers the latest answer, and announce it once when it is complete."""
        groups = self._transcript.groups
        message = groups[-1].message if groups else None
        if message is None or message.role != "assistant":
            return
        self.setAccessibleDescription(message.content[:4000])
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, message.content))
