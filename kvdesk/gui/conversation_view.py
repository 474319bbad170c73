"""The conversation as it is read: follows the state, offers what can be done with each message."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from kvdesk.gui.blocks.code import CodeView
from kvdesk.gui.conversation_menus import Mark, Menued, conversation_menu, link_menu
from kvdesk.gui.figures import live_line
from kvdesk.gui.message_actions import MessageActions
from kvdesk.gui.message_rows import FigureRow, ReasoningHead, WidgetRow
from kvdesk.gui.rows import Row
from kvdesk.gui.rows_view import RowsView
from kvdesk.gui.transcript import Group, Transcript
from kvdesk.session.state import DeskState


class ConversationView(RowsView):
    """Draws the open conversation of a `DeskState`; emits what the user wants done."""

    regenerateWanted = Signal()
    editWanted = Signal(int)  # id of the message
    marked = Signal(str, int)  # what its menu says about a message's place in the context
    typed = Signal(str)  # a character, which is meant for the composer

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Conversation"))
        self._transcript = Transcript()
        self._hovered_head: ReasoningHead | None = None
        self._notice: QWidget | None = None
        self.message_actions = MessageActions(self.viewport())
        self.message_actions.copyWanted.connect(self._copy_message)
        self.message_actions.regenerateWanted.connect(self.regenerateWanted)
        self.message_actions.editWanted.connect(self._edit)

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
            self._selection = None
        if is_other or is_sent:
            self._stack.follows = True
        self._take_rows(settled)
        self.drop_stale_selection()
        self.settle()
        if len(transcript.groups) != count:
            self._describe()
            self._show_actions(self.message_actions.group)  # what can be done may have changed
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
        link_menu(self, address).popup(event.globalPosition().toPoint())

    def placed(self) -> None:
        if self.rows and isinstance(self.rows[-1], WidgetRow):
            row = self.rows[-1]
            y = round(self.top_of(len(self.rows) - 1) + row.top_gap)
            row.widget.setGeometry(self._left, y, self._width, round(row.height - row.top_gap))
        self._place_actions()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            first, last = self.rows_in_view()
            heads = [row for row in self.rows[first:last] if isinstance(row, ReasoningHead)]
            if heads:
                self.fold(heads[-1])
        elif is_written(event):
            self.typed.emit(event.text())
        else:
            super().keyPressEvent(event)

    # -------------------------------------------------------------------------------------------- actions

    def _group_at(self, index: int) -> Group | None:
        if not 0 <= index < len(self.rows):
            return None
        message_id = self.rows[index].message_id
        return next((g for g in reversed(self._transcript.groups) if g.message.id == message_id), None)

    def _place_actions(self) -> None:
        group = self.message_actions.group
        if group is None:
            return
        row = group.rows[-1]
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
        )
        self._place_actions()

    def _show_actions_for_keyboard(self) -> None:
        """While the view has the keyboard, the last message's actions are the next stop of Tab."""
        if self.hasFocus() and self._transcript.groups:
            self._show_actions(self._transcript.groups[-1])

    def _edit(self) -> None:
        if self.message_actions.group is not None:
            self.editWanted.emit(self.message_actions.group.message.id)

    def _copy_message(self) -> None:
        if self.message_actions.group is not None:
            QApplication.clipboard().setText(self.message_actions.group.message.content)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._show_actions_for_keyboard()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave and not self.message_actions.underMouse():
            self._show_actions(None)
            self._show_actions_for_keyboard()
        return super().viewportEvent(event)

    # -------------------------------------------------------------------------- menu and screen readers

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        point = QPointF(self.viewport().mapFrom(self, event.pos()))
        about = Menued(self.has_selection, self.copy, self.select_all)
        if self.rows:
            group = self._group_at(self._row_at(point)[0])
            head = group.head if group is not None else None
            found = self._view_at(point)
            view, local = found if found is not None else (None, QPointF())
            about = replace(
                about,
                message=group.message.content if group is not None else None,
                code=view.code if isinstance(view, CodeView) else None,
                address=view.link_at(local.x(), local.y()) if view is not None else "",
                fold=partial(self.fold, head) if head is not None else None,
                is_unfolded=head is not None and head.is_open,
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


def is_written(event: QKeyEvent) -> bool:
    """Whether a key writes a character other than a space, which scrolls."""
    commands = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    commands |= Qt.KeyboardModifier.MetaModifier
    return event.text().isprintable() and bool(event.text().strip()) and not event.modifiers() & commands
