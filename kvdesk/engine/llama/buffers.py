"""llama.cpp's own account of its buffers, read out of a C++ map that only its own programs were to see."""

import ctypes
import sys
from collections.abc import Iterator
from ctypes import c_size_t, c_uint64, c_void_p
from dataclasses import dataclass

from kvdesk.engine.llama import ggml
from kvdesk.engine.llama.library import llama, text_of
from kvdesk.memory.report import HOST

MOST_BUFFERS = 256  # more buffer types than any machine has: the map was not read rightly


@dataclass(frozen=True, slots=True)
class Buffers:
    """Bytes in a buffer type (llama_memory_breakdown_data). `device` is "CPU" for all host memory."""

    name: str
    device: str
    model_bytes: int
    context_bytes: int
    compute_bytes: int


class _Map(ctypes.Structure):
    """Room for a std::map; being larger than two registers, it is returned through a hidden pointer.

    libstdc++ (Linux): compare, {colour, parent, left, right}, count. libc++ (macOS): begin, root, count.
    """

    _fields_ = [("words", c_uint64 * 6)]


class _Node(ctypes.Structure):
    """A node's first four words are links and a colour, in both libraries; then comes the pair."""

    _fields_ = [
        ("links", c_void_p * 4),
        ("buffer_type", c_void_p),
        ("model", c_size_t),
        ("context", c_size_t),
        ("compute", c_size_t),
    ]


@dataclass(frozen=True, slots=True)
class _Layout:
    root_word: int
    count_word: int
    left: int
    right: int


_LAYOUTS = {"linux": _Layout(2, 5, 2, 3), "darwin": _Layout(1, 2, 0, 1)}
_SYMBOL = "_Z26llama_get_memory_breakdownPK13llama_context"


def read_buffers(context: int) -> list[Buffers] | None:
    """Every buffer type of a context with its model, context and compute bytes (llama_get_memory_breakdown).

    None where this build does not show it: the function is C++, so its name and what it returns are known for
    the Itanium ABI only (Linux, macOS), not for Windows. The map's nodes, 64 bytes each, are left behind.
    """
    layout = _LAYOUTS.get(sys.platform)
    if layout is None or ctypes.sizeof(c_void_p) != 8:
        return None
    try:
        function = llama._lib[_SYMBOL]  # noqa: SLF001 - the handle is nowhere else
    except AttributeError:
        return None
    function.restype = _Map
    function.argtypes = [c_void_p]
    words = function(context).words
    count, root = words[layout.count_word], words[layout.root_word]
    if count > MOST_BUFFERS or (count > 0) != (root != 0):
        return None
    return [_describe(node) for node in _walk(root, layout)]


def _walk(address: int | None, layout: _Layout) -> Iterator[_Node]:
    if not address:
        return
    node = _Node.from_address(address)
    yield from _walk(node.links[layout.left], layout)
    yield node
    yield from _walk(node.links[layout.right], layout)


def _describe(node: _Node) -> Buffers:
    return Buffers(
        name=text_of(ggml.buft_name(node.buffer_type)),
        device=device_of(node.buffer_type),
        model_bytes=node.model,
        context_bytes=node.context,
        compute_bytes=node.compute,
    )


def device_of(buffer_type: int) -> str:
    """The device whose memory a buffer type takes: pinned and repacked host memory are the host's."""
    device = ggml.buft_device(buffer_type)
    if not device or ggml.buft_is_host(buffer_type) or ggml.dev_type(device) == ggml.DeviceType.CPU:
        return HOST.name
    return text_of(ggml.dev_name(device))
