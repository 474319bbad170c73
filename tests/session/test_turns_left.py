"""The forecast: what the last turns took, and how often that fits."""

from dataclasses import replace

import pytest

from kvdesk.plan.options import LoadOptions
from kvdesk.session.state import (
    ChatMessage,
    Conversation,
    DeskState,
    EngineState,
    LoadedModel,
    TurnFigures,
)
from kvdesk.session.turns_left import TurnsLeft, turns_left

LOADED = LoadedModel("/m.gguf", LoadOptions(), 4096, True, True, 0.1)


def state(*held: int, n_ctx: int = 4096) -> DeskState:
    """A conversation whose answers ended with the context holding these many tokens."""
    messages = []
    for number, tokens in enumerate(held):
        figures = TurnFigures(tokens - 10, 0, tokens - 10, "", 10, 1.0, 1.0, "eog")
        messages += [
            ChatMessage(2 * number, "user", "?"),
            ChatMessage(2 * number + 1, "assistant", "!", figures=figures),
        ]
    loaded = replace(LOADED, n_ctx_seq=n_ctx)
    return DeskState(chat=Conversation(1, "", tuple(messages)), engine=EngineState(loaded=loaded))


@pytest.mark.parametrize(
    ("held", "n_ctx", "expected"),
    [
        ((), 4096, None),
        ((500,), 4096, None),
        ((500, 900), 4096, TurnsLeft(7, 400)),
        ((100, 3000, 3100, 3200, 3300, 3400, 3500), 4096, TurnsLeft(5, 100)),  # the first is long ago
        ((500, 900, 1100), 1390, TurnsLeft(0, 300)),
        ((500, 900, 1100), 1400, TurnsLeft(1, 300)),
        ((500, 900, 1100), 1000, TurnsLeft(0, 300)),  # another context was loaded
        ((3000, 3900, 2000, 2500), 4096, TurnsLeft(2, 700)),  # messages were dropped between
        ((3000, 2000), 4096, None),
    ],
)
def test_the_next_turns_are_like_the_last(held: tuple[int, ...], n_ctx: int, expected: TurnsLeft | None):
    assert turns_left(state(*held, n_ctx=n_ctx)) == expected


def test_without_a_model_or_a_chat_there_is_none():
    assert turns_left(replace(state(500, 900), engine=EngineState())) is None
    assert turns_left(replace(state(500, 900), chat=None)) is None
