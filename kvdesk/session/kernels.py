"""Which pairs of cache types the GPUs compute attention for: the question, and the answer beside the fits."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from kvdesk.engine.protocol import KernelAnswer, ProbeKernels
from kvdesk.memory.report import Device
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.configure import chosen_devices, uses_gpu
from kvdesk.plan.fits import Kernel, PairFit
from kvdesk.plan.options import LoadOptions


def kernel_question(shape: ModelShape, rpc: tuple[str, ...]) -> Callable[[int], ProbeKernels] | None:
    """Return the maker of the question for this model's heads; None for a model without attention."""
    layers = [layer for layer in shape.layers if layer.keeps_cells]
    if not layers:
        return None
    first = layers[0]
    return lambda number: ProbeKernels(
        id=number,
        head_dims=shape.head_dims,
        head_count=first.head_count,
        head_count_kv=first.head_count_kv,
        rpc=rpc,
    )


def with_kernels(
    fits: Sequence[PairFit],
    options: LoadOptions,
    devices: Sequence[Device],
    answers: Sequence[KernelAnswer],
) -> tuple[PairFit, ...]:
    """Return the fits with who computes attention: the GPU only where all that are used can, the CPU where
    none is used, "unknown" without an answer (for GPUs that are not here).
    """
    if not uses_gpu(options, devices):
        return tuple(replace(fit, kernel="cpu") for fit in fits)
    gpus = {device.name for device in chosen_devices(options, devices) if device.kind != "cpu"}
    said: dict[tuple[str, str], bool] = {}
    for answer in answers:
        if answer.device in gpus:
            pair = (answer.cache_type_k, answer.cache_type_v)
            said[pair] = said.get(pair, True) and answer.supported
    return tuple(replace(fit, kernel=_kernel(said.get((fit.cache_type_k, fit.cache_type_v)))) for fit in fits)


def _kernel(supported: bool | None) -> Kernel:
    return "unknown" if supported is None else "gpu" if supported else "cpu"
