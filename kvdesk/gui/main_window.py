"""The window: three parts side by side, and the one timer that turns what happened into what is drawn."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.chats_panel import ChatsPanel
from kvdesk.gui.controls import push_button, separator
from kvdesk.gui.conversation_panel import ConversationPanel
from kvdesk.gui.conversation_view import ConversationView
from kvdesk.gui.desk_panel import DeskPanel
from kvdesk.gui.endpoint_card import EndpointCard
from kvdesk.gui.file_drop import FileDrop
from kvdesk.gui.help.tour import Step, Tour
from kvdesk.gui.help_pages import FIRST
from kvdesk.gui.notice_bar import NoticeBar
from kvdesk.gui.other_windows import TITLE_BAR_HEIGHT, OtherWindows
from kvdesk.gui.side_parts import SideParts
from kvdesk.gui.theme import TextSize
from kvdesk.gui.top_bar import TopBar
from kvdesk.resources import DEMO_MODEL, resolve_model
from kvdesk.session import actions, room_actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import DeskState, Phase
from kvdesk.settings.rows import TEXT_SIZES

PUMP_MS = 33  # the screen's pace: often enough to look continuous, seldom enough to cost nothing


class MainWindow(QMainWindow):
    """Chats, conversation and desk. Its geometry and which parts are shown are in the settings."""

    renewWanted = Signal()  # in another language or size of text
    moveWanted = Signal(str)

    def __init__(self, desk: Desk, *, is_whole: bool = True) -> None:
        """Without `is_whole` it is not to be used before all of `building` has been taken."""
        super().__init__()
        self._desk = desk
        self.tour: Tour | None = None
        self._wants_demo_chat = False  # the tour has ended in it, and it is not there yet
        self._is_closing = self._closes_when_parked = False
        self._pump = QTimer(self)
        self._pump.setInterval(PUMP_MS)
        self._pump.timeout.connect(self.pump)
        self.setMinimumSize(720, 480)
        self.building = self._build()
        if is_whole:
            for _ in self.building:
                pass

    def _build(self) -> Iterator[None]:
        """Make the parts, in steps none of which holds the event loop for long."""
        self.chats = ChatsPanel(self._desk)
        self.top_bar = TopBar()
        self.others = OtherWindows(self._desk, self, self.top_bar, self._key_words)
        self.endpoint = EndpointCard(self)
        self.notice_bar = NoticeBar(self.tr("Notice"))
        self.settings_button = push_button(self.tr("Settings"), "plain", TextSize.TABLE)
        self.settings_button.setToolTip(self.tr("Theme, language, memory to leave free (Ctrl+,)"))
        self.help_button = push_button(self.tr("Help"), "plain", TextSize.TABLE)
        self.help_button.setToolTip(self.tr("What things mean, the keys, and a tour (F1)"))
        yield
        view = ConversationView()
        yield
        self.conversation = ConversationPanel(self._desk, view)
        yield
        self.desk_panel = DeskPanel(self._desk)
        yield
        centre = self._centre()
        yield
        self._parts = SideParts(self._chats_with_foot(), centre, self.desk_panel)
        self._parts.changed.connect(self._show_which_parts)
        yield
        frame = QWidget()
        row = QHBoxLayout(frame)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._parts)
        self.setCentralWidget(frame)
        self._connect()
        self._add_shortcuts()
        self._drop = FileDrop(self, self.open_model)
        yield
        self._restore()
        self.show_state(self._desk.state)

    def _connect(self) -> None:
        self.settings_button.clicked.connect(self.others.show_settings)
        self.help_button.clicked.connect(lambda: self.others.show_help(FIRST))
        self.top_bar.exportWanted.connect(self.others.show_export)
        self.top_bar.endpointWanted.connect(partial(self.endpoint.toggle_below, self.top_bar.endpoint_button))
        self.endpoint.openWanted.connect(partial(actions.open_endpoint, self._desk))
        self.endpoint.closeWanted.connect(lambda: actions.close_endpoint(self._desk))
        self.top_bar.chatsWanted.connect(self.toggle_chats)
        self.top_bar.deskWanted.connect(self.toggle_desk)
        self.notice_bar.dismissed.connect(lambda: actions.dismiss_notice(self._desk))
        self.notice_bar.stepTaken.connect(lambda: actions.take_remedy(self._desk))
        self.desk_panel.openWanted.connect(self.choose_model)
        self.conversation.openWanted.connect(self.choose_model)
        self.conversation.settingsWanted.connect(self.others.show_chat_settings)
        self.conversation.closingAnswered.connect(self._close_or_stay)
        self.desk_panel.modelChosen.connect(self.open_model)
        self.desk_panel.importWanted.connect(self.others.show_import)
        self.desk_panel.ledgerWanted.connect(self.others.show_ledger)
        self.desk_panel.lensWanted.connect(self.others.show_lens)
        self.desk_panel.historyWanted.connect(self.others.show_history)
        self.others.tourWanted.connect(self.show_tour)
        self.others.renewWanted.connect(self.renewWanted)
        self.others.moveWanted.connect(self.moveWanted)

    def start(self) -> None:
        """Begin to draw what happens; called once the first picture is on the screen."""
        self._pump.start()
        if not self._desk.settings.has_seen_tour:
            self.show_tour()

    def _keep_cache(self) -> bool:
        """Park, or ask about parking; False when there is nothing to wait for."""
        offer = room_actions.park_offer(self._desk)
        if offer is None:
            return False
        if self._desk.settings.park == "always":
            self._close_or_stay("park_and_close")
        else:
            self.conversation.ask_before_closing(offer)
        return True

    def _close_or_stay(self, answer: str) -> None:
        """Close, after the cache is on disk if it is to be."""
        self._is_closing = answer != "stay"
        offer = room_actions.park_offer(self._desk) if answer == "park_and_close" else None
        if answer == "stay":
            return
        if offer is None:
            self.close()
        else:
            self._closes_when_parked = True
            room_actions.park_chat(self._desk, offer.chat_id)

    def pump(self) -> None:
        """Take in what happened since the last call and repaint what changed."""
        self.others.look_for_imports()
        if self._desk.drain():
            self.show_state(self._desk.state)
        if self._closes_when_parked and self._desk.state.engine.parking is None:
            self.close()

    def show_state(self, state: DeskState) -> None:
        """Hand the state to every part; each repaints only what changed."""
        name = state.model.name if state.model else ""
        title = self.tr("{model} – KV Desk").format(model=name) if name else self.tr("KV Desk")
        if title != self.windowTitle():
            self.setWindowTitle(title)
        self.top_bar.show_state(state)
        self.endpoint.show_state(state)
        self.notice_bar.show_notice(state.notice)
        self.chats.show_state(state)
        self.conversation.show_state(state)
        self.desk_panel.show_state(state)
        self.others.show_state(state)
        self._begin_demo_chat(state)

    # -------------------------------------------------------------------------------- what the user does

    def open_model(self, source: str) -> None:
        """Open a model by path, URL or the word "demo"."""
        actions.open_model(self._desk, source)

    def choose_model(self) -> None:
        """Ask for a GGUF file."""
        dialog = QFileDialog(self, self.tr("Open a model"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setNameFilters([self.tr("GGUF models (*.gguf)"), self.tr("All files (*)")])
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        recent = [path for path in self._desk.state.recent if Path(path).is_file()]
        if recent:
            dialog.setDirectory(str(Path(recent[0]).parent))
        dialog.fileSelected.connect(self.open_model)
        dialog.open()

    def show_tour(self) -> None:
        """Show a newcomer around; once by itself, again from the help."""
        self.others.close_help()
        if self.tour is not None:
            return
        self._desk.change_settings(has_seen_tour=True)
        self._parts.want(chats=True, desk=True)
        self.tour = Tour(self, self._tour_steps())
        self.tour.ended.connect(self._tour_ended)
        self.tour.start()

    def _tour_steps(self) -> tuple[Step, ...]:
        gauge = self.conversation.gauge
        return (
            Step(
                self.desk_panel.card,
                self.tr("Open a model"),
                self.tr(
                    "Any GGUF file: choose it, drop it on the window, or give its web address. Its header"
                    " is read at once; nothing is loaded."
                ),
            ),
            Step(
                self.desk_panel.context,
                self.tr("See what fits before loading"),
                self.tr(
                    "Move the context, or choose smaller cache types below. What it would take on your"
                    " devices changes as you do, and llama.cpp itself is asked."
                ),
            ),
            Step(
                self.desk_panel.load_bar,
                self.tr("Load it"),
                self.tr(
                    "Where it does not fit, this says what to change, in one click. Planned and measured"
                    " memory stand side by side afterwards."
                ),
            ),
            Step(
                gauge if gauge.isVisibleTo(self) else self.conversation.composer,  # above it, once loaded
                self.tr("Watch the cache fill"),
                self.tr(
                    "How much of the context is used, and what the next message will cost. Near the end"
                    " you are offered the ways on, each with its price."
                ),
            ),
            Step(
                self.conversation.composer,
                self.tr("Talk to it"),
                self.tr(
                    "A tiny model is built in. Ask it something now; F1 explains whatever has the keyboard."
                ),
            ),
        )

    def _tour_ended(self, was_finished: bool) -> None:
        self.tour = None
        self.conversation.focus_composer()
        if was_finished:
            chat = self._desk.state.chat
            if chat is not None and chat.messages:
                actions.new_chat(self._desk)
            if not self._is_demo(self._desk.state):
                actions.open_model(self._desk, DEMO_MODEL)
            self._wants_demo_chat = True
            self._begin_demo_chat(self._desk.state)

    @staticmethod
    def _is_demo(state: DeskState) -> bool:
        demo = resolve_model(DEMO_MODEL)
        return state.opening == demo or (state.model is not None and state.model.path == demo)

    def _begin_demo_chat(self, state: DeskState) -> None:
        """Ask the demo model something, once it is open and an empty chat is there."""
        is_empty = state.chat is None or not state.chat.messages
        if self._wants_demo_chat and self._is_demo(state) and not state.opening and is_empty:
            self._wants_demo_chat = False
            actions.send_message(self._desk, self.tr("What is the KV cache?"))

    def stop(self) -> None:
        """Stop what is under way: the tour, an answer, or the loading of a model."""
        if self.tour is not None:
            self.tour.end(was_finished=False)
        elif self._desk.state.engine.phase is Phase.LOADING:
            actions.cancel_load(self._desk)
        else:
            actions.stop_answer(self._desk)

    def resize_text(self, step: int) -> None:
        """Write a step larger (1) or smaller (-1), or (0) as large as the desktop does."""
        sizes, now = TEXT_SIZES, self._desk.settings.text_percent
        at = max(0, min(sizes.index(now) + step, len(sizes) - 1))
        wanted = sizes[at] if step else 100
        if wanted != now:
            actions.set_setting(self._desk, "text_percent", wanted)
            self.renewWanted.emit()

    def toggle_chats(self) -> None:
        """Show or hide the list of conversations."""
        self._parts.toggle(self.chats)

    def toggle_desk(self) -> None:
        """Show or hide the desk."""
        self._parts.toggle(self.desk_panel)

    # ---------------------------------------------------------------------------------------- the frame

    def _chats_with_foot(self) -> ChatsPanel:
        foot = QHBoxLayout()
        foot.addWidget(self.settings_button)
        foot.addStretch(1)
        foot.addWidget(self.help_button)
        column = self.chats.layout()
        assert isinstance(column, QVBoxLayout)
        column.addLayout(foot)
        return self.chats

    def _centre(self) -> QWidget:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        column.addWidget(line := separator())
        theme.dress(line)
        column.addWidget(self.notice_bar)
        column.addWidget(self.conversation, 1)
        return centre

    def _show_which_parts(self) -> None:
        self.top_bar.show_parts(chats=not self.chats.isHidden(), desk=not self.desk_panel.isHidden())

    def _shortcuts(self) -> tuple[tuple[str, str, Callable[[], object]], ...]:
        """Every key of the window: how it is written, what it does, the action."""
        return (
            ("Ctrl+O", self.tr("Open a model"), self.choose_model),
            ("Ctrl+R", self.tr("Load it"), partial(actions.load_model, self._desk)),
            ("Esc", self.tr("Stop an answer or a load"), self.stop),
            ("Ctrl+L", self.tr("Write a message"), self.conversation.focus_composer),
            ("Ctrl+F", self.tr("Find in this chat"), self.conversation.view.open_search),
            ("Alt+Up", self.tr("Go to the message before"), partial(self.conversation.view.read, -1)),
            ("Alt+Down", self.tr("Go to the next message"), partial(self.conversation.view.read, 1)),
            ("Ctrl+P", self.tr("System prompt, sampling and presets"), self.others.show_chat_settings),
            ("Ctrl+N", self.tr("New chat"), partial(actions.new_chat, self._desk)),
            ("Ctrl+B", self.tr("Show or hide the chats"), self.toggle_chats),
            ("Ctrl+D", self.tr("Show or hide the desk"), self.toggle_desk),
            ("Ctrl+E", self.tr("Export the launch command"), self.others.show_export),
            ("Ctrl+Shift+V", self.tr("Paste a launch command"), self.others.show_import),
            ("Ctrl+,", self.tr("Settings"), self.others.show_settings),
            ("Ctrl++", self.tr("Larger text"), partial(self.resize_text, 1)),
            ("Ctrl+-", self.tr("Smaller text"), partial(self.resize_text, -1)),
            ("Ctrl+0", self.tr("Text as large as the desktop’s"), partial(self.resize_text, 0)),
            ("F1", self.tr("Help on what has the keyboard"), self.others.show_help),
            ("Ctrl+Q", self.tr("Close the window"), self.close),
        )

    def _key_words(self) -> list[tuple[str, str]]:
        return [(keys, label) for keys, label, _ in self._shortcuts()]

    def _add_shortcuts(self) -> None:
        for keys, _, action in self._shortcuts():
            QShortcut(QKeySequence(keys), self).activated.connect(action)
        # Where “+” needs Shift, the key without it is meant as well.
        QShortcut(QKeySequence("Ctrl+="), self).activated.connect(partial(self.resize_text, 1))

    def _restore(self) -> None:
        settings = self._desk.settings
        room = self.screen().availableGeometry()
        self.resize(min(1280, room.width()), min(800, room.height() - TITLE_BAR_HEIGHT))
        if settings.window_geometry:
            self.restoreGeometry(QByteArray.fromBase64(settings.window_geometry.encode("ascii")))
        if len(settings.window_splitter) == self._parts.count():
            self._parts.setSizes(list(settings.window_splitter))
        self._parts.want(chats=settings.show_chats, desk=settings.show_desk)
        self.desk_panel.options.advanced_button.setChecked(settings.show_advanced)
        self._show_which_parts()

    def remember(self) -> None:
        """Keep the frame for the next window."""
        self._desk.change_settings(
            window_geometry=bytes(self.saveGeometry().toBase64().data()).decode("ascii"),
            window_splitter=self._parts.known_widths(self._desk.settings.window_splitter),
            show_chats=self._parts.wants(self.chats),
            show_desk=self._parts.wants(self.desk_panel),
            show_advanced=self.desk_panel.options.advanced_button.isChecked(),
        )

    def leave(self) -> None:
        """Close without asking and be gone: another window takes this one's place."""
        self._is_closing = True
        self.close()
        self.deleteLater()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember where everything was; before that, ask about a cache that took long to fill.

        Who closes the window twice wants it closed.
        """
        if not self._is_closing and self._keep_cache():
            self._is_closing = True
            event.ignore()
            return
        self._pump.stop()
        self.remember()
        super().closeEvent(event)
