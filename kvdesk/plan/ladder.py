"""The next steps for a chat that nears the end of its context: a larger one at the same cache types, then
smaller types, each with what it takes and how long it lasts.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from kvdesk.errors import KvDeskError
from kvdesk.memory.estimate import estimate
from kvdesk.memory.kv import cache_bytes
from kvdesk.memory.placement import place
from kvdesk.memory.report import Device, Kind, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase
from kvdesk.plan.budget import Ceilings, Limits
from kvdesk.plan.configure import configure
from kvdesk.plan.fits import USUAL_PAIRS, PairFit, ranked
from kvdesk.plan.offer import Route, Rung
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.paces import Paces, copy_key
from kvdesk.plan.solve import bytes_per_token, context_limit, fit_all, step_of
from kvdesk.units import format_bytes, format_duration, format_tokens

# Bytes a second until this machine has shown its own: low ones, so that a first guess is no promise.
# A single thread moves 3 GB/s and more through llama_state_seq_get_data and _set_data, a conversion is held
# to 1 GB/s, and a SATA disk writes and reads back 500 MB/s.
DEFAULT_SPEEDS: Mapping[tuple[Route, str], float] = {
    ("device", "copied"): 2e9,
    ("device", "converted"): 1e9,
    ("memory", "copied"): 2e9,
    ("memory", "converted"): 1e9,
    ("disk", "copied"): 2.5e8,
    ("disk", "converted"): 2.5e8,
}
DEFAULT_SETUP_S = 0.3  # making a context and checking its next token, until it was measured
WORTH = 1.25  # smaller types that give less than this much more are named after those that give it
CELL_BYTES = 12  # of a saved state beyond its rows: position and sequences (llama_kv_cache::state_write_meta)
_NOTHING_MEASURED = Paces()
_OF_A_CONTEXT = (Kind.K, Kind.V, Kind.RECURRENT, Kind.COMPUTE, Kind.OUTPUT)


def ladder(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    limits: Ceilings | Limits,
    held_tokens: int,
    paces: Paces = _NOTHING_MEASURED,
) -> tuple[Rung, ...]:
    """The steps up from the loaded `options`, the cheapest in quality first; empty where there are none.

    `devices` and `limits` count what the loaded model holds as free. At the same types the context doubles,
    and if memory allows goes to the end; each pair of smaller types is then offered once, as large as twice
    the context if that fits.
    """
    same = (options.cache_type_k, options.cache_type_v)
    smaller = [pair for pair in USUAL_PAIRS if _takes_less(shape, options, devices, pair, same)]
    fits = fit_all(shape, options, devices, pairs=(same, *smaller), limits=limits)
    now = options.ctx_size
    wanted = _padded(2 * now, options, context_limit(shape, options))
    rungs: list[Rung] = []
    for fit in (fits[0], *ranked(fits[1:], round(now * WORTH))):
        pair = (fit.cache_type_k, fit.cache_type_v)
        for ctx_size in _sizes(fit, now, wanted, is_same=pair == same):
            found = rung(
                shape,
                options,
                devices,
                limits,
                held_tokens,
                paces,
                ctx_size=ctx_size,
                cache_type_k=pair[0],
                cache_type_v=pair[1],
            )
            if found is not None and found.margin_bytes >= 0:
                rungs.append(found)
    return tuple(rungs)


def rung(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    limits: Ceilings | Limits,
    held_tokens: int,
    paces: Paces = _NOTHING_MEASURED,
    **changes: object,
) -> Rung | None:
    """What going from the loaded `options` to changed ones takes; None where they make no configuration.

    A step that does not fit has a negative `margin_bytes`.
    """
    wanted = msgspec.structs.replace(options, **changes)
    try:
        before, after = (estimate(shape, configure(each, shape, devices)) for each in (options, wanted))
        state_bytes = state_bytes_of(shape, options, devices, held_tokens)
    except KvDeskError:
        return None
    known = Limits.of(limits)
    margin_bytes, _ = known.tightest(after)
    route = _route(before, after, known, state_bytes)
    is_same_pair = (wanted.cache_type_k, wanted.cache_type_v) == (options.cache_type_k, options.cache_type_v)
    how = "copied" if is_same_pair else "converted"
    measured = paces.copies.get(copy_key(devices, route, how))
    setup_s = DEFAULT_SETUP_S if paces.setup_s is None else paces.setup_s
    seconds = setup_s + state_bytes / (measured or DEFAULT_SPEEDS[route, how])
    extra = after.bytes_of() - before.bytes_of()
    cost = _cost(wanted, extra, margin_bytes, route, state_bytes, seconds, is_same_pair)
    return Rung(
        wanted, wanted.ctx_size, route, state_bytes, extra, margin_bytes, seconds, measured is not None, cost
    )


def state_bytes_of(
    shape: ModelShape, options: LoadOptions, devices: Sequence[Device], held_tokens: int
) -> int:
    """What a conversation of so many tokens takes when its cache is saved, in bytes. Raises OptionError."""
    if held_tokens <= 0:
        return 0
    config = configure(msgspec.structs.replace(options, ctx_size=held_tokens), shape, devices)
    caches = cache_bytes(shape, config, place(shape, config))
    rows = sum(caches.k.values()) + sum(caches.v.values())
    share = min(1.0, held_tokens / config.n_ctx_seq)  # what padding adds is not saved
    return round(rows * share) + sum(caches.state.values()) + CELL_BYTES * held_tokens


def _sizes(fit: PairFit, now: int, wanted: int, *, is_same: bool) -> Iterator[int]:
    most = fit.max_ctx_size
    if most is None or fit.is_refused or most <= now:
        return
    first = min(wanted, most)
    yield first
    if is_same and most > first:
        yield most


def _padded(ctx_size: int, options: LoadOptions, limit: int) -> int:
    step = step_of(options)
    return min(-(-ctx_size // step) * step, limit)


def _takes_less(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    pair: tuple[str, str],
    same: tuple[str, str],
) -> bool:
    """Whether a pair takes fewer bytes a token than the loaded one."""

    def size(types: tuple[str, str]) -> int:
        changed = msgspec.structs.replace(options, cache_type_k=types[0], cache_type_v=types[1])
        return bytes_per_token(shape, configure(changed, shape, devices))

    return pair != same and size(pair) < size(same)


def _route(before: MemoryReport, after: MemoryReport, limits: Limits, state_bytes: int) -> Route:
    """Both contexts at once where they fit; else the contents rest in host memory, or on disk."""
    both = True
    for name, limit in limits.devices.items():
        old_context = sum(before.bytes_of(kind, name) for kind in _OF_A_CONTEXT)
        if limit is not None and after.needed_bytes(name) + old_context > limit:
            both = False
    if both:
        return "device"
    host = limits.devices.get("CPU")
    if host is None or after.needed_bytes("CPU") + state_bytes <= host:
        return "memory"
    return "disk"


def _cost(
    wanted: LoadOptions,
    extra_bytes: int,
    margin_bytes: int,
    route: Route,
    state_bytes: int,
    seconds: float,
    is_same_pair: bool,
) -> Phrase:
    memory = (
        Phrase("takes {more} more", more=format_bytes(extra_bytes))
        if extra_bytes >= 0
        else Phrase("frees {less}", less=format_bytes(-extra_bytes))
    )
    said = Phrase(
        "{ctx} tokens with K {k} and V {v}: {memory}",
        ctx=format_tokens(wanted.ctx_size),
        k=wanted.cache_type_k,
        v=wanted.cache_type_v,
        memory=memory,
    )
    if margin_bytes < 0:
        return Phrase("{said}, and {lacking} are lacking.", said=said, lacking=format_bytes(-margin_bytes))
    if not state_bytes:
        return Phrase("{said}; about {seconds}.", said=said, seconds=format_duration(seconds))
    held = format_bytes(state_bytes)
    moved = (
        Phrase("{size} are copied", size=held) if is_same_pair else Phrase("{size} are converted", size=held)
    )
    through = (
        Phrase("{moved} through host memory", moved=moved)
        if route == "memory"
        else Phrase("{moved} through the disk", moved=moved)
        if route == "disk"
        else moved
    )
    return Phrase(
        "{said}; {moved} in about {seconds}.", said=said, moved=through, seconds=format_duration(seconds)
    )
