"""The menu of what can be done with the context: grow, change types, park, rehearse, overflow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from kvdesk.gui.own_language import translated
from kvdesk.plan.offer import Rung
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
    return translate("Room", "Asked for {requested} · planned {planned} · is {actual} tokens").format(
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
    park.setEnabled(is_ready and state.engine.cache is not None and bool(state.engine.cache.cells_used))
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
        "stop": translate("Room", "stop"),
        "roll": translate("Room", "leave out the oldest messages"),
        "ask": translate("Room", "ask"),
    }
    chosen = state.chat.overflow if state.chat is not None else ""
    group = QActionGroup(menu)
    as_usual = translate("Room", "as in the settings: {policy}").format(policy=names[usual])
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
