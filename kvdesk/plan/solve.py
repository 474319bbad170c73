"""The largest context that fits, by arithmetic: for one pair of cache types, or for all of them at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from kvdesk.memory.configuration import CELL_PADDING, Configuration
from kvdesk.memory.estimate import estimate
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.budget import Amount, Ceilings, ceilings
from kvdesk.plan.configure import configure
from kvdesk.plan.fits import ALL_PAIRS, PairFit
from kvdesk.plan.options import LoadOptions
from kvdesk.units import format_bytes, format_tokens

_FALLBACK_LIMIT = 131_072  # for files that do not say what they were trained for


@dataclass(frozen=True, slots=True)
class Tried:
    """One context that was estimated: what is left on the tightest device (negative: lacking), in bytes."""

    ctx_size: int
    margin_bytes: int
    tightest: str
    report: MemoryReport


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
    own context and found to fit, and at the next step and found not to; the compute buffer does not always
    grow with the context, so a larger one may still fit by chance.
    """
    if limits is None:
        limits = ceilings(devices, Amount(reserve_bytes))
    return tuple(_fit(shape, options, devices, limits, pair) for pair in pairs)


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


def largest(low: int, high: int, step: int, margin: Callable[[int], int]) -> int | None:
    """The largest of low, low + step, ..., high whose margin is not negative; None when low's is.

    For a margin that falls with its argument, nearly linearly; where it does not fall everywhere, the result
    still has a margin and the next step has none. Asks for as few margins as it can.
    """
    if margin(high) >= 0:
        return high
    if margin(low) < 0:
        return None
    fits, fails, guess = low, high, 0
    while fails - fits > step:
        inside, outside = margin(fits), margin(fails)
        if guess == fits:
            guess = fits + step  # the line through both ends was right: only its neighbour is left to ask
        elif guess == fails:
            guess = fails - step
        else:
            guess = fits + (fails - fits) * inside // (inside - outside) // step * step
            guess = min(max(guess, fits + step), fails - step)
        if margin(guess) >= 0:
            fits = guess
        else:
            fails = guess
    return fits


def _fit(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    limits: Ceilings,
    pair: tuple[str, str],
) -> PairFit:
    k, v = pair
    wanted = msgspec.structs.replace(options, cache_type_k=k, cache_type_v=v)
    high, step = context_limit(shape, options), step_of(options)
    config = configure(msgspec.structs.replace(wanted, ctx_size=step), shape, devices)
    refused = next((each.message for each in refusals(shape, config) if not each.is_warning), "")
    if refused:
        return PairFit(k, v, None, 0, 0, "unknown", 0, refused, is_refused=True)
    tried: dict[int, Tried] = {}

    def margin(ctx_size: int) -> int:
        if ctx_size not in tried:
            tried[ctx_size] = attempt(shape, wanted, devices, limits, ctx_size)
        return tried[ctx_size].margin_bytes

    found = largest(step, high, step, margin)
    at = tried[step if found is None else found]
    per_token = bytes_per_token(shape, config)
    why = _why(found, high, at, shape)
    return PairFit(k, v, found, at.report.bytes_of(), at.margin_bytes, "unknown", per_token, why)


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


def _why(found: int | None, high: int, at: Tried, shape: ModelShape) -> str:
    if found is None:
        lacking = format_bytes(-at.margin_bytes)
        return f"{at.tightest} lacks {lacking} even for {format_tokens(at.ctx_size)} tokens."
    left = format_bytes(at.margin_bytes)
    if found == high:
        said = "the whole trained context" if shape.n_ctx_train else "as far as was searched"
        return f"Fits {said}." if not at.tightest else f"Fits {said}; {left} left on {at.tightest}."
    return f"{at.tightest} is full: {left} left."
