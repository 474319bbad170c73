"""The few calls of ggml's own C interface that llama-cpp-python does not bind."""

import ctypes
import sys
from collections.abc import Callable
from ctypes import c_bool, c_char_p, c_float, c_int, c_int64, c_size_t, c_void_p
from enum import IntEnum
from pathlib import Path
from typing import Any

from kvdesk.engine.llama.library import llama


class DeviceType(IntEnum):
    """enum ggml_backend_dev_type"""

    CPU = 0
    GPU = 1
    IGPU = 2
    ACCEL = 3
    META = 4


class DeviceCaps(ctypes.Structure):
    """struct ggml_backend_dev_caps"""

    _fields_ = (
        ("is_async", c_bool),
        ("host_buffer", c_bool),
        ("buffer_from_host_ptr", c_bool),
        ("events", c_bool),
        ("mmap_support", c_bool),
    )


class DeviceProps(ctypes.Structure):
    """struct ggml_backend_dev_props"""

    _fields_ = (
        ("name", c_char_p),
        ("description", c_char_p),
        ("memory_free", c_size_t),
        ("memory_total", c_size_t),
        ("type", c_int),
        ("device_id", c_char_p),
        ("caps", DeviceCaps),
    )


class InitParams(ctypes.Structure):
    """struct ggml_init_params"""

    _fields_ = [("mem_size", c_size_t), ("mem_buffer", c_void_p), ("no_alloc", c_bool)]


def _libraries() -> list[ctypes.CDLL]:
    libraries: list[ctypes.CDLL] = [llama._lib]  # noqa: SLF001 - the handle is nowhere else
    if sys.platform == "win32":
        # dlsym follows a library's dependencies, GetProcAddress does not. On POSIX systems the files must
        # not be opened by name: the copies beside libllama are other files than those it was linked to.
        folder = Path(libraries[0]._name).parent  # noqa: SLF001 - the path is nowhere else
        for name in ("ggml-base", "ggml"):
            libraries += [ctypes.CDLL(str(path)) for path in folder.glob(f"*{name}.dll")]
    return libraries


def _bind(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    for library in _libraries():
        try:
            function = library[name]
        except AttributeError:
            continue
        function.restype = result
        function.argtypes = list(arguments)
        return function
    raise AttributeError(f"{name} is in none of llama.cpp's libraries")


dev_count = _bind("ggml_backend_dev_count", c_size_t)
dev_get = _bind("ggml_backend_dev_get", c_void_p, c_size_t)
dev_by_type = _bind("ggml_backend_dev_by_type", c_void_p, c_int)
dev_name = _bind("ggml_backend_dev_name", c_char_p, c_void_p)
dev_description = _bind("ggml_backend_dev_description", c_char_p, c_void_p)
dev_type = _bind("ggml_backend_dev_type", c_int, c_void_p)
dev_props = _bind("ggml_backend_dev_get_props", None, c_void_p, ctypes.POINTER(DeviceProps))
dev_reg = _bind("ggml_backend_dev_backend_reg", c_void_p, c_void_p)
dev_buffer_type = _bind("ggml_backend_dev_buffer_type", c_void_p, c_void_p)
dev_host_buffer_type = _bind("ggml_backend_dev_host_buffer_type", c_void_p, c_void_p)
dev_supports_op = _bind("ggml_backend_dev_supports_op", c_bool, c_void_p, c_void_p)
reg_name = _bind("ggml_backend_reg_name", c_char_p, c_void_p)
reg_by_name = _bind("ggml_backend_reg_by_name", c_void_p, c_char_p)
reg_get_proc_address = _bind("ggml_backend_reg_get_proc_address", c_void_p, c_void_p, c_char_p)
reg_dev_count = _bind("ggml_backend_reg_dev_count", c_size_t, c_void_p)
reg_dev_get = _bind("ggml_backend_reg_dev_get", c_void_p, c_void_p, c_size_t)
register = _bind("ggml_backend_register", None, c_void_p)
buft_name = _bind("ggml_backend_buft_name", c_char_p, c_void_p)
buft_is_host = _bind("ggml_backend_buft_is_host", c_bool, c_void_p)
buft_device = _bind("ggml_backend_buft_get_device", c_void_p, c_void_p)
cpu_buffer_type = _bind("ggml_backend_cpu_buffer_type", c_void_p)
init = _bind("ggml_init", c_void_p, InitParams)
free = _bind("ggml_free", None, c_void_p)
new_tensor_4d = _bind("ggml_new_tensor_4d", c_void_p, c_void_p, c_int, c_int64, c_int64, c_int64, c_int64)
flash_attn_ext = _bind("ggml_flash_attn_ext", c_void_p, *[c_void_p] * 5, c_float, c_float, c_float)
new_tensor_2d = _bind("ggml_new_tensor_2d", c_void_p, c_void_p, c_int, c_int64, c_int64)
cpy = _bind("ggml_cpy", *[c_void_p] * 4)
new_graph = _bind("ggml_new_graph", c_void_p, c_void_p)
build_forward_expand = _bind("ggml_build_forward_expand", None, c_void_p, c_void_p)
get_data = _bind("ggml_get_data", c_void_p, c_void_p)
alloc_tensors = _bind("ggml_backend_alloc_ctx_tensors_from_buft", c_void_p, c_void_p, c_void_p)
buffer_free = _bind("ggml_backend_buffer_free", None, c_void_p)
dev_init = _bind("ggml_backend_dev_init", c_void_p, c_void_p, c_char_p)
backend_free = _bind("ggml_backend_free", None, c_void_p)
graph_compute = _bind("ggml_backend_graph_compute", c_int, c_void_p, c_void_p)
