"""What a kind of device does to sizes: alignment, row padding, pinned host memory, its own overhead."""

from dataclasses import dataclass

from kvdesk.memory.cache_types import CacheType
from kvdesk.memory.configuration import pad
from kvdesk.units import MIB

# ggml-cuda.cu, MATRIX_ROW_PADDING: quantised rows are read in steps of 512 values.
_ROW_PADDING = 512


@dataclass(frozen=True, slots=True)
class Backend:
    """One kind of device.

    `alignment` is its buffer type's; `pads_rows` says that a quantised tensor gets up to 512 values more;
    `has_host_buffer` that host weights lie in its pinned memory instead of being repacked;
    `context_bytes` is what the driver takes beside all buffers, measured or reported by others;
    `can_pipeline` that several of its kind work on consecutive batches at once (async and events);
    `stages_weights` that it computes prompts with weights that stay on the host (offload_op);
    `copies_unless_f16` and `copies_always` that its attention kernels read the cache through copies in f16.
    """

    alignment: int = 32
    pads_rows: bool = False
    has_host_buffer: bool = False
    context_bytes: int = 0
    can_pipeline: bool = False
    stages_weights: bool = False
    copies_unless_f16: bool = False
    copies_always: bool = False


_CUDA = Backend(
    128,
    pads_rows=True,
    has_host_buffer=True,
    context_bytes=300 * MIB,
    can_pipeline=True,
    stages_weights=True,
    copies_unless_f16=True,
)
# context_bytes: CUDA 107 MiB (RTX 4060 Ti) to 555 MiB (RTX PRO 6000), growing with the number of
# multiprocessors; the value here is that of cards with about 60 of them.
BACKENDS: dict[str, Backend] = {
    "cpu": Backend(),
    "cuda": _CUDA,
    "hip": _CUDA,
    "rocm": _CUDA,
    "musa": _CUDA,
    "sycl": Backend(128, has_host_buffer=True, context_bytes=200 * MIB, stages_weights=True),
    "vulkan": Backend(64, has_host_buffer=True, context_bytes=100 * MIB, stages_weights=True),
    "metal": Backend(32, context_bytes=20 * MIB, copies_always=True),
    "rpc": Backend(32, can_pipeline=True),
}
_OTHER = Backend(128)


def backend_of(name: str) -> Backend:
    """The row of a backend, a careful one for a backend not listed."""
    return BACKENDS.get(name, _OTHER)


def weight_bytes(backend: Backend, type_bytes: tuple[int, int], row_values: int, n_bytes: int) -> int:
    """A tensor's size in a buffer (ggml_backend_buft_get_alloc_size, padded to the alignment).

    `type_bytes` is (values, bytes) of a block of its type.
    """
    block_values, block_bytes = type_bytes
    if backend.pads_rows and block_values > 1 and row_values % _ROW_PADDING:
        n_bytes += (_ROW_PADDING - row_values % _ROW_PADDING) // block_values * block_bytes
    return pad(n_bytes, backend.alignment)


def cache_tensor_bytes(backend_name: str, cache_type: CacheType, values: int, cells: int) -> int:
    """A cache tensor of `cells` rows of `values` values, as allocated."""
    if not values:
        return 0
    block = (cache_type.block_values, cache_type.block_bytes)
    return weight_bytes(backend_of(backend_name), block, values, cache_type.row_bytes(values) * cells)
