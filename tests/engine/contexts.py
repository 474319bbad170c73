"""Contexts of small models in the tests' own process, filled with tokens, and what they then expect."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import Log
from kvdesk.engine.llama.model import Model
from kvdesk.engine.llama.next_token import Scores, divergence, next_scores
from kvdesk.engine.llama.space import Space, new_space, state_bytes, take_state
from kvdesk.plan.options import LoadOptions
from kvdesk.resources import resolve_model
from tests.ggufs import make_model

TOKENS = [int(token) for token in np.random.default_rng(3).integers(5, 500, 320)]
NEXT = (7, 91, 230, 12)
# A model of each family: plain, with windows, latent attention, recurrent, hybrid. Heads of 64 are rotated.
FAMILIES = ("llama", "gemma3", "deepseek2", "mamba2", "granitehybrid")


def make_family(family: str, folder: Path) -> Path:
    """A small model; "demo" is the built-in one."""
    if family == "demo":
        return Path(resolve_model("demo"))
    sizes = {"llama": {"head_dim": 64}, "gemma3": {"window": 64}, "granitehybrid": {"n_embd": 256}}
    return make_model(family, folder, **sizes.get(family, {}))


@dataclass
class Bench:
    """A model and the contexts made of it, which end with it."""

    path: Path
    options: LoadOptions = field(
        default_factory=lambda: LoadOptions(ctx_size=512, threads=1, ubatch_size=128, swa_full=False)
    )

    def __post_init__(self) -> None:
        self.model = Model(str(self.path), self.options, None, Log())
        self._contexts: list[Context] = []

    def changed(self, **changes: Any) -> LoadOptions:
        """The options with some of them changed."""
        return LoadOptions(
            **{name: getattr(self.options, name) for name in self.options.__struct_fields__} | changes
        )

    def open(self, options: LoadOptions) -> Context:
        """A context with these options."""
        context = Context(self.model, options, Log())  # only the newest log hears anything
        self._contexts.append(context)
        return context

    def empty(self, **changes: Any) -> Context:
        """A context with nothing in it."""
        return self.open(self.changed(**changes))

    def filled(self, tokens: Sequence[int] = TOKENS, **changes: Any) -> Context:
        """A context that has read tokens."""
        context = self.empty(**changes)
        read(context, tokens)
        return context

    def close(self) -> None:
        """Free everything."""
        for context in self._contexts:
            context.close()
        self.model.close()


@contextmanager
def bench(path: Path) -> Iterator[Bench]:
    """A bench for a test."""
    made = Bench(path)
    try:
        yield made
    finally:
        made.close()


def read(context: Context, tokens: Sequence[int]) -> None:
    """Evaluate tokens, a ubatch at a time."""
    for start in range(0, len(tokens), context.n_ubatch):
        context.decode(tokens[start : start + context.n_ubatch])


def state_of(context: Context) -> bytes:
    """What the context holds, as llama.cpp writes it."""
    with taken(context) as space:
        return bytes(space.view)


@contextmanager
def taken(context: Context) -> Iterator[Space]:
    """What the context holds, in memory."""
    with new_space(state_bytes(context)) as space:
        take_state(context, space)
        yield space


def expectations(context: Context) -> list[Scores]:
    """What the context expects at its end and after each of `NEXT`; it is emptied."""
    found = []
    for token in NEXT:
        scores = next_scores(context, again=False)
        assert scores is not None
        found.append(scores)
        context.decode((token,))
    context.keep(0)
    return found


def mean_divergence(before: Sequence[Scores], after: Sequence[Scores]) -> float:
    """How far expectations are apart on average, in nats."""
    return sum(divergence(one, other) for one, other in zip(before, after, strict=True)) / len(before)
