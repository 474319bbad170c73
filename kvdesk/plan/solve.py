"""The largest context that fits, by arithmetic: for one pair of cache types, or for all of them at once."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from kvdesk.memory.cache_types import BY_NAME
from kvdesk.memory.configuration import CELL_PADDING, Configuration
from kvdesk.memory.estimate import estimate
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase
from kvdesk.plan.budget import Amount, Ceilings, Limits, ceilings
from kvdesk.plan.configure import configure
from kvdesk.plan.fits import ALL_PAIRS, PairFit
from kvdesk.plan.forecast import STRAIGHT_BYTES, Bits, Forecasts, Foreseen, GraphKind, kind_of
from kvdesk.plan.options import LoadOptions
from kvdesk.units import format_bytes, format_tokens

_FALLBACK_LIMIT = 131_072  # for files that do not say what they were trained for
# The part of what the next step's caches take below which a margin cannot be enough for it: the rest is room
# for a compute buffer that shrinks, which it does by much less.
_SURE = 0.75
_GUESSES = 3  # beginnings that are foreseen, each from what the last one showed


def fit_all(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    reserve_bytes: int = 0,
    pairs: Sequence[tuple[str, str]] = ALL_PAIRS,
    limits: Ceilings | Limits | None = None,
) -> tuple[PairFit, ...]:
    """The largest context of every pair within each device's free memory less the reserve, in bytes.

    `limits` replaces that budget. Everything but context and cache types is taken from `options`. The search
    ends at the trained context (times the RoPE scale, for each sequence). Every result was found to fit, and
    the next step not to: by an estimate there, by estimates of pairs with the same graph on both sides of it
    that lie on one line, or by the caches alone where they clearly take too much. The compute buffer does
    not always grow with the context; a larger one may fit by chance.
    """
    if limits is None:
        limits = ceilings(devices, Amount(reserve_bytes))
    search = _Search(shape, options, devices, limits)
    found = {pair: search.fit(*pair) for pair in _in_good_order(pairs)}
    return tuple(found[pair] for pair in pairs)


def fit_pair(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    reserve_bytes: int = 0,
    limits: Ceilings | Limits | None = None,
) -> PairFit:
    """The same for the pair of cache types that stands in the options."""
    pair = (options.cache_type_k, options.cache_type_v)
    return fit_all(shape, options, devices, reserve_bytes, (pair,), limits)[0]


def context_limit(shape: ModelShape, options: LoadOptions) -> int:
    """Where the search ends: the trained context, stretched by RoPE scaling, for each sequence."""
    scale = options.rope_scale or (1 / options.rope_freq_scale if options.rope_freq_scale else 1.0)
    trained = round((shape.n_ctx_train or _FALLBACK_LIMIT) * max(scale, 1.0))
    step = step_of(options)
    sequences = 1 if options.kv_unified else options.parallel
    return max(trained * sequences // step * step, step)


def step_of(options: LoadOptions) -> int:
    """The smallest difference between two contexts: llama.cpp pads each sequence's part to 256 cells."""
    return CELL_PADDING * (1 if options.kv_unified else options.parallel)


def largest(
    low: int,
    high: int,
    step: int,
    margin: Callable[[int], int],
    guess: int | None = None,
    surely_too_little: float = 0,
) -> int | None:
    """The largest of low, low + step, ..., high whose margin is not negative; None where none was found.

    For a margin that falls with its argument, nearly linearly; where it does not fall everywhere, the result
    still has a margin and the next step has none. Asks for as few margins as it can, with a good `guess` for
    two: that there is one at the result, and none beyond it. The second is not asked for where the first is
    below `surely_too_little`.
    """
    fits, fails = low - step, high + step  # ends that need not be asked about
    is_shot = guess is not None
    point = high if guess is None else min(max(low + (guess - low) // step * step, low), high)
    while True:
        left = margin(point)
        has_margin = left >= 0
        if has_margin:
            fits = point
            if left < surely_too_little:
                return point
        else:
            fails = point
        if fails - fits <= step:
            return fits if fits >= low else None
        if is_shot:  # if it was a good one, its neighbour settles the matter
            point += step if has_margin else -step
            is_shot = False
        elif fails > high:
            point = high
        elif fits < low:
            point = low
        else:
            inside, outside = margin(fits), margin(fails)
            line = fits + (fails - fits) * inside // (inside - outside) // step * step
            point = min(max(line, fits + step), fails - step)
            is_shot = True


@dataclass(frozen=True, slots=True)
class Tried:
    """One context that was estimated: what is left on the tightest device (negative: lacking), in bytes."""

    ctx_size: int
    margin_bytes: int
    tightest: str
    report: MemoryReport


class _Search:
    """Fits one pair after the other, each beginning from what the others have shown."""

    def __init__(
        self, shape: ModelShape, options: LoadOptions, devices: Sequence[Device], limits: Ceilings | Limits
    ) -> None:
        self._shape = shape
        self._options = options
        self._devices = devices
        self._limits = limits
        self._high = context_limit(shape, options)
        self._step = step_of(options)
        self._forecasts = Forecasts(Limits.of(limits))

    def fit(self, k: str, v: str) -> PairFit:
        shape, step = self._shape, self._step
        wanted = msgspec.structs.replace(self._options, cache_type_k=k, cache_type_v=v)
        config = configure(msgspec.structs.replace(wanted, ctx_size=step), shape, self._devices)
        refused = next((each.message for each in refusals(shape, config) if not each.is_warning), Phrase(""))
        if refused:
            return PairFit(k, v, None, 0, 0, "unknown", 0, refused, is_refused=True)
        kind = (kind_of(config.type_k), kind_of(config.type_v))
        bits = (config.type_k.bits_per_value, config.type_v.bits_per_value)
        per_token = bytes_per_token(shape, config)
        guess = self._guess(kind, bits)
        if guess is not None and (found := self._sure_result(kind, bits, guess)) is not None:
            ctx_size, seen = found
            why = why_of(ctx_size, self._high, step, seen.margin_bytes, seen.tightest, shape)
            return PairFit(k, v, ctx_size, seen.total_bytes, seen.margin_bytes, "unknown", per_token, why)
        tried: dict[int, Tried] = {}

        def margin(ctx_size: int) -> int:
            if ctx_size not in tried:
                tried[ctx_size] = attempt(shape, wanted, self._devices, self._limits, ctx_size)
                self._forecasts.learn(kind, ctx_size, tried[ctx_size].report, bits)
            return tried[ctx_size].margin_bytes

        for _ in range(_GUESSES):
            if guess is None or guess in tried:
                break
            margin(guess)
            guess = self._guess(kind, bits)
        ctx_size = largest(step, self._high, step, margin, guess, self._growth(kind, bits, guess))
        margin(ctx_size or step)
        at = tried[ctx_size or step]
        why = why_of(ctx_size, self._high, step, at.margin_bytes, at.tightest, shape)
        return PairFit(k, v, ctx_size, at.report.bytes_of(), at.margin_bytes, "unknown", per_token, why)

    def _guess(self, kind: GraphKind, bits: Bits) -> int | None:
        """Where the largest context is foreseen to be, the smallest one where nothing is foreseen to fit."""
        low, high = (self._forecasts.foresee(kind, end, bits) for end in (self._step, self._high))
        if low is None or high is None:  # all of it fits, or nothing does: no line is needed for that
            return self._high if high is not None and high.margin_bytes >= 0 else None
        margins = {self._step: low.margin_bytes, self._high: high.margin_bytes}

        def margin(ctx_size: int) -> int:
            if ctx_size not in margins:
                foreseen = self._forecasts.foresee(kind, ctx_size, bits)
                assert foreseen is not None
                margins[ctx_size] = foreseen.margin_bytes
            return margins[ctx_size]

        return largest(self._step, self._high, self._step, margin) or self._step

    def _sure_result(self, kind: GraphKind, bits: Bits, guess: int) -> tuple[int | None, Foreseen] | None:
        """The result, where it can be told without an estimate of this very pair."""
        at = self._forecasts.foresee(kind, guess, bits)
        if at is None or not self._forecasts.is_sure(kind, guess):
            return None
        if at.margin_bytes < -STRAIGHT_BYTES and guess == self._step:
            return None, at
        if at.margin_bytes < STRAIGHT_BYTES:
            return None
        beyond = guess + self._step
        if beyond <= self._high and at.margin_bytes >= _SURE * self._step * at.token_bytes:
            after = self._forecasts.foresee(kind, beyond, bits)
            is_sure = after is not None and self._forecasts.is_sure(kind, beyond)
            if after is None or not is_sure or after.margin_bytes > -STRAIGHT_BYTES:
                return None
        return guess, at

    def _growth(self, kind: GraphKind, bits: Bits, guess: int | None) -> float:
        """The margin that is surely too little for another step from the guess."""
        at = None if guess is None else self._forecasts.foresee(kind, guess, bits)
        return _SURE * self._step * at.token_bytes if at is not None else 0


def _in_good_order(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """f16 first, which tells most about others; of each graph the widest and the narrowest pair before those
    between them.
    """
    kinds: defaultdict[GraphKind, list[tuple[str, str]]] = defaultdict(list)
    for k, v in sorted(pairs, key=lambda pair: -(_bits(pair[0]) + _bits(pair[1]))):
        kinds[kind_of(BY_NAME[k]), kind_of(BY_NAME[v])].append((k, v))
    order = sorted(kinds.items(), key=lambda entry: -entry[0].count("f16"))
    return [
        pair
        for _, alike in order
        for pair in (alike if len(alike) < 3 else [alike[0], alike[-1], *alike[1:-1]])
    ]


def _bits(name: str) -> float:
    return BY_NAME[name].bits_per_value


def attempt(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    limits: Ceilings | Limits,
    ctx_size: int,
) -> Tried:
    """Estimate the options at a context and see what is left on the tightest device."""
    config = configure(msgspec.structs.replace(options, ctx_size=ctx_size), shape, devices)
    report = estimate(shape, config, tells_copies=False)
    margin_bytes, tightest = Limits.of(limits).tightest(report)
    return Tried(ctx_size, margin_bytes, tightest, report)


def bytes_per_token(shape: ModelShape, config: Configuration) -> int:
    """What a further token of context takes in the caches once the windows are full, in bytes."""
    v_widest = 0 if config.uses_flash_attention else shape.widest_v_values
    total = 0.0
    for layer in shape.layers:
        if layer.keeps_cells and (layer.window_tokens is None or config.swa_full):
            v_values = (v_widest or layer.v_values) if layer.v_values else 0
            total += config.type_k.row_bytes(layer.k_values) + config.type_v.row_bytes(v_values)
        for side in layer.side_caches:
            row_bytes = config.type_k.row_bytes(side.k_values) + config.type_v.row_bytes(side.v_values)
            total += row_bytes / side.tokens_per_cell
    return round(total)


def why_of(
    found: int | None, high: int, step: int, margin_bytes: int, tightest: str, shape: ModelShape
) -> Phrase:
    """Why a pair holds just so much, in words: what is left or lacking, and where."""
    if found is None:
        return Phrase(
            "{device} lacks {lacking} even for {tokens} tokens.",
            device=tightest,
            lacking=format_bytes(-margin_bytes),
            tokens=format_tokens(step),
        )
    left = format_bytes(margin_bytes)
    if found == high:
        said = (
            Phrase("The whole trained context fits")
            if shape.n_ctx_train
            else Phrase("Everything that was searched fits")
        )
        if not tightest:
            return Phrase("{said}.", said=said)
        return Phrase("{said}; {left} left on {device}.", said=said, left=left, device=tightest)
    return Phrase("{device} is full: {left} left.", device=tightest, left=left)
