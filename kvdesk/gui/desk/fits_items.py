"""The rows and columns of the map of largest contexts, from the pairs' fits; nothing here draws."""

from collections.abc import Sequence
from dataclasses import dataclass

from kvdesk.session.state import PairFit

_STEPS = tuple(1024 * k for k in (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024))
_COLUMNS = 7
_TIGHT_FROM = 0.875  # a context that takes this share of what fits leaves little room

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FitsTable:
    """Pairs down, contexts across."""

    fits: tuple[PairFit, ...]
    contexts: tuple[int, ...]

    def room(self, row: int, column: int) -> float | None:
        """The share of the largest context that is left at this one, 0 to 1; None where it does not fit."""
        largest = self.fits[row].max_ctx_size
        context = self.contexts[column]
        if largest is None or context > largest:
            return None
        return 1 - context / largest

    def is_tight(self, row: int, column: int) -> bool:
        """Whether this context is nearly all that fits."""
        room = self.room(row, column)
        return room is not None and room <= 1 - _TIGHT_FROM


def tabulate(fits: Sequence[PairFit], chosen: Pair, rows: int = 8) -> FitsTable:
    """Choose rows and columns: the first pairs as they are ranked, the chosen one in any case."""
    shown = list(fits[:rows])
    own = next((fit for fit in fits if (fit.cache_type_k, fit.cache_type_v) == chosen), None)
    if own is not None and own not in shown:
        shown[-1:] = [own]
    longest = max((fit.max_ctx_size or 0 for fit in shown), default=0)
    within = [step for step in _STEPS if step <= longest]
    beyond = [step for step in _STEPS if step > longest][:1]
    return FitsTable(tuple(shown), tuple((within + beyond)[-_COLUMNS:]))


def step_label(tokens: int) -> str:
    """Name a column: 4k, 1M."""
    return f"{tokens // 1024}k" if tokens < 1024**2 else f"{tokens // 1024**2}M"
