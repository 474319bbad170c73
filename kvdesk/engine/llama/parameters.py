"""Launch options turned into llama.cpp's parameter structs."""

import ctypes
import os
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from kvdesk.engine.llama import ggml
from kvdesk.engine.llama.library import llama, text_of
from kvdesk.errors import OptionError
from kvdesk.memory.cache_types import BY_NAME as CACHE_TYPES
from kvdesk.plan.options import LoadOptions

# LLM_FFN_EXPS_REGEX of common/common.h: what -cmoe and -ncmoe keep on the CPU.
EXPERTS_PATTERN = r"\.ffn_(up|down|gate|gate_up)_(ch|)exps"

SPLIT_MODES = {"none": 0, "layer": 1, "row": 2, "tensor": 3}  # enum llama_split_mode
FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}  # enum llama_flash_attn_type
ROPE_SCALING = {"": -1, "none": 0, "linear": 1, "yarn": 2}  # enum llama_rope_scaling_type
LOAD_AUTO, LOAD_NONE, LOAD_MLOCK, LOAD_MMAP_MLOCK = -1, 0, 2, 3  # enum llama_load_mode

# Options that are fixed when a model is opened without its weights; the others belong to its context, or
# say how the weights are read.
MODEL_OPTIONS = (
    "n_gpu_layers",
    "split_mode",
    "tensor_split",
    "main_gpu",
    "device",
    "override_tensor",
    "cpu_moe",
    "n_cpu_moe",
    "repack",
    "rpc",
)

Progress = Callable[[float], bool]


class TensorOverride(ctypes.Structure):
    """struct llama_model_tensor_buft_override"""

    _fields_ = [("pattern", ctypes.c_char_p), ("buft", ctypes.c_void_p)]


class ModelParameters:
    """A llama_model_params with everything it points to kept alive beside it."""

    def __init__(
        self,
        options: LoadOptions,
        devices: Sequence[int] | None,
        *,
        dry: bool,
        progress: Progress | None = None,
    ) -> None:
        params = self.struct = llama.llama_model_default_params()
        params.n_gpu_layers = options.n_gpu_layers
        params.split_mode = SPLIT_MODES[options.split_mode]
        params.main_gpu = options.main_gpu
        params.use_extra_bufts = options.repack
        params.load_mode = (
            LOAD_NONE if dry else _load_mode(options)
        )  # no_alloc asserts that nothing is mapped
        params.no_alloc = dry
        if devices is not None:
            self._devices = (ctypes.c_void_p * (len(devices) + 1))(*devices, None)
            params.devices = ctypes.cast(self._devices, ctypes.c_void_p)
        if options.tensor_split:
            self._split = _tensor_split(options.tensor_split)
            params.tensor_split = self._split
        overrides = tensor_overrides(options)
        if overrides:
            rows = [TensorOverride(pattern, buft) for pattern, buft in overrides]
            self._overrides = (TensorOverride * (len(rows) + 1))(*rows, TensorOverride(None, None))
            params.tensor_buft_overrides = ctypes.cast(self._overrides, ctypes.c_void_p)
        if progress is not None:
            self._progress = llama.llama_progress_callback(lambda fraction, _: progress(fraction))
            params.progress_callback = self._progress


def tensor_overrides(options: LoadOptions) -> list[tuple[bytes, int]]:
    """The (pattern, buffer type) pairs of -ot, -cmoe and -ncmoe, in the order they are tried (arg.cpp).

    Raises OptionError for a malformed pair or a buffer type that no device here has.
    """
    cpu = ggml.cpu_buffer_type()
    overrides: list[tuple[bytes, int]] = []
    for text in options.override_tensor:
        pattern, equals, name = text.partition("=")
        buffer_types = _buffer_types()
        if not equals or not pattern or name not in buffer_types:
            raise OptionError(
                "“{text}” is not a tensor override.",
                "Write PATTERN=BUFFER with one of these buffers: {names}.",
                text=text,
                names=", ".join(buffer_types),
            )
        overrides.append((pattern.encode(), buffer_types[name]))
    if options.cpu_moe:
        overrides.append((EXPERTS_PATTERN.encode(), cpu))
    overrides += [(rf"blk\.{i}{EXPERTS_PATTERN}".encode(), cpu) for i in range(options.n_cpu_moe)]
    return overrides


def context_parameters(options: LoadOptions, abort_flag: ctypes.Array[ctypes.c_char] | None = None) -> Any:
    """Build a llama_context_params. `abort_flag`, empty or not, is looked at during CPU work."""
    params = llama.llama_context_default_params()
    params.n_ctx = options.ctx_size
    params.n_batch = options.batch_size
    params.n_ubatch = options.ubatch_size
    params.n_seq_max = options.parallel
    params.n_outputs_max = options.parallel if options.n_outputs_max is None else options.n_outputs_max
    params.n_threads = options.threads or physical_cores()
    params.n_threads_batch = options.threads_batch or params.n_threads
    params.type_k = CACHE_TYPES[options.cache_type_k].ggml_id
    params.type_v = CACHE_TYPES[options.cache_type_v].ggml_id
    params.flash_attn_type = FLASH_ATTENTION[options.flash_attn]
    params.offload_kqv = options.kv_offload
    params.op_offload = options.op_offload
    params.swa_full = options.swa_full
    params.kv_unified = options.kv_unified
    params.rope_scaling_type = ROPE_SCALING[options.rope_scaling]
    params.rope_freq_base = options.rope_freq_base
    params.rope_freq_scale = 1 / options.rope_scale if options.rope_scale else options.rope_freq_scale
    params.yarn_orig_ctx = options.yarn_orig_ctx
    params.yarn_ext_factor = options.yarn_ext_factor
    params.yarn_attn_factor = options.yarn_attn_factor
    params.yarn_beta_fast = options.yarn_beta_fast
    params.yarn_beta_slow = options.yarn_beta_slow
    params.no_perf = True
    if abort_flag is not None:
        params.abort_callback, params.abort_callback_data = abort_callback(abort_flag)
    return params


def abort_callback(flag: ctypes.Array[ctypes.c_char]) -> tuple[Any, int]:
    """A ggml_abort_callback and its data: stop as soon as the flag is not empty; the caller keeps it alive.

    The flag is watched by C's own strlen: the callback is called for every node of every graph, and a Python
    function there would cost a millisecond a token.
    """
    libc = ctypes.CDLL("ucrtbase" if os.name == "nt" else None)
    return ctypes.cast(libc.strlen, llama.ggml_abort_callback), ctypes.addressof(flag)


def physical_cores() -> int:
    """Physical cores this process may use: hyper-threads seldom help llama.cpp (common_cpu_get_num_math)."""
    return max(1, min(psutil.cpu_count(logical=False) or logical_cores(), logical_cores()))


def logical_cores() -> int:
    """Hardware threads this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _load_mode(options: LoadOptions) -> int:
    if options.mlock:
        return LOAD_MMAP_MLOCK if options.mmap else LOAD_MLOCK
    return LOAD_AUTO if options.mmap else LOAD_NONE


def _tensor_split(shares: Sequence[float]) -> ctypes.Array[ctypes.c_float]:
    """llama.cpp reads llama_max_devices() shares, however many are given."""
    length = llama.llama_max_devices()
    if len(shares) > length:
        raise OptionError(
            "A tensor split of {given} shares is too long.",
            "llama.cpp takes {most}.",
            given=len(shares),
            most=length,
        )
    split: ctypes.Array[ctypes.c_float] = (ctypes.c_float * length)(*shares)
    return split


def _buffer_types() -> dict[str, int]:
    devices = [ggml.dev_get(index) for index in range(ggml.dev_count())]
    buffer_types = [buft for buft in map(ggml.dev_buffer_type, devices) if buft]
    return {text_of(ggml.buft_name(buft)): buft for buft in buffer_types}
