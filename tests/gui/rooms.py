"""States in which something is asked about the room in the context, or done about it."""

from dataclasses import replace

from kvdesk.phrases import Phrase
from kvdesk.plan.offer import Rung
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.overflow import Overflow, Weighed, overflow_of
from kvdesk.session.state import DeskState, Phase
from kvdesk.units import MIB
from tests.gui import fakes

RUNG = Rung(
    LoadOptions(ctx_size=65536, cache_type_k="q8_0", cache_type_v="q8_0"),
    65536,
    "device",
    600 * MIB,
    1200 * MIB,
    300 * MIB,
    0.4,
    True,
    Phrase("It takes {size} more.", size="1.2 GiB"),
)


def full() -> Overflow:
    exchange = [Weighed("user", 900, id=1), Weighed("assistant", 900, id=2)]
    messages = [
        *exchange,
        Weighed("user", 1000, id=3),
        Weighed("assistant", 1000, id=4),
        Weighed("user", 200),
    ]
    found = overflow_of(messages, 4000, 300, 4096, seconds=lambda depth, tokens: tokens / 100)
    assert found is not None
    return found


def asked(**changes: object) -> DeskState:
    state = fakes.qwen_loaded()
    assert state.chat is not None
    ready = replace(state.engine, phase=Phase.READY)
    return replace(state, engine=ready, **changes)


def chat_id() -> int:
    chat = fakes.qwen_loaded().chat
    assert chat is not None
    return chat.id
