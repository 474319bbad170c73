# ruff: noqa: E501 - texts as models write them
"""What `pictures.py` draws: states of the desk, and what is done in a window before its picture is taken."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QCursor
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).parents[2]))

from kvdesk.chats.attachments import Attachment
from kvdesk.engine.protocol import RehearsalProgress
from kvdesk.gui.chat_items import CHAT_ROLE
from kvdesk.gui.error_dialog import ErrorDialog
from kvdesk.gui.help.window import KEYS
from kvdesk.gui.help_pages import PAGES
from kvdesk.gui.ledger_dialog import LedgerDialog
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.moving_dialog import MovingDialog
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.memory.shape import LayerShape
from kvdesk.phrases import Phrase
from kvdesk.plan.load_record import Failure
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.proof import DepthSpeed, Proof
from kvdesk.session.state import (
    ChatSummary,
    Compaction,
    DeskState,
    EngineState,
    MessageTokens,
    Notice,
    OpenEndpoint,
    ParkOffer,
    Phase,
    RemedyOffer,
    SearchResult,
    SendCost,
)
from kvdesk.units import GIB, MIB
from tests.gui import conversations, fakes, manners, rooms

MATHS = r"""## Attention in one line

For a head of width $d_k$, the scores are $\mathrm{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V$.[^1] In full:

$$
\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^{\top}}{\sqrt{d_k}} + M\right) V
$$

The cache takes $2 \cdot n_{layer} \cdot n_{ctx} \cdot d \cdot b$ bytes, and $\sum_{i=1}^{n} \alpha_i = 1$ for each row.[^2]

| quantity | Qwen3-8B | with $\alpha \to 0$ |
|:--|--:|--:|
| $n_{layer}$ | 36 | 36 |
| $d_k$ | 128 | 128 |

[^1]: Vaswani et al., *Attention Is All You Need*, 2017.
[^2]: The rows of the scores are distributions, so they sum to one.
"""
NOW_S = time.time()
KILLED = Notice(
    Phrase("The engine was killed (SIGKILL)."),
    Phrase("Load the model again."),
    "exit status -9\nlast words:\nllama_context: n_ctx_seq = 32768",
)
_SMALLER = RemedyOffer(
    LoadOptions(ubatch_size=256),
    Phrase("Load it with {changes} and go on.", changes=Phrase("a ubatch of {n}", n=256)),
)


def _days(state: DeskState) -> DeskState:
    """The conversations as of today, so that their headings are those of a list in use."""
    chats = tuple(
        replace(chat, updated_s=NOW_S - 3600 * age)
        for chat, age in zip(state.chats, (1, 2, 3, 100, 150), strict=False)
    )
    return replace(state, chats=chats)


def _loading() -> DeskState:
    return replace(fakes.qwen_opened(), engine=EngineState(phase=Phase.LOADING, progress=0.63))


def _sliding() -> DeskState:
    return replace(fakes.qwen_opened(), plan=None)


def _opening() -> DeskState:
    return DeskState(devices=(fakes.GPU, fakes.HOST), opening=fakes.QWEN.path)


def _notice() -> DeskState:
    notice = Notice(
        Phrase("“{name}” is a folder.", name="models"), Phrase("Choose the .gguf file inside it."), "x"
    )
    return replace(fakes.qwen_opened(), notice=notice)


def _no_room() -> DeskState:
    notice = Notice(
        Phrase(
            "{device} has no room for {size} of {purpose}.",
            device="CUDA0",
            size="4,455 MiB",
            purpose=Phrase("the weights"),
        ),
        Phrase("Choose a smaller context, quantised K and V, fewer GPU layers or a smaller ubatch."),
        "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4455.34 MiB on device 0: cudaMalloc failed",
        remedy=_SMALLER,
    )
    return replace(fakes.qwen_over(), notice=notice)


def _alarm() -> DeskState:
    notice = Notice(
        Phrase("The graphics driver keeps {size} of the model in the host’s memory.", size="612 MiB"),
        Phrase("More memory is asked of a device than it has free, so each token waits for the host."),
        remedy=_SMALLER,
    )
    return replace(fakes.qwen_loaded(), notice=notice)


def _ended() -> DeskState:
    return replace(fakes.qwen_ended(), engine=EngineState(phase=Phase.ENDED, ended=KILLED))


def _maths() -> DeskState:
    return _chat(conversations.question(1, "How is attention computed?"), conversations.answer(2, MATHS))


def _chat(*messages: object) -> DeskState:
    return replace(fakes.qwen_loaded(), chat=conversations.conversation(*messages))


def _branches() -> DeskState:
    asked = replace(
        conversations.question(3, "And which of the risks are never mentioned again?"), siblings=(3, 5, 9)
    )
    first, second, _ = conversations.sketch_conversation().messages
    return _chat(first, second, asked, conversations.answer(4, conversations.RISKS))


def _attached() -> DeskState:
    files = (
        Attachment("annual-report-2019.txt", "word " * 4000, 19_610),
        Attachment("notes to the accounts, second edition, with corrections.md", "# Notes", 812),
        Attachment("log.txt", "line\n" * 90, None),
    )
    asked = replace(conversations.question(1, "Which risks reappear?"), attachments=files[:2])
    state = _chat(asked, conversations.answer(2, conversations.RISKS))
    assert state.chat is not None
    return replace(state, chat=replace(state.chat, attachments=files, draft="And in the log?"))


def _ribbon() -> DeskState:
    """Pinned, leaving, to be read again, a window's reach and where it will be full, all at once."""
    roles = [1, 2, 3, 4, 5, 6]
    messages = tuple(
        conversations.question(n, f"Question {n}: what of chapter {n}?")
        if n % 2
        else conversations.answer(n, conversations.RISKS)
        for n in roles
    )
    messages = (replace(messages[0], is_pinned=True), *messages[1:4], replace(messages[4]), messages[5])
    layers = tuple(
        LayerShape(i, "sliding", 32, 8, 128, 128, 1024, 1024, window_tokens=4096) for i in range(36)
    )
    state = rooms.asked(
        chat=conversations.conversation(*messages),
        message_tokens=tuple(
            MessageTokens(n, tokens)
            for n, tokens in zip(roles, (9000, 2100, 700, 6200, 310, 9000), strict=True)
        ),
        overflow=replace(rooms.full(), ways=()),
        send_cost=SendCost(28_500, 21_000, 7_500, 8.6, 600, 29_400),
    )
    return replace(state, model=replace(fakes.QWEN, layers=layers))


def _rebuilding() -> DeskState:
    state = fakes.qwen_loaded()
    engine = replace(
        state.engine,
        phase=Phase.REBUILDING,
        rebuild_stage="converting",
        progress=0.4,
        asked_ctx_size=65_536,
        planned_ctx_size=65_536,
    )
    return replace(state, engine=engine)


def _rehearsing() -> DeskState:
    state = fakes.qwen_loaded()
    said = RehearsalProgress(round=1, rounds=2, done_tokens=14_096, total_tokens=32_768, left_s=95.0)
    return replace(state, engine=replace(state.engine, phase=Phase.REHEARSING, rehearsal=said, progress=0.2))


def _proven() -> DeskState:
    from datetime import UTC, datetime

    proof = Proof(
        date=datetime(2026, 11, 20, 18, 30, tzinfo=UTC),
        n_tokens=32_768,
        rounds=2,
        options=fakes.Q8,
        used_bytes={"CUDA0": 7402 * MIB},
        process_bytes=1100 * MIB,
        speeds=(DepthSpeed(0, 2100.0, 51.2), DepthSpeed(32_000, 870.0, 40.9)),
    )
    return replace(fakes.qwen_loaded(), proof=proof, endpoint=OpenEndpoint("http://127.0.0.1:8080/v1", ""))


def _folders() -> DeskState:
    state = _days(fakes.qwen_loaded())
    chats = tuple(
        replace(chat, folder=folder)
        for chat, folder in zip(
            state.chats, ("", "Work & reports", "", "Work & reports", "旅行"), strict=True
        )
    )
    return replace(state, chats=chats)


def _found() -> DeskState:
    state = _days(fakes.qwen_loaded())
    excerpts = {1: "…the supplier concentration of 4.5 in note 23…", 3: "……供应商 supplier 的集中度……"}
    return replace(state, found=SearchResult("supplier", excerpts))


def _deleted() -> DeskState:
    state = _days(fakes.qwen_loaded())
    gone = ChatSummary(9, "Kernel log triage of the second machine", NOW_S - 7200, 31_200)
    return replace(state, deleted=(gone,))


STATES: dict[str, Callable[[], DeskState]] = {
    "first-start": lambda: DeskState(devices=(fakes.HOST,)),
    "opening": _opening,
    "demo": fakes.demo_opened,
    "opened": lambda: _days(fakes.qwen_opened()),
    "sliding": _sliding,
    "loading": _loading,
    "loaded": lambda: _days(fakes.qwen_loaded()),
    "streaming": fakes.qwen_streaming,
    "ended": _ended,
    "refused": fakes.qwen_refused,
    "over": fakes.qwen_over,
    "two-gpus": fakes.two_gpus,
    "notice": _notice,
    "no-room": _no_room,
    "alarm": _alarm,
    "maths": _maths,
    "branches": _branches,
    "attached": _attached,
    "ribbon": _ribbon,
    "proven": _proven,
    "folders": _folders,
    "found": _found,
    "deleted": _deleted,
    "room-full": lambda: rooms.asked(overflow=rooms.full(), overflow_asked=rooms.chat_id()),
    "room-grow": lambda: rooms.asked(grow_offer=rooms.RUNG),
    "room-park": lambda: rooms.asked(park_offer=ParkOffer(rooms.chat_id(), GIB, 27_000, 240.0)),
    "room-summary": lambda: rooms.asked(
        compaction=Compaction(
            rooms.chat_id(), (1, 2), 1800, "They spoke of the risks of chapter 4.", 40, is_done=True
        )
    ),
    "room-rebuilding": _rebuilding,
    "room-rehearsing": _rehearsing,
    **conversations.pictured(),
}


def _open_advanced(window: MainWindow) -> None:
    window.desk_panel.options.advanced_button.setChecked(True)


def _show_all_pairs(window: MainWindow) -> None:
    window.desk_panel.fits.all_button.setChecked(True)


def _scroll_desk(window: MainWindow) -> None:
    from PySide6.QtWidgets import QScrollArea

    for area in window.desk_panel.findChildren(QScrollArea):
        area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())


def _settings_of(window: MainWindow) -> SettingsDialog:
    window.others.show_settings()
    dialog = window.findChildren(SettingsDialog)[-1]
    fakes.fill(dialog)
    return dialog


def _search_settings(window: MainWindow) -> None:
    _settings_of(window).search.setText("context")


def _ask_move(window: MainWindow) -> None:
    dialog = _settings_of(window)
    dialog.search.setText(str(dialog.folder.path.text())[:6])
    dialog.folder.ask("/mnt/large/kvdesk")


def _refuse_setting(window: MainWindow) -> None:
    dialog = _settings_of(window)
    entry = dialog.controls["park_idle_minutes"]
    entry.setText("never")
    entry.setModified(True)
    entry.editingFinished.emit()


def _open_ledger(window: MainWindow) -> LedgerDialog:
    window.others.show_ledger()
    dialog = window.findChild(LedgerDialog)
    assert dialog is not None
    failure = Failure(
        "OutOfMemory",
        Phrase(
            "{device} has no room for {size} of {purpose}.",
            device="CUDA0",
            size="4,455 MiB",
            purpose=Phrase("the weights"),
        ),
    )
    records = [fakes.load_record(n, failure if n % 3 == 2 else None) for n in range(1, 13)]
    dialog.show_state(replace(fakes.qwen_opened(), ledger=tuple(records)))
    return dialog


def _ask_forget(window: MainWindow) -> None:
    _open_ledger(window).clear_button.click()


def _open_import(window: MainWindow) -> None:
    QApplication.clipboard().setText(
        "docker run --gpus all -v ~/models:/models -p 8080:8080 ghcr.io/ggml-org/llama.cpp:server-cuda \\\n"
        "  -m /models/Qwen3-8B-Q4_K_M.gguf -c 32k -ctk q8_0 -ctv q8_0 -fa on -ngl 99 \\\n"
        "  -ot 'blk\\.(1|2)\\..*_exps=CPU' --jinja --temp 0.6"
    )
    window.others.open_import()


def _walk_tour(steps: int) -> Callable[[MainWindow], None]:
    def act(window: MainWindow) -> None:
        window.show_tour()
        for _ in range(steps):
            assert window.tour is not None
            window.tour.next_button.click()

    return act


def _open_error(window: MainWindow) -> None:
    ErrorDialog(KILLED, window).open()


def _edit_last(window: MainWindow) -> None:
    window.conversation.view.editWanted.emit(1)


def _chat_menu(window: MainWindow) -> None:
    index = window.chats.list.model().index(2, 0)
    assert index.data(CHAT_ROLE) is not None
    window.chats._show_menu(window.chats.list.visualRect(index).center())


def _rename(window: MainWindow) -> None:
    window.chats.list.edit(window.chats.list.model().index(2, 0))


def _find_chats(window: MainWindow) -> None:
    window.chats.search.setText("supplier")
    window.chats.search.setFocus()


def _select(window: MainWindow) -> None:
    window.conversation.view.verticalScrollBar().setValue(0)
    window.conversation.view.setFocus()
    window.conversation.view.select_all()


def _find(window: MainWindow) -> None:
    window.conversation.view.open_search()
    window.conversation.view.find_bar.edit.setText("the")
    while not window.conversation.view.find_bar.finder.is_done:
        QApplication.processEvents()


def _unfold(window: MainWindow) -> None:
    window.conversation.view.setFocus()
    window.conversation.view._fold_nearest()


def _read_message(window: MainWindow) -> None:
    window.conversation.view.read(0)


def _ask_link(window: MainWindow) -> None:
    window.conversation.view.link_question.ask(
        "https://docs.example/cache?page=3&of=a+rather+long+address+that+wraps&" + "x=1&" * 30
    )


def _message_context_menu(window: MainWindow) -> None:
    view = window.conversation.view
    point = QPoint(view.width() // 2, 120)
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, point, view.mapToGlobal(point), Qt.KeyboardModifier.NoModifier
    )
    view.contextMenuEvent(event)


def _room_menu(window: MainWindow) -> None:
    window._desk.state = replace(
        window._desk.state, ladder=(rooms.RUNG, replace(rooms.RUNG, ctx_size=131_072))
    )
    window.conversation.gauge.menu_button.click()


def _ribbon_menu(window: MainWindow) -> None:
    ribbon = window.conversation.gauge.ribbon
    window.conversation._show_message_menu(2, ribbon.mapToGlobal(QPoint(ribbon.width() // 3, 0)))


def _ask_closing(window: MainWindow) -> None:
    window.conversation.ask_before_closing(ParkOffer(1, GIB, 27_000, 240.0))


def _write(window: MainWindow) -> None:
    window._desk.state = replace(
        window._desk.state, send_cost=SendCost(27_500, 27_310, 190, 0.4, 600, 28_100)
    )
    window.conversation.composer._set_text("Which of them was settled in 2020?\n\nAnswer in one sentence.")
    window.show_state(window._desk.state)


def _history(window: MainWindow) -> None:
    window.others.open_history()
    fakes.fill(window)


def _history_table(window: MainWindow) -> None:
    _history(window)
    assert window.others.history is not None
    window.others.history.tabs.setCurrentIndex(1)


def _endpoint(window: MainWindow) -> None:
    window.top_bar.endpoint_button.click()


def _endpoint_open(window: MainWindow) -> None:
    opened = OpenEndpoint("http://192.168.1.20:8080/v1", "Zk3v9QxLq7m2JtYb0RcWn5dHfA8sUeGo")
    window._desk.state = replace(window._desk.state, endpoint=opened)
    window.show_state(window._desk.state)
    window.top_bar.endpoint_button.click()


def _help(page: str) -> Callable[[MainWindow], None]:
    return lambda window: window.others.show_help(page)


def _help_table(window: MainWindow) -> None:
    window.others.show_help("kv-cache")
    assert window.others.help is not None
    window.others.help.table_button.click()


def _moving(window: MainWindow) -> None:
    dialog = MovingDialog(lambda _: None, Path("/mnt/large/kvdesk"))
    dialog._tell(700 * MIB, 1200 * MIB)
    dialog.setParent(window, Qt.WindowType.Dialog)
    dialog.show()
    dialog._bar.setValue(583)
    dialog._figures.setText("700 MiB / 1,200 MiB")


def _combo(window: MainWindow) -> None:
    from kvdesk.gui.choice_box import ChoiceBox

    box = next(each for each in window.desk_panel.options.findChildren(ChoiceBox) if each.count() > 3)
    box.showPopup()


def _files_menu(window: MainWindow) -> None:
    window.chats.more_button.click()


def _hover_memory(window: MainWindow) -> None:
    chart = window.desk_panel.chart
    QCursor.setPos(chart.mapToGlobal(QPointF(chart.width() / 2, chart.height() / 2).toPoint()))


# What is done in the window before its picture is taken, and the state in which it is done.
ACTS: dict[str, tuple[Callable[[MainWindow], object], Callable[[], DeskState]]] = {
    "advanced": (_open_advanced, fakes.qwen_opened),
    "all-pairs": (_show_all_pairs, fakes.qwen_opened),
    "desk-below": (_scroll_desk, fakes.qwen_loaded),
    "choices": (_combo, fakes.qwen_opened),
    "export": (lambda window: window.others.show_export(), fakes.qwen_opened),
    "import": (_open_import, fakes.qwen_opened),
    "settings": (_settings_of, fakes.qwen_opened),
    "settings-search": (_search_settings, fakes.qwen_opened),
    "settings-refused": (_refuse_setting, fakes.qwen_opened),
    "settings-folder": (_ask_move, fakes.qwen_opened),
    "moving": (_moving, fakes.qwen_opened),
    "ledger": (_open_ledger, fakes.qwen_opened),
    "ledger-forgetting": (_ask_forget, fakes.qwen_opened),
    "lens": (lambda window: window.others.show_lens(), fakes.qwen_opened),
    "keys": (_help(KEYS), fakes.qwen_opened),
    **{f"help-{page}": (_help(page), fakes.qwen_opened) for page in PAGES},
    "help-table": (_help_table, fakes.qwen_opened),
    **{f"tour-{step + 1}": (_walk_tour(step), fakes.demo_opened) for step in range(5)},
    "error": (_open_error, fakes.qwen_opened),
    "editing": (_edit_last, fakes.qwen_loaded),
    "writing": (_write, fakes.qwen_loaded),
    "chat-menu": (_chat_menu, _folders),
    "files-menu": (_files_menu, _folders),
    "renaming": (_rename, STATES["loaded"]),
    "searching": (_find_chats, _found),
    "selected": (_select, fakes.qwen_opened),
    "finding": (_find, STATES["markdown"]),
    "reasoning": (_unfold, fakes.qwen_loaded),
    "message": (_read_message, _branches),
    "link": (_ask_link, STATES["markdown"]),
    "message-menu": (_message_context_menu, fakes.qwen_loaded),
    "room-menu": (_room_menu, fakes.qwen_loaded),
    "ribbon-menu": (_ribbon_menu, _ribbon),
    "closing": (_ask_closing, fakes.qwen_loaded),
    "graphs": (_history, fakes.qwen_loaded),
    "graphs-table": (_history_table, fakes.qwen_loaded),
    "manner": (manners.opened, manners.by_default),
    "manner-own": (manners.opened, manners.own),
    "manner-preset": (manners.opened, manners.by_preset),
    "manner-saving": (manners.saving, manners.own),
    "manner-sampling": (manners.scrolled, manners.own),
    "endpoint": (_endpoint, fakes.qwen_loaded),
    "endpoint-open": (_endpoint_open, fakes.qwen_loaded),
}
