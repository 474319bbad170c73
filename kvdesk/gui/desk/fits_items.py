"""The rows and columns of the map of largest contexts, from the pairs' fits; nothing here draws."""

from collections.abc import Sequence
from dataclasses import dataclass

from kvdesk.plan.fits import USUAL_PAIRS
from kvdesk.session.state import PairFit

_STEPS = tuple(1024 * k for k in (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024))
_COLUMNS, _FEWEST_ROWS = 7, 3
_TIGHT_FROM = 0.875  # a context that takes this share of what fits leaves little room

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FitsTable:
    """Pairs down, contexts across."""

    fits: tuple[PairFit, ...]
    contexts: tuple[int, ...]

    def room(self, row: int, column: int) -> float | None:
        """The share of the cache's memory that is left at a context, 0 to 1; None where it does not fit.

        A largest context that is the trained one may leave much: its margin counts too.
        """
        fit, context = self.fits[row], self.contexts[column]
        if fit.max_ctx_size is None or context > fit.max_ctx_size:
            return None
        by_memory = fit.max_ctx_size + fit.margin_bytes / max(fit.bytes_per_token, 1)
        return 1 - context / by_memory

    def is_tight(self, row: int, column: int) -> bool:
        """Whether this context is nearly all that fits."""
        room = self.room(row, column)
        return room is not None and room <= 1 - _TIGHT_FROM


def tabulate(
    fits: Sequence[PairFit], chosen: Pair, trained: int, *, shows_all: bool = False, has_gpu: bool = False
) -> FitsTable:
    """Choose rows and columns: the usual pairs and the chosen one, or all; contexts up to the longest.

    The widest pair comes first; those whose attention a GPU would leave to the CPU come last.
    One context beyond the longest shows where it ends, unless the training ends there (`trained` tokens).
    """
    wanted = {*USUAL_PAIRS, chosen}
    shown = [fit for fit in fits if shows_all or pair_of(fit) in wanted]
    if len(shown) < _FEWEST_ROWS:  # a model whose heads take no quantised cache
        shown = list(fits[: len(USUAL_PAIRS)])
    shown.sort(key=lambda fit: (has_gpu and fit.kernel == "cpu", -fit.bytes_per_token))
    longest = max((fit.max_ctx_size or 0 for fit in shown), default=0)
    within = [step for step in _STEPS if step <= longest]
    beyond = [step for step in _STEPS if step > longest][:1] if longest < trained else []
    return FitsTable(tuple(shown), tuple((within + beyond)[-_COLUMNS:]))


def pair_of(fit: PairFit) -> Pair:
    """The cache types of a fit, K first."""
    return (fit.cache_type_k, fit.cache_type_v)


def step_label(tokens: int) -> str:
    """Name a column: 4k, 1M."""
    return f"{tokens // 1024}k" if tokens < 1024**2 else f"{tokens // 1024**2}M"
