"""Launch options, a shape and devices become llama.cpp's configuration, and the options as it takes them."""

from collections.abc import Sequence

import msgspec

from kvdesk.errors import OptionError
from kvdesk.memory.configuration import Configuration, normalise
from kvdesk.memory.report import HOST, Device
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase, joined
from kvdesk.plan.options import LoadOptions


def configure(options: LoadOptions, shape: ModelShape, devices: Sequence[Device]) -> Configuration:
    """Apply llama.cpp's own rules to the options; `devices` are those there are, the host last.

    Raises OptionError for a device name that is not among them.
    """
    return normalise(
        shape,
        ctx_size=options.ctx_size,
        cache_type_k=options.cache_type_k,
        cache_type_v=options.cache_type_v,
        n_gpu_layers=options.n_gpu_layers,
        flash_attn=options.flash_attn,
        batch_size=options.batch_size,
        ubatch_size=options.ubatch_size,
        parallel=options.parallel,
        kv_unified=options.kv_unified,
        swa_full=options.swa_full,
        kv_offload=options.kv_offload,
        n_outputs_max=options.n_outputs_max,
        split_mode=options.split_mode,
        tensor_split=options.tensor_split,
        main_gpu=options.main_gpu,
        devices=chosen_devices(options, devices),
        override_tensor=options.override_tensor,
        cpu_moe=options.cpu_moe,
        n_cpu_moe=options.n_cpu_moe,
        op_offload=options.op_offload,
        repack=options.repack,
        mmap=options.mmap,
        mlock=options.mlock,
        threads=options.threads,
    )


def chosen_devices(options: LoadOptions, devices: Sequence[Device]) -> tuple[Device, ...]:
    """The devices that `--device` and `--rpc` leave, the host last.

    An RPC server that no engine has listed yet stands for one device of unknown memory; llama.cpp puts
    RPC devices first. Raises OptionError for a name that is not there.
    """
    host = next((device for device in devices if device.kind == "cpu"), HOST)
    others = [device for device in devices if device.kind != "cpu"]
    if options.rpc and not any(device.kind == "rpc" for device in others):
        servers = [
            Device(f"RPC{index}", "rpc", "rpc", description=endpoint)
            for index, endpoint in enumerate(options.rpc)
        ]
        others = [*servers, *others]
    if options.device == ("none",):
        return (host,)
    if options.device:
        others = [_named(name, others) for name in options.device]
    return (*others, host)


def uses_gpu(options: LoadOptions, devices: Sequence[Device]) -> bool:
    """Whether any layer is to be computed by something else than the CPU."""
    return options.n_gpu_layers != 0 and any(
        device.kind != "cpu" for device in chosen_devices(options, devices)
    )


def normalised_options(options: LoadOptions, config: Configuration) -> LoadOptions:
    """The options as llama.cpp takes them: context padded, batches clamped, what was automatic decided."""
    return msgspec.structs.replace(
        options,
        ctx_size=config.n_ctx,
        batch_size=config.n_batch,
        ubatch_size=config.n_ubatch,
        parallel=config.n_seq_max,
        n_outputs_max=config.n_outputs_max,
        n_gpu_layers=config.n_gpu_layers,
        flash_attn=config.flash_attn,
    )


def _named(name: str, devices: Sequence[Device]) -> Device:
    for device in devices:
        if device.name == name:
            return device
    raise OptionError(
        "There is no device “{name}”.",
        "Devices here: {there}.",
        name=name,
        there=joined(device.name for device in devices) if devices else Phrase("none but the CPU"),
    )
