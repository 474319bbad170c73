"""The centre of the window: the conversation, how full the context is, and where the user writes."""

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.column import column_of
from kvdesk.gui.composer import Composer
from kvdesk.gui.context_gauge import ContextGauge
from kvdesk.gui.conversation_view import ConversationView
from kvdesk.gui.empty_chat import EmptyChat
from kvdesk.gui.help_pages import set_page
from kvdesk.gui.notice_bar import NoticeBar
from kvdesk.gui.room import doing
from kvdesk.gui.room.card import RoomCard
from kvdesk.gui.room.menu import message_menu, room_menu
from kvdesk.gui.room.questions import Answer, Question, closing_question, question_of
from kvdesk.gui.theme import Space
from kvdesk.resources import DEMO_MODEL
from kvdesk.session import actions, room_actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import DeskState, Notice, ParkOffer


class ConversationPanel(QWidget):
    """Puts the parts together and hands what the user does to the actions."""

    openWanted = Signal()  # a dialog to choose a model file
    settingsWanted = Signal()  # of the open chat
    closingAnswered = Signal(str)  # "park_and_close", "close" or "stay"

    def __init__(self, desk: Desk, view: ConversationView | None = None) -> None:
        """`view` is its largest part, which may have been made before."""
        super().__init__()
        theme.dress(self)
        self._desk = desk
        self._ended: Notice | None = None
        self._chat_id: int | None = None
        self._closing: Question | None = None  # asked before the window closes
        self._edited_id = -1  # of the message that is in the composer to be edited
        self.view = view or ConversationView()
        self.empty = EmptyChat()
        self.room = RoomCard()
        self.gauge = ContextGauge()
        self.composer = Composer()
        self._lay_out()
        self._connect()
        self.focus_composer()

    def _lay_out(self) -> None:
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.view)
        self._below = QVBoxLayout()
        set_page(self, "kv-cache")
        self._below.setSpacing(Space.MEDIUM)
        self._below.addWidget(self.room)
        self._below.addWidget(self.gauge)
        self._below.addWidget(self.composer)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        search = QHBoxLayout()
        search.setContentsMargins(Space.SMALL, 0, Space.MEDIUM, 0)
        search.addStretch(1)
        search.addWidget(self.view.find_bar, 1000)
        column.addLayout(search)
        column.addLayout(self._stack, 1)
        column.addLayout(self._below)
        self.setTabOrder(self.view, self.composer.edit)
        self._align()

    def _connect(self) -> None:
        desk = self._desk
        self.composer.sent.connect(lambda text: actions.send_message(desk, text))
        self.composer.edited.connect(lambda text: actions.edit_message(desk, self._edited_id, text))
        self.composer.stopWanted.connect(lambda: actions.stop_answer(desk))
        self.composer.draftChanged.connect(lambda text: actions.draft_changed(desk, text))
        self.composer.attachWanted.connect(self._choose_files)
        self.composer.settingsWanted.connect(self.settingsWanted)
        self.composer.filesDropped.connect(self._attach)
        self.composer.longPasted.connect(self._attach_pasted)
        self.composer.detachWanted.connect(lambda place: actions.detach(desk, place))
        self.view.regenerateWanted.connect(lambda: actions.regenerate(desk))
        self.view.editWanted.connect(self._edit)
        self.view.siblingWanted.connect(lambda message_id: actions.show_branch(desk, message_id))
        self.view.typed.connect(self._type)
        self.view.quoteWanted.connect(self._quote)
        self.view.marked.connect(lambda said, message_id: doing.mark(desk, said, message_id))
        self.room.answered.connect(self._answer)
        self.gauge.menu_button.clicked.connect(self._show_room_menu)
        self.gauge.messageChosen.connect(self.view.show_message)
        self.gauge.menuWanted.connect(self._show_message_menu)
        self.empty.openWanted.connect(self.openWanted)
        self.empty.demoWanted.connect(lambda: actions.open_model(desk, DEMO_MODEL))
        self.empty.promptChosen.connect(lambda text: actions.send_message(desk, text))

    def show_state(self, state: DeskState) -> None:
        """Draw the state; each part repaints what changed."""
        has_text = bool(state.chat and state.chat.messages) or state.streaming is not None
        shows_view = has_text or state.engine.ended is not None
        self._stack.setCurrentWidget(self.view if shows_view else self.empty)
        if not shows_view:
            self.empty.show_state(state)
        self._welcome(state)
        self.view.show_state(state)
        self._show_ended(state.engine.ended)
        self.room.show_question(self._closing or question_of(state))
        self.gauge.show_state(state)
        self.composer.show_state(state)

    def _welcome(self, state: DeskState) -> None:
        """Put the keyboard into the composer of the first chat shown, and of one that has just begun."""
        chat_id = state.chat.id if state.chat is not None else None
        if chat_id != self._chat_id:
            is_first, self._chat_id = self._chat_id is None, chat_id
            if state.chat is not None and (is_first or not state.chat.messages):
                self.focus_composer()

    def focus_composer(self) -> None:
        """Put the keyboard where the user writes."""
        self.composer.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _show_ended(self, ended: Notice | None) -> None:
        """Say between the messages why the engine ended, with the way on."""
        if ended == self._ended:
            return
        self._ended = ended
        if ended is None:
            focused = QApplication.focusWidget()
            had_focus = focused is not None and self.view.isAncestorOf(focused)
            self.view.set_notice(None)
            if had_focus:  # on the button that went with it
                self.focus_composer()
            return
        bar = NoticeBar(
            self.tr("The engine ended"), can_dismiss=False, margin=0, usual_step=self.tr("Reload")
        )
        take_step = actions.take_remedy if ended.remedy else actions.reload_engine
        bar.stepTaken.connect(lambda: take_step(self._desk))
        bar.show_notice(ended)
        self.view.set_notice(bar)

    def ask_before_closing(self, offer: ParkOffer) -> None:
        """Ask whether the cache shall be parked; `closingAnswered` has the answer."""
        self._closing = closing_question(offer)
        self.room.show_question(self._closing)
        self.room.buttons["park_and_close"].setFocus()

    def _answer(self, said: Answer) -> None:
        if self._closing is not None:
            self._closing = None
            self.room.show_question(question_of(self._desk.state))
            self.closingAnswered.emit(said)
        else:
            doing.answer(self._desk, said, self.room.text)

    def _show_room_menu(self) -> None:
        desk = self._desk
        if not desk.state.ladder:
            room_actions.find_ladder(desk)  # for the next time; finding takes a moment
        menu = room_menu(self, desk.state, desk.settings.overflow, doing.doings(desk))
        button, size = self.gauge.menu_button, menu.sizeHint()
        menu.popup(button.mapToGlobal(button.rect().topRight()) - QPoint(size.width(), size.height()))

    def _show_message_menu(self, message_id: int, place: QPoint) -> None:
        desk = self._desk
        menu = message_menu(self, desk.state, message_id, lambda said: doing.mark(desk, said, message_id))
        if menu is not None:
            menu.popup(place)

    def _type(self, text: str) -> None:
        """Write on in the composer what was begun elsewhere."""
        self.focus_composer()
        self.composer.edit.insertPlainText(text)

    def _choose_files(self) -> None:
        dialog = QFileDialog(self, self.tr("Attach text files"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self._attach)
        dialog.open()

    def _attach(self, paths: list[str]) -> None:
        actions.attach_files(self._desk, [Path(path) for path in paths])
        self.focus_composer()

    def _attach_pasted(self, text: str) -> None:
        chat = self._desk.state.chat
        number = len(chat.attachments) + 1 if chat is not None else 1
        actions.attach_text(self._desk, self.tr("Pasted text {number}").format(number=number), text)

    def _quote(self, text: str) -> None:
        """Begin a line with a quotation in what is being written."""
        self.focus_composer()
        edit = self.composer.edit
        if edit.textCursor().positionInBlock():
            text = "\n" + text
        edit.insertPlainText(text)

    def _edit(self, message_id: int) -> None:
        chat = self._desk.state.chat
        found = next((m for m in chat.messages if m.id == message_id), None) if chat else None
        if chat is not None and found is not None:
            self._edited_id = message_id
            behind = len(chat.messages) - 1 - chat.messages.index(found)
            self.composer.begin_edit(found.content, behind)

    def _align(self) -> None:
        left, width = column_of(self.width())
        self._below.setContentsMargins(left, Space.SMALL, max(0, self.width() - left - width), Space.LARGE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._align()
