"""The menu of what can be done with the context: grow, change types, park, rehearse, overflow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from kvdesk.gui.conversation_menus import Mark
from kvdesk.gui.own_language import translated
from kvdesk.plan.offer import Rung
from kvdesk.session.counting import whole_exchanges
from kvdesk.session.state import DeskState, Phase
from kvdesk.settings.rows import OverflowPolicy
from kvdesk.units import format_bytes, format_tokens

translate = QCoreApplication.translate


@dataclass(frozen=True, slots=True)
class Doings:
    """What the menu's entries do."""

    grow: Callable[[Rung], None]
    find_steps: Callable[[], None]
    choose_overflow: Callable[[OverflowPolicy | Literal[""]], None]
    park: Callable[[], None]
    unpark: Callable[[], None]
    rehearse: Callable[[], None]


def room_menu(parent: QWidget, state: DeskState, usual: OverflowPolicy, doings: Doings) -> QMenu:
    """Return the menu; every entry that costs something says what in its tip and beside its name."""
    menu = QMenu(parent)
    menu.setToolTipsVisible(True)
    menu.aboutToHide.connect(menu.deleteLater)
    is_ready = state.engine.phase is Phase.READY
    _heading(menu, _numbers(state))
    _add_steps(menu, state, doings, is_ready=is_ready)
    menu.addSeparator()
    _add_parking(menu, state, doings, is_ready=is_ready)
    rehearse = menu.addAction(translate("Room", "Rehearse: fill it twice and see that it holds"))
    rehearse.setEnabled(is_ready)
    rehearse.setToolTip(
        translate("Room", "Reads as many tokens as the context has, twice; the conversation comes back.")
    )
    rehearse.triggered.connect(doings.rehearse)
    menu.addSeparator()
    _add_policies(menu, state, usual, doings)
    return menu


def _numbers(state: DeskState) -> str:
    numbers = state.context_numbers
    requested = (
        format_tokens(numbers.requested) if numbers.requested else translate("Room", "the trained one")
    )
    return translate("Room", "Context: {actual} tokens (asked for {requested}, planned {planned})").format(
        requested=requested,
        planned="–" if numbers.planned is None else format_tokens(numbers.planned),
        actual="–" if numbers.actual is None else format_tokens(numbers.actual),
    )


def _add_steps(menu: QMenu, state: DeskState, doings: Doings, *, is_ready: bool) -> None:
    for rung in state.ladder:
        name = translate("Room", "{tokens} tokens, {k} / {v}: {size}").format(
            tokens=format_tokens(rung.ctx_size),
            k=rung.pair[0],
            v=rung.pair[1],
            size=_signed(rung.extra_bytes),
        )
        action = menu.addAction(name)
        action.setToolTip(translated(rung.cost))
        action.setEnabled(is_ready)
        action.triggered.connect(lambda _=False, rung=rung: doings.grow(rung))
    if not state.ladder:
        finding = menu.addAction(translate("Room", "Find larger contexts that fit…"))
        finding.setEnabled(is_ready)
        finding.triggered.connect(doings.find_steps)


def _add_parking(menu: QMenu, state: DeskState, doings: Doings, *, is_ready: bool) -> None:
    chat_id = state.chat.id if state.chat is not None else None
    parked = next((cache for cache in state.parked if cache.chat_id == chat_id), None)
    park = menu.addAction(translate("Room", "Park this conversation’s cache on disk"))
    cache = state.engine.cache
    has_chat = cache is not None and bool(cache.cells_used) and cache.chat in ("", str(chat_id))
    park.setEnabled(is_ready and has_chat)
    park.triggered.connect(doings.park)
    if parked is not None:
        label = translate("Room", "Delete the parked cache ({size}, {tokens} tokens)")
        unpark = menu.addAction(
            label.format(size=format_bytes(parked.n_bytes), tokens=format_tokens(parked.tokens))
        )
        unpark.triggered.connect(doings.unpark)


def _add_policies(menu: QMenu, state: DeskState, usual: OverflowPolicy, doings: Doings) -> None:
    _heading(menu, translate("Room", "When the context is full"))
    names = {
        "stop": translate("Room", "Stop"),
        "roll": translate("Room", "Leave out the oldest messages"),
        "ask": translate("Room", "Ask"),
    }
    chosen = state.chat.overflow if state.chat is not None else ""
    group = QActionGroup(menu)
    as_usual = translate("Room", "As in the settings: {policy}").format(policy=names[usual])
    entries: list[tuple[OverflowPolicy | Literal[""], str]] = [("", as_usual)]
    entries += [(policy, names[policy]) for policy in get_args(OverflowPolicy)]
    for policy, name in entries:
        action = QAction(name, menu)
        action.setCheckable(True)
        action.setChecked(policy == chosen)
        action.setEnabled(state.chat is not None)
        action.triggered.connect(lambda _=False, policy=policy: doings.choose_overflow(policy))
        group.addAction(action)
        menu.addAction(action)


def _heading(menu: QMenu, text: str) -> None:
    menu.addAction(text).setEnabled(False)


def _signed(size_bytes: int) -> str:
    return f"{'+' if size_bytes >= 0 else '−'}{format_bytes(abs(size_bytes))}"


def message_menu(
    parent: QWidget, state: DeskState, message_id: int, do: Callable[[Mark], None]
) -> QMenu | None:
    """What can be done about a message's place in the context, with its price; None while it is in use."""
    chat = state.chat
    message = next((each for each in chat.messages if each.id == message_id), None) if chat else None
    if chat is None or message is None or state.streaming is not None:
        return None
    menu = QMenu(parent)
    menu.aboutToHide.connect(menu.deleteLater)
    _heading(menu, translate("Room", "{count} tokens").format(count=_count(_tokens_of(state, (message_id,)))))
    if message.is_pinned:
        menu.addAction(translate("Room", "Unpin")).triggered.connect(lambda: do("unpin"))
        return menu
    pin = menu.addAction(translate("Room", "Pin: never leave it out of the context"))
    pin.triggered.connect(lambda: do("pin"))
    ids = whole_exchanges(chat.messages, (message_id,))
    if not ids or ids[-1] == chat.messages[-1].id:
        return menu
    place = [each.id for each in chat.messages].index(ids[-1])
    later = _tokens_of(state, tuple(each.id for each in chat.messages[place + 1 :] if not each.is_dropped))
    drop = translate("Room", "Leave this exchange out: frees {freed} tokens, {read} are read again")
    words = drop.format(freed=_count(_tokens_of(state, ids)), read=_count(later))
    menu.addAction(words).triggered.connect(lambda: do("drop"))
    earlier = tuple(each.id for each in chat.messages[: place + 1] if not (each.is_dropped or each.is_pinned))
    compact = translate("Room", "Summarise everything up to here ({tokens} tokens)…")
    words = compact.format(tokens=_count(_tokens_of(state, earlier)))
    menu.addAction(words).triggered.connect(lambda: do("compact"))
    return menu


def _tokens_of(state: DeskState, ids: tuple[int, ...]) -> int | None:
    """Tokens of messages as they were counted last; None where one was not."""
    counted = {each.id: each.tokens for each in state.message_tokens}
    return sum(counted[each] for each in ids) if all(each in counted for each in ids) else None


def _count(tokens: int | None) -> str:
    return "–" if tokens is None else format_tokens(tokens)
