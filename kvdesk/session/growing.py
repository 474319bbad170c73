"""What the program does when a conversation nears the end of its context: finds the next steps, takes one."""

import msgspec

from kvdesk.engine import protocol
from kvdesk.errors import KvDeskError
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.offer import Rung
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.paces import copy_key
from kvdesk.session import events
from kvdesk.session.parts import Parts
from kvdesk.session.room import find_curve
from kvdesk.session.state import Notice, Phase

NEAR_END = 0.85  # of the context, from where on a larger one is offered


def fullness(parts: Parts) -> float:
    """How full the context is, 0 to 1, the next answer included where it was counted."""
    loaded, cache, cost = parts.state.engine.loaded, parts.state.engine.cache, parts.state.send_cost
    if loaded is None or not loaded.n_ctx_seq:
        return 0.0
    used = max(cache.cells_used if cache else 0, cost.cells_after if cost else 0)
    return used / loaded.n_ctx_seq


def consider_growing(parts: Parts) -> None:
    """Find the next steps when the context nears its end: for an offer, or as one way on of several."""
    is_offer = parts.settings.auto_grow != "off"
    if parts.state.overflow or (is_offer and fullness(parts) >= NEAR_END):
        find_ladder(parts, is_offer=is_offer)


def find_ladder(parts: Parts, *, is_offer: bool) -> None:
    """Find the steps to a larger context for what is loaded, on a thread of its own."""
    loaded, load = parts.state.engine.loaded, parts.last_load
    if loaded is None or load is None:
        return
    model, asked = load
    options, devices, paces = with_context_of(asked, loaded.options), parts.state.devices, parts.paces
    reserve, cache = parts.settings.reserve_bytes, parts.state.engine.cache
    held = cache.cells_used if cache else 0

    def job() -> None:
        from kvdesk.plan.ladder import ladder

        try:
            limits = ceilings(devices, Amount(reserve))
            rungs = ladder(model.shape, options, devices, limits, held, paces)
        except KvDeskError:
            rungs = ()
        parts.put(events.LadderFound(loaded.options, rungs, is_offer))

    parts.searches.submit(job, key="ladder")


def ladder_found(parts: Parts, found: events.LadderFound) -> None:
    """Take the first step by itself where the settings say so."""
    if found.is_offer and found.rungs and parts.settings.auto_grow == "do" and rebuild(parts, found.rungs[0]):
        parts.take(events.NoticeChanged(Notice(found.rungs[0].cost, is_error=False)))


def rebuild(parts: Parts, rung: Rung) -> bool:
    """Take a step of the ladder; False when the engine is at something else."""
    if parts.state.engine.phase is not Phase.READY or parts.state.engine.loaded is None:
        return False
    begin_rebuild(parts, rung.options, rung.route)
    return True


def begin_rebuild(parts: Parts, options: LoadOptions, route: protocol.StateRoute) -> None:
    """Give the loaded model a context with these options."""
    parts.take(events.RebuildBegun(options))
    parts.driver.rebuild(options, route, parts.parked_files.folder)


def with_context_of(options: LoadOptions, other: LoadOptions) -> LoadOptions:
    """Return options as they were asked for with another's context, which a rebuild may have changed.

    The other's are as llama.cpp normalised them: a small context clamps the batch, and a larger one should
    have the batch that was asked for.
    """
    changes = {
        name: getattr(other, name) for name in ("ctx_size", "cache_type_k", "cache_type_v", "swa_full")
    }
    return msgspec.structs.replace(options, **changes)


def was_rebuilt(parts: Parts, said: protocol.Rebuilt) -> None:
    """Note what is loaded now and how fast its contents were moved."""
    if parts.last_load is not None:
        parts.last_load = (parts.last_load[0], with_context_of(parts.last_load[1], said.options))
    if said.how in ("copied", "converted"):
        key = copy_key(parts.listed_devices, said.route, said.how)
        parts.keep_paces(parts.paces.with_rebuild(key, said.state_bytes, said.copy_s, said.elapsed_s))
    find_curve(parts)
