"""Says how many more turns a conversation has room for, by what its last turns took."""

from dataclasses import dataclass
from itertools import islice, pairwise

from kvdesk.session.state import DeskState

_LAST = 5  # turns that tell of the next ones


@dataclass(frozen=True, slots=True)
class TurnsLeft:
    """`turns` whole ones fit into the context, at `tokens_each`, the mean of the last ones."""

    turns: int
    tokens_each: int


def turns_left(state: DeskState) -> TurnsLeft | None:
    """Foresee it for the open conversation; None before its second answer, and without a loaded model.

    A turn is a message and its answer. One after which the context held less, because messages were dropped,
    tells nothing of the next.
    """
    chat, loaded = state.chat, state.engine.loaded
    if chat is None or loaded is None:
        return None
    figures = (message.figures for message in reversed(chat.messages) if message.figures is not None)
    held = [each.prompt_tokens + each.completion_tokens for each in islice(figures, _LAST + 1)]
    taken = [after - before for after, before in pairwise(held) if after > before]
    if not taken:
        return None
    each = sum(taken) / len(taken)
    return TurnsLeft(int(max(loaded.n_ctx_seq - held[0], 0) / each), round(each))
