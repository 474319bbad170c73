"""What advice and steps of the ladder are made of. By themselves, so that the state can hold them without
the arithmetic behind them.
"""

from dataclasses import dataclass
from typing import Literal

from kvdesk.phrases import Phrase
from kvdesk.plan.options import LoadOptions

Changes = tuple[tuple[str, object], ...]
Route = Literal["device", "memory", "disk"]  # where a cache's contents rest between two contexts


@dataclass(frozen=True, slots=True)
class Advice:
    """Options to change, by name. `gain_bytes` is what the tightest device gains, `margin_bytes` what it then
    has left (negative: still lacking), and `cost` a sentence about the price.
    """

    changes: Changes
    gain_bytes: int
    margin_bytes: int
    cost: Phrase

    @property
    def fits(self) -> bool:
        """Whether this change alone is enough."""
        return self.margin_bytes >= 0


@dataclass(frozen=True, slots=True)
class Rung:
    """One step to a larger context. `options` are the loaded ones with another context or other cache types.

    `extra_bytes` is what it takes more (negative: less) and `margin_bytes` what the tightest device then has
    left. The contents, `state_bytes`, rest where `route` says; `seconds` is predicted, `is_measured` says
    whether from this machine's own copies. `cost` is all of it in a sentence.
    """

    options: LoadOptions
    ctx_size: int
    route: Route
    state_bytes: int
    extra_bytes: int
    margin_bytes: int
    seconds: float
    is_measured: bool
    cost: Phrase

    @property
    def pair(self) -> tuple[str, str]:
        """The cache types."""
        return self.options.cache_type_k, self.options.cache_type_v
