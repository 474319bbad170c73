"""The next step after a failure: the one change of options that most likely helps, or the same once more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from kvdesk.errors import KvDeskError
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase
from kvdesk.plan.advice import advise
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.configure import configure, uses_gpu
from kvdesk.plan.offer import Changes
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import attempt

LEAST_CTX, LEAST_UBATCH = 512, 32
_PAIRS = (("q8_0", "q8_0"), ("q8_0", "q4_0"), ("q4_0", "q4_0"))
_WIDTH = {"f32": 4, "f16": 3, "bf16": 3, "q8_0": 2}  # others are narrower

Step = Literal["ubatch", "pair", "context", "layers"]
# What is tried first, by what the memory was for, as the autopsy names it.
_ORDERS: dict[str, tuple[Step, ...]] = {
    "the compute buffer": ("ubatch", "context", "pair", "layers"),
    "the output buffer": ("ubatch", "context", "pair", "layers"),
    "the weights": ("layers", "context", "pair", "ubatch"),
    "the K and V cache": ("pair", "context", "layers", "ubatch"),
}
_ANY: tuple[Step, ...] = ("pair", "context", "ubatch", "layers")
AGAIN = Phrase("Load it again as it was and go on.")
END_AND_LOAD = Phrase("End the engine, load it again and go on.")


@dataclass(frozen=True, slots=True)
class RemedyOffer:
    """Options to load with, and in a sentence what they change and that the chat goes on.

    `ends_engine`: the engine is still there and is to be ended for it.
    """

    options: LoadOptions
    sentence: Phrase
    ends_engine: bool = False


def again(options: LoadOptions) -> RemedyOffer:
    """The same once more: what happened may have had nothing to do with the options."""
    return RemedyOffer(options, AGAIN)


def smaller(
    shape: ModelShape, options: LoadOptions, devices: Sequence[Device], reserve_bytes: int, purpose: str = ""
) -> RemedyOffer | None:
    """The next step down after memory ran out for `purpose`; None where there is none.

    Where the arithmetic, too, says that it does not fit, the cheapest change that is enough by it is offered,
    else the first step that takes less: the arithmetic cannot know what an allocation was refused for.
    """
    try:
        limits = ceilings(devices, Amount(reserve_bytes))
        found = advise(shape, options, devices, limits)
        if found and found[0].fits:
            return _offer(options, found[0].changes)
        before = attempt(shape, options, devices, limits, options.ctx_size).margin_bytes
        for changes in _steps(options, devices, shape.n_layer, _ORDERS.get(purpose, _ANY)):
            changed = msgspec.structs.replace(options, **dict(changes))
            if any(not each.is_warning for each in refusals(shape, configure(changed, shape, devices))):
                continue
            if attempt(shape, changed, devices, limits, changed.ctx_size).margin_bytes > before:
                return _offer(options, changes)
    except KvDeskError:  # these options make no configuration
        return None
    return None


def _steps(
    options: LoadOptions, devices: Sequence[Device], n_layer: int, order: Sequence[Step]
) -> Iterator[Changes]:
    for step in order:
        match step:
            case "ubatch" if options.ubatch_size > LEAST_UBATCH:
                yield (("ubatch_size", max(LEAST_UBATCH, options.ubatch_size // 2)),)
            case "pair":
                width = _WIDTH.get(options.cache_type_k, 1) + _WIDTH.get(options.cache_type_v, 1)
                for k, v in _PAIRS:
                    if _WIDTH.get(k, 1) + _WIDTH.get(v, 1) < width:
                        yield (("cache_type_k", k), ("cache_type_v", v))
            case "context" if options.ctx_size > LEAST_CTX:
                yield (("ctx_size", max(LEAST_CTX, options.ctx_size // 2)),)
            case "layers" if uses_gpu(options, devices):
                layers = options.n_gpu_layers if isinstance(options.n_gpu_layers, int) else -1
                layers = n_layer + 1 if layers < 0 else min(layers, n_layer + 1)
                if layers > 0:
                    yield (("n_gpu_layers", layers * 3 // 4),)
            case _:
                pass


def _offer(options: LoadOptions, changes: Changes) -> RemedyOffer:
    values = dict(changes)
    parts: list[Phrase] = []
    if "ubatch_size" in values:
        parts.append(Phrase("a ubatch of {n}", n=values["ubatch_size"]))
    if "cache_type_k" in values:
        k, v = values["cache_type_k"], values.get("cache_type_v", options.cache_type_v)
        parts.append(Phrase("K as {k} and V as {v}", k=k, v=v))
    if "ctx_size" in values:
        parts.append(Phrase("a context of {n} tokens", n=values["ctx_size"]))
    if "n_gpu_layers" in values:
        parts.append(Phrase("{n} layers on the GPU", n=values["n_gpu_layers"]))
    with_what = parts[0] if parts else Phrase("fewer demands")
    for part in parts[1:]:
        with_what = Phrase("{first} and {second}", first=with_what, second=part)
    sentence = Phrase("Load it with {changes} and go on.", changes=with_what)
    return RemedyOffer(msgspec.structs.replace(options, **values), sentence)
