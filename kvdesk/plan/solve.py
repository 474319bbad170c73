"""The largest context that fits, by arithmetic: for one pair of cache types, or for all of them at once."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from kvdesk.memory.cache_types import CacheType
from kvdesk.memory.configuration import CELL_PADDING, Configuration
from kvdesk.memory.estimate import estimate
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device, Kind, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase
from kvdesk.plan.budget import Amount, Ceilings, ceilings
from kvdesk.plan.configure import configure
from kvdesk.plan.fits import ALL_PAIRS, PairFit
from kvdesk.plan.options import LoadOptions
from kvdesk.units import format_bytes, format_tokens

_FALLBACK_LIMIT = 131_072  # for files that do not say what they were trained for
# The part of what the next step's caches take below which a margin cannot be enough for it: the rest is room
# for a compute buffer that shrinks, which it does by much less.
_SURE = 0.75


def fit_all(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    reserve_bytes: int = 0,
    pairs: Sequence[tuple[str, str]] = ALL_PAIRS,
    limits: Ceilings | None = None,
) -> tuple[PairFit, ...]:
    """The largest context of every pair within each device's free memory less the reserve, in bytes.

    `limits` replaces that budget. Everything but context and cache types is taken from `options`. The search
    ends at the trained context (times the RoPE scale, for each sequence). Every result was estimated at its
    own context and found to fit, and at the next step found not to: by its caches alone where they clearly
    take too much. The compute buffer does not always grow with the context; a larger one may fit by chance.
    """
    if limits is None:
        limits = ceilings(devices, Amount(reserve_bytes))
    search = _Search(shape, options, devices, limits)
    return tuple(search.fit(k, v) for k, v in pairs)


def fit_pair(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    reserve_bytes: int = 0,
    limits: Ceilings | None = None,
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


class _Samples:
    """What searches have shown about pairs of one kind, from which the next pair's result is foreseen.

    Pairs of a kind differ only in how wide their caches are: a sample is a context, what the tightest device
    has left there without caches, and what K and V take for each bit of a value. Between samples all of it is
    taken to be straight.
    """

    def __init__(self) -> None:
        self._points: dict[int, tuple[float, float, float]] = {}

    def __len__(self) -> int:
        return len(self._points)

    def add(self, tried: Tried, k_bits: float, v_bits: float) -> None:
        """Learn from one estimate."""
        k_bytes = tried.report.bytes_of(Kind.K, tried.tightest)
        v_bytes = tried.report.bytes_of(Kind.V, tried.tightest)
        rest = tried.margin_bytes + k_bytes + v_bytes
        self._points[tried.ctx_size] = (rest, k_bytes / k_bits, v_bytes / v_bits)

    def margin(self, ctx_size: int, k_bits: float, v_bits: float) -> int:
        """The margin that is foreseen, in bytes."""
        rest, k_bytes, v_bytes = self._at(ctx_size)
        return int(rest - k_bits * k_bytes - v_bits * v_bytes)

    def cache_bytes(self, ctx_size: int, k_bits: float, v_bits: float) -> float:
        """The caches that are foreseen on the tightest device."""
        _, k_bytes, v_bytes = self._at(ctx_size)
        return k_bits * k_bytes + v_bits * v_bytes

    def _at(self, ctx_size: int) -> tuple[float, float, float]:
        known = sorted(self._points)
        upper = min(max(bisect_left(known, ctx_size), 1), len(known) - 1)
        left, right = known[upper - 1], known[upper]
        part = (ctx_size - left) / (right - left)
        rest, k_bytes, v_bytes = (
            at_left + part * (at_right - at_left)
            for at_left, at_right in zip(self._points[left], self._points[right], strict=True)
        )
        return rest, k_bytes, v_bytes


class _Search:
    """Fits one pair after the other, each starting from what the last one of its kind showed."""

    def __init__(
        self, shape: ModelShape, options: LoadOptions, devices: Sequence[Device], limits: Ceilings
    ) -> None:
        self._shape = shape
        self._options = options
        self._devices = devices
        self._limits = limits
        self._samples: defaultdict[tuple[str, str], _Samples] = defaultdict(_Samples)
        self._last = _Samples()

    def fit(self, k: str, v: str) -> PairFit:
        shape, high, step = self._shape, context_limit(self._shape, self._options), step_of(self._options)
        wanted = msgspec.structs.replace(self._options, cache_type_k=k, cache_type_v=v)
        config = configure(msgspec.structs.replace(wanted, ctx_size=step), shape, self._devices)
        refused = next((each.message for each in refusals(shape, config) if not each.is_warning), Phrase(""))
        if refused:
            return PairFit(k, v, None, 0, 0, "unknown", 0, refused, is_refused=True)
        tried: dict[int, Tried] = {}

        def margin(ctx_size: int) -> int:
            if ctx_size not in tried:
                tried[ctx_size] = attempt(shape, wanted, self._devices, self._limits, ctx_size)
            return tried[ctx_size].margin_bytes

        bits = (config.type_k.bits_per_value, config.type_v.bits_per_value)
        samples = self._samples[_kind(config.type_k), _kind(config.type_v)]
        guess, growth = self._foresee(samples if len(samples) > 1 else self._last, step, high, bits)
        found = largest(step, high, step, margin, guess, growth)
        for each in tried.values():
            samples.add(each, *bits)
        self._last = samples if len(samples) > 1 else self._last
        margin(step if found is None else found)
        at = tried[step if found is None else found]
        per_token = bytes_per_token(shape, config)
        why = _why(found, high, at, shape)
        return PairFit(k, v, found, at.report.bytes_of(), at.margin_bytes, "unknown", per_token, why)

    def _foresee(
        self, samples: _Samples, step: int, high: int, bits: tuple[float, float]
    ) -> tuple[int | None, float]:
        """Where the search should begin, and the margin that is surely too little for another step there."""
        if len(samples) < 2:
            return None, 0
        guess = largest(step, high, step, lambda ctx: samples.margin(ctx, *bits)) or step
        growth = samples.cache_bytes(guess + step, *bits) - samples.cache_bytes(guess, *bits)
        return guess, _SURE * growth


def _kind(cache_type: CacheType) -> str:
    """Types that make the same graph: quantised ones are turned first, others read through copies or not."""
    return "quantised" if cache_type.is_quantised else cache_type.name


def attempt(
    shape: ModelShape, options: LoadOptions, devices: Sequence[Device], limits: Ceilings, ctx_size: int
) -> Tried:
    """Estimate the options at a context and see what is left on the tightest device."""
    config = configure(msgspec.structs.replace(options, ctx_size=ctx_size), shape, devices)
    report = estimate(shape, config)
    margins = [
        (limit - report.needed_bytes(device.name), device.name)
        for device in config.devices
        if (limit := limits.get(device.name)) is not None
    ]
    margin_bytes, tightest = min(margins, default=(0, ""))
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


def _why(found: int | None, high: int, at: Tried, shape: ModelShape) -> Phrase:
    if found is None:
        lacking = format_bytes(-at.margin_bytes)
        return Phrase(
            "{device} lacks {lacking} even for {tokens} tokens.",
            device=at.tightest,
            lacking=lacking,
            tokens=format_tokens(at.ctx_size),
        )
    left = format_bytes(at.margin_bytes)
    if found == high:
        said = (
            Phrase("The whole trained context fits")
            if shape.n_ctx_train
            else Phrase("Everything that was searched fits")
        )
        if not at.tightest:
            return Phrase("{said}.", said=said)
        return Phrase("{said}; {left} left on {device}.", said=said, left=left, device=at.tightest)
    return Phrase("{device} is full: {left} left.", device=at.tightest, left=left)
