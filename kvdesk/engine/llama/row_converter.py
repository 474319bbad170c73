"""Turns rows of a cache from one element type into another, as llama.cpp would have written them.

Quantised K and V are kept rotated (llama_kv_cache::build_input_k_rot, llama_mul_mat_hadamard): each stretch
of 64 or more values is multiplied with a Hadamard matrix, which spreads outliers. The matrix is its own
inverse, so a rotation is undone by doing it again. ggml's CPU backend converts the types, with the operations
that write a cache; numpy's matrix product rotates, twice as fast as ggml's.
"""

import ctypes
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from kvdesk.engine.llama import ggml
from kvdesk.engine.llama.ggml import DeviceType, InitParams
from kvdesk.errors import OutOfMemory
from kvdesk.memory.cache_types import BY_NAME, CacheType

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_F32 = BY_NAME["f32"]
_GRAPH_BYTES = 512 * 1024  # two graphs of GGML_DEFAULT_GRAPH_SIZE nodes and a few tensors
# Of a rotation, what is done as a matrix product; sums and differences double it. As few and as long calls as
# can be: between them threads wait for Python's interpreter lock.
_FACTOR = 64


class Element(msgspec.Struct, frozen=True):
    """How values of K or of V are kept: a row's element type, and the width of the rotation, 0 for none."""

    type_name: str
    rotation: int = 0

    @property
    def type(self) -> CacheType:
        """The type's row in the table."""
        return BY_NAME[self.type_name]


class RowConverter:
    """Converts `rows` rows of `values` values at a time, on the calling thread; each thread has its own.

    Put source bytes into `given`, call `run`, take the result from `made`. Rotations and the types' blocks
    must divide the row. Raises OutOfMemory.
    """

    def __init__(self, source: Element, target: Element, values: int, rows: int) -> None:
        # Equal rotations undo each other.
        self._rotations = [source.rotation, target.rotation] if source.rotation != target.rotation else []
        self._rotations = [width for width in self._rotations if width]
        device = ggml.dev_by_type(DeviceType.CPU)
        self._backend = ggml.dev_init(device, None)
        self._context = ggml.init(InitParams(_GRAPH_BYTES, None, True))
        given = self._tensor(source.type, values, rows)
        # ggml turns anything into f32 and f32 into anything, and equal types into one another.
        is_direct = not self._rotations and (source.type in (target.type, _F32) or target.type is _F32)
        wide = given if is_direct or source.type is _F32 else self._tensor(_F32, values, rows)
        turned = self._tensor(_F32, values, rows) if self._rotations else wide
        made = self._tensor(target.type, values, rows)
        self._widen = self._copying(given, wide)
        self._narrow = self._copying(turned, made)
        self._buffer = ggml.alloc_tensors(self._context, ggml.dev_buffer_type(device))
        if not self._backend or not self._buffer:
            self.close()
            raise OutOfMemory("There is no memory left to convert the cache in.")
        _use_one_thread(device, self._backend)
        self.given = _memory(given, rows * source.type.row_bytes(values))
        self.made = _memory(made, rows * target.type.row_bytes(values))
        self.given[:] = 0
        if self._rotations:
            n_bytes = rows * values * 4
            self._wide, self._turned = (
                _memory(tensor, n_bytes).view(np.float32) for tensor in (wide, turned)
            )
            self._matrices = {width: _factor(width) for width in self._rotations}
            self._spare = np.empty(rows * values, np.float32)

    def run(self) -> None:
        """Convert what is in `given`."""
        if self._widen:
            self._compute(self._widen)
        if self._rotations:
            current = self._wide
            for width in self._rotations:
                _rotate(current, width, self._matrices[width], self._spare, self._turned)
                current = self._turned
        self._compute(self._narrow)

    def close(self) -> None:
        """Free ggml's memory; `given` and `made` are gone with it."""
        if self._buffer:
            ggml.buffer_free(self._buffer)
        ggml.free(self._context)
        if self._backend:
            ggml.backend_free(self._backend)
        self._buffer = self._context = self._backend = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tensor(self, element: CacheType, values: int, rows: int) -> Any:
        return ggml.new_tensor_2d(self._context, element.ggml_id, values, rows)

    def _copying(self, source: Any, target: Any) -> Any:
        """A graph that copies one tensor into another, converting its type; None when they are the same."""
        if source == target:
            return None
        graph = ggml.new_graph(self._context)
        ggml.build_forward_expand(graph, ggml.cpy(self._context, source, target))
        return graph

    def _compute(self, graph: Any) -> None:
        if ggml.graph_compute(self._backend, graph):
            raise OutOfMemory("There is no memory left to convert the cache in.")


def _rotate(current: Floats, width: int, matrix: Floats, spare: Floats, target: Floats) -> None:
    """Multiply each stretch of `width` values with the Hadamard matrix, of which `matrix` is the factor.

    H(2n) is [[H(n), H(n)], [H(n), -H(n)]]: one product, then sums and differences for each doubling.
    `current` may be `target`.
    """
    size = len(matrix)
    one, other = (target, spare) if (width // size).bit_length() % 2 else (spare, target)
    source = current
    if source is one:
        other[:] = current
        source = other
    np.matmul(source.reshape(-1, size), matrix, out=one.reshape(-1, size))
    while size < width:
        halves, sums = one.reshape(-1, 2, size), other.reshape(-1, 2, size)
        np.add(halves[:, 0], halves[:, 1], out=sums[:, 0])
        np.subtract(halves[:, 0], halves[:, 1], out=sums[:, 1])
        one, other, size = other, one, 2 * size


def _factor(width: int) -> Floats:
    """The smaller matrix that a rotation multiplies with, brought to the scale of the whole."""
    size = min(width, _FACTOR)
    return _hadamard(size) * np.float32((size / width) ** 0.5)


def _hadamard(width: int) -> Floats:
    """Sylvester's matrix, orthonormal and symmetric (ggml_gen_hadamard)."""
    matrix = np.ones((1, 1), np.float32)
    while len(matrix) < width:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix / np.float32(width**0.5)


def _use_one_thread(device: int, backend: int) -> None:
    """ggml_backend_cpu_set_n_threads, asked of the registry: the CPU backend may be a library of its own."""
    address = ggml.reg_get_proc_address(ggml.dev_reg(device), b"ggml_backend_set_n_threads")
    if address:
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)(address)(backend, 1)


def _memory(tensor: Any, n_bytes: int) -> Bytes:
    """A tensor's memory as an array."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * n_bytes).from_address(ggml.get_data(tensor)))
