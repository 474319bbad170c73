"""The least that must go to the CPU for a context to fit: layers' experts where there are any, or layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from kvdesk.memory.report import Device
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase
from kvdesk.plan.budget import Ceilings, Limits
from kvdesk.plan.fits import USUAL_PAIRS, PairFit
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import attempt, largest

_NO_WORSE_THAN_CLOSE = ("exact", "close")


@dataclass(frozen=True, slots=True)
class Offload:
    """An option with the value that moves least to the CPU, how many layers that touches, and its price."""

    option: str
    value: int
    layers: int
    cost: Phrase

    def applied(self, options: LoadOptions) -> LoadOptions:
        """The options with it."""
        return msgspec.structs.replace(options, **{self.option: self.value})


def offloads(
    shape: ModelShape, options: LoadOptions, devices: Sequence[Device], limits: Ceilings | Limits
) -> Iterator[Offload]:
    """The fewest layers of experts (`n_cpu_moe`), then the fewest whole layers, that make the options fit.

    Each alone; nothing where no number of them is enough, or none is needed.
    """
    if all(device.kind == "cpu" for device in devices):
        return
    n_layers = len(shape.layers)

    def most_on_gpu(most: int, option: str, with_on_gpu: int) -> int | None:
        def margin(count: int) -> int:
            value = abs(with_on_gpu - count)
            changed = msgspec.structs.replace(options, **{option: value})
            return attempt(shape, changed, devices, limits, options.ctx_size).margin_bytes

        return largest(0, most, 1, margin)

    if shape.n_experts and not options.cpu_moe:
        most = n_layers - min(options.n_cpu_moe, n_layers)
        on_gpu = most_on_gpu(most, "n_cpu_moe", n_layers)
        if on_gpu is not None and on_gpu < most:
            cost = Phrase(
                "The experts of {count} of {all} layers run on the CPU, which is slower.",
                count=n_layers - on_gpu,
                all=n_layers,
            )
            yield Offload("n_cpu_moe", n_layers - on_gpu, n_layers - on_gpu, cost)
    full = n_layers + 1 if options.n_gpu_layers < 0 else min(options.n_gpu_layers, n_layers + 1)
    on_gpu = most_on_gpu(full, "n_gpu_layers", 0)
    if on_gpu is not None and on_gpu < full:
        cost = Phrase(
            "{count} of {all} layers run on the CPU, which is much slower.",
            count=full - on_gpu,
            all=n_layers + 1,
        )
        yield Offload("n_gpu_layers", on_gpu, full - on_gpu, cost)


def fewest_on_cpu(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    limits: Ceilings | Limits,
    fits: Sequence[PairFit],
    wanted_ctx: int,
) -> Offload | None:
    """What to move for the wanted context to fit with one of the usual pairs; None where nothing helps.

    Pairs that hardly change answers count first, those that the GPU computes before others; among equals the
    fewest layers decide. Experts are moved rather than whole layers.
    """
    found: list[tuple[tuple[bool, bool, int], Offload]] = []
    for fit in fits:
        pair = (fit.cache_type_k, fit.cache_type_v)
        if fit.is_refused or pair not in USUAL_PAIRS:
            continue
        wanted = msgspec.structs.replace(
            options, cache_type_k=pair[0], cache_type_v=pair[1], ctx_size=wanted_ctx
        )
        least = next(offloads(shape, wanted, devices, limits), None)
        if least is not None:
            rank = (fit.kernel == "cpu", fit.quality not in _NO_WORSE_THAN_CLOSE, least.layers)
            found.append((rank, least))
    return min(found, key=lambda entry: entry[0])[1] if found else None
