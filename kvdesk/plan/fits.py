"""What the search for the largest context finds, and how its findings are ranked."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kvdesk.memory.cache_types import CACHE_TYPES
from kvdesk.phrases import Phrase

Kernel = Literal["gpu", "cpu", "unknown"]
Quality = Literal["exact", "close", "fair", "poor"]

# How far a cache of each type is from f16's answers. Quantised rows are rotated first (llama-kv-cache.cpp,
# attn_rot), which the older, worse figures on the web do not have. The classes follow the mean divergence of
# the next token's distribution: none, below 0.001, below 0.01, above.
_QUALITY: dict[str, Quality] = {
    "f32": "exact",
    "f16": "exact",
    "bf16": "exact",
    "q8_0": "close",
    "q5_1": "fair",
    "q5_0": "fair",
    "q4_1": "poor",
    "q4_0": "poor",
    "iq4_nl": "poor",
}
_QUALITIES: tuple[Quality, ...] = ("exact", "close", "fair", "poor")
_KERNELS: tuple[Kernel, ...] = ("gpu", "unknown", "cpu")
_WIDTHS = {row.name: row.bits_per_value for row in CACHE_TYPES}

ALL_PAIRS: tuple[tuple[str, str], ...] = tuple((k.name, v.name) for k in CACHE_TYPES for v in CACHE_TYPES)

# Of these, the ones that people choose between: symmetric ones, and a coarser V beside a fine K.
USUAL_PAIRS: frozenset[tuple[str, str]] = frozenset(
    {
        ("f16", "f16"),
        ("q8_0", "q8_0"),
        ("q8_0", "q5_1"),
        ("q5_1", "q5_1"),
        ("q8_0", "q4_0"),
        ("q4_0", "q4_0"),
    }
)

_DIFFERENCES: dict[Quality, Phrase] = {
    "exact": Phrase("Answers are as with f16."),
    "close": Phrase("Answers hardly differ from f16's."),
    "fair": Phrase("Answers differ somewhat from f16's."),
    "poor": Phrase("Answers can differ visibly from f16's."),
}


@dataclass(frozen=True, slots=True)
class Speed:
    """What answers are predicted to come at with `ctx_size` tokens in the cache, and what that rests on:
    answers measured on this machine, or the makers' bandwidths, which no program quite reaches.
    """

    tokens_per_s: float
    ctx_size: int
    source: Literal["measured", "specification"]


@dataclass(frozen=True, slots=True)
class PairFit:
    """The largest context of one cache pair within the budget; None where nothing fits.

    `ctx_limit` is where the search ended; a context of that size may not be the largest that fits.
    `margin_bytes` is what is left on the tightest device (negative where nothing fits), and
    `bytes_per_token` what a further token takes. `is_planned`: llama.cpp itself said so.
    """

    cache_type_k: str
    cache_type_v: str
    max_ctx_size: int | None
    total_bytes: int
    margin_bytes: int
    kernel: Kernel
    bytes_per_token: int
    why: Phrase
    is_refused: bool = False
    speed: Speed | None = None
    is_planned: bool = False

    @property
    def quality(self) -> Quality:
        """The class of the weaker of its two types; K's errors count for more, so a tie goes to K."""
        return max(_QUALITY[self.cache_type_k], _QUALITY[self.cache_type_v], key=_QUALITIES.index)

    @property
    def difference(self) -> Phrase:
        """Its quality in a sentence."""
        return _DIFFERENCES[self.quality]

    @property
    def reason(self) -> Phrase:
        """Why it stands where it stands in the ranking: what fits, how good answers are, who computes."""
        if self.max_ctx_size is None:
            return self.why
        template = (
            "{memory} {quality} Its attention runs on the CPU."
            if self.kernel == "cpu"
            else "{memory} {quality} The GPU computes its attention."
            if self.kernel == "gpu"
            else "{memory} {quality}"
        )
        return Phrase(template, memory=self.why, quality=self.difference)


def ranked(fits: Iterable[PairFit], wanted_ctx: int = 0) -> tuple[PairFit, ...]:
    """The best pair first.

    Pairs the GPU has no kernel for come last, before them those that fit nowhere. Pairs that hold the wanted
    context come before those that do not; then quality decides, then the context, then fewer bytes a token.
    Without a wanted context every pair that fits competes by quality for what it can hold.
    """

    def key(fit: PairFit) -> tuple[object, ...]:
        ctx = fit.max_ctx_size or 0
        return (
            fit.max_ctx_size is None,
            fit.is_refused,
            _KERNELS.index(fit.kernel),
            ctx < wanted_ctx,
            -ctx if ctx < wanted_ctx else 0,
            _QUALITIES.index(fit.quality),
            -ctx,
            _WIDTHS[fit.cache_type_k] + _WIDTHS[fit.cache_type_v],
            -_WIDTHS[fit.cache_type_k],
        )

    return tuple(sorted(fits, key=key))
