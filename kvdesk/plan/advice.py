"""What to change when a plan does not fit: the smallest changes first, each with its gain and its price."""

from collections.abc import Iterator, Sequence

import msgspec

from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase
from kvdesk.plan.budget import Ceilings, Limits
from kvdesk.plan.configure import configure, uses_gpu
from kvdesk.plan.offer import Advice, Changes
from kvdesk.plan.offload import offloads
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import attempt, fit_pair

_WIDE = frozenset({"f32", "f16", "bf16"})


def advise(
    shape: ModelShape, options: LoadOptions, devices: Sequence[Device], limits: Ceilings | Limits
) -> tuple[Advice, ...]:
    """Changes that make the options fit, or help; empty when they fit as they are.

    Those that are enough come first, then those that only help; within both, what costs least comes first.
    Where no single cheap change is enough, the cheapest ones together are offered as one.
    """
    before = attempt(shape, options, devices, limits, options.ctx_size).margin_bytes
    if before >= 0:
        return ()
    offers: list[Advice] = []
    together: dict[str, object] = {}
    for changes, cost in _free_changes(shape, options):
        offer = _offer(shape, options, devices, limits, changes, cost, before)
        if offer is None:
            continue
        offers.append(offer)
        is_first = not together
        together.update(changes)
        if not is_first and not any(earlier.fits for earlier in offers):
            all_cost = Phrase("All of these together, each at its own price.")
            both = _offer(shape, options, devices, limits, tuple(together.items()), all_cost, before)
            offers += [both] if both is not None and both.fits else []
    for changes, cost in _searched_changes(shape, options, devices, limits):
        offer = _offer(shape, options, devices, limits, changes, cost, before)
        offers += [offer] if offer is not None and offer.fits else []
    return tuple(sorted(offers, key=lambda offer: not offer.fits))


def _offer(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    limits: Ceilings | Limits,
    changes: Changes,
    cost: Phrase,
    before: int,
) -> Advice | None:
    """What a change would bring; None where llama.cpp refuses it or it brings nothing."""
    changed = msgspec.structs.replace(options, **dict(changes))
    if any(not each.is_warning for each in refusals(shape, configure(changed, shape, devices))):
        return None
    margin = attempt(shape, changed, devices, limits, changed.ctx_size).margin_bytes
    return Advice(changes, margin - before, margin, cost) if margin > before else None


def _free_changes(shape: ModelShape, options: LoadOptions) -> Iterator[tuple[Changes, Phrase]]:
    """Changes that leave model, context and devices as they are, the cheapest first."""
    if options.n_outputs_max not in {None, options.parallel}:
        yield (("n_outputs_max", None),), Phrase("Nothing, unless you ask for the logits of whole prompts.")
    if options.flash_attn == "off" and shape.supports_flash_attention:
        yield (("flash_attn", "auto"),), Phrase("Nothing, where the device has a kernel for it.")
    if options.swa_full and shape.window_tokens is not None:
        yield (
            (("swa_full", False),),
            Phrase("The cache can no longer be shifted, and going back reads again."),
        )
    if options.parallel > 1:
        yield (("parallel", 1),), Phrase("One sequence at a time.")
    if options.ubatch_size > 256:
        yield (("ubatch_size", 256),), Phrase("Prompts are read somewhat more slowly.")
    if options.ubatch_size > 128:
        yield (("ubatch_size", 128),), Phrase("Prompts are read more slowly.")
    if {options.cache_type_k, options.cache_type_v} & _WIDE:
        yield (("cache_type_k", "q8_0"), ("cache_type_v", "q8_0")), Phrase("Answers hardly change.")
    if not {options.cache_type_k, options.cache_type_v} <= {"q4_0", "iq4_nl"}:
        yield (
            (("cache_type_k", "q8_0"), ("cache_type_v", "q4_0")),
            Phrase("Answers change somewhat; try it on your own questions."),
        )
        yield (("cache_type_k", "q4_0"), ("cache_type_v", "q4_0")), Phrase("Answers can get visibly worse.")


def _searched_changes(
    shape: ModelShape, options: LoadOptions, devices: Sequence[Device], limits: Ceilings | Limits
) -> Iterator[tuple[Changes, Phrase]]:
    """Changes whose size is searched for: a shorter context, and less on the GPU."""
    shorter = fit_pair(shape, options, devices, limits=limits).max_ctx_size
    if {options.cache_type_k, options.cache_type_v} & _WIDE:
        pair: Changes = (("cache_type_k", "q8_0"), ("cache_type_v", "q8_0"))
        both = msgspec.structs.replace(options, **dict(pair))
        longer = fit_pair(shape, both, devices, limits=limits).max_ctx_size
        if longer is not None and longer > (shorter or 0):
            cost = Phrase("Answers hardly change, and conversations have less room.")
            yield (*pair, ("ctx_size", longer)), cost
    if shorter is not None:
        yield (("ctx_size", shorter),), Phrase("Conversations have less room.")
    for least in offloads(shape, options, devices, limits):
        yield ((least.option, least.value),), least.cost
    if options.kv_offload and uses_gpu(options, devices):
        yield (
            (("kv_offload", False),),
            Phrase("The cache is read from host memory, slower the longer it gets."),
        )
