"""Replays ggml's graph allocator (ggml-alloc.c) on a sketch of the graph: the peak is the compute buffer.

The peak is not the largest sum of living tensors: best-fit placement leaves holes, and those are part of what
llama.cpp reserves. Replaying the same allocations in the same order gives the same holes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Tensor:
    """A node of the sketch."""

    n_bytes: int
    note: str = ""
    sources: tuple["Tensor", ...] = ()
    shape: object = None  # two tensors of one shape have the same layout
    can_reuse: bool = False  # ggml_op_can_inplace
    is_input: bool = False
    is_output: bool = False
    is_outside: bool = False  # the result lies in a cache, which has a buffer of its own
    is_listed: bool = False
    device: str = ""
    n_users: int = 0
    n_views: int = 0
    offset: int = -1
    shown: "Tensor | None" = None

    @property
    def root(self) -> "Tensor":
        """The tensor whose memory a view shows, itself for all others."""
        return self if self.shown is None else self.shown

    def view(self) -> "Tensor":
        """Another look at the same memory (view, reshape, permute, transpose)."""
        return Tensor(self.n_bytes, self.note, (self,), shown=self.root)


class Graph:
    """The graph as ggml lists it: nothing stands in it before `expand` has asked for it."""

    def __init__(self) -> None:
        self.inputs: list[Tensor] = []
        self.nodes: list[Tensor] = []

    def expand(self, tensor: Tensor) -> Tensor:
        """Add a tensor after all that it needs, sources in their order (ggml_build_forward_expand)."""
        if tensor.is_listed:
            return tensor
        tensor.is_listed = True
        for source in tensor.sources:
            self.expand(source)
        if tensor.is_input:
            self.inputs.append(tensor)
            return tensor
        for source in tensor.sources:
            source.n_users += 1
        if tensor.root is not tensor:
            tensor.root.n_views += 1
        self.nodes.append(tensor)
        return tensor


@dataclass(frozen=True, slots=True)
class Peak:
    """The buffer's size and a note on the operation at which it grew last."""

    n_bytes: int
    note: str


def replay(inputs: Sequence[Tensor], nodes: Sequence[Tensor], devices: Mapping[str, int]) -> dict[str, Peak]:
    """Allocate a graph (ggml_gallocr_alloc_graph_impl); `devices` maps names to alignments. Uses it up."""
    spaces = {name: _Space(alignment) for name, alignment in devices.items()}
    for tensor in inputs:
        spaces[tensor.device].allocate(tensor)
    for node in nodes:
        if node.shown is None and not node.is_outside and not _reuse(node):
            spaces[node.device].allocate(node)
        for source in node.sources:
            source.n_users -= 1
            if source.n_users or source.n_views:
                continue
            root = source.root
            if root is not source:
                root.n_views -= 1
                if root.n_views or root.n_users:
                    continue
            if root.offset >= 0 and not root.is_output:
                spaces[root.device].free(root)
    return {name: Peak(space.size, space.note) for name, space in spaces.items()}


def _reuse(node: Tensor) -> bool:
    """Take over the memory of a source that nobody else will read."""
    if not node.can_reuse:
        return False
    for source in node.sources:
        if (
            source.shown is None
            and source.offset >= 0
            and source.device == node.device
            and not source.is_output
            and source.n_users == 1
            and source.n_views == 0
            and source.n_bytes == node.n_bytes
            and source.shape == node.shape
        ):
            node.offset, source.offset = source.offset, -1
            return True
    return False


class _Space:
    """Free blocks by address (ggml_dyn_tallocr, one chunk); the last one is endless."""

    def __init__(self, alignment: int) -> None:
        self.alignment = alignment
        self.offsets = [0]
        self.sizes = [1 << 62]
        self.size = 0
        self.note = ""

    def allocate(self, tensor: Tensor) -> None:
        """The smallest block that holds it, the last among equals; else the end (ggml_dyn_tallocr_alloc)."""
        needed = -(-tensor.n_bytes // self.alignment) * self.alignment
        best, best_size = len(self.sizes) - 1, 1 << 61
        for index in range(len(self.sizes) - 1):
            if needed <= self.sizes[index] <= best_size:
                best, best_size = index, self.sizes[index]
        tensor.offset = self.offsets[best]
        self.offsets[best] += needed
        self.sizes[best] -= needed
        if self.sizes[best] == 0:
            del self.offsets[best], self.sizes[best]
        if tensor.offset + needed > self.size:
            self.size, self.note = tensor.offset + needed, tensor.note or self.note

    def free(self, tensor: Tensor) -> None:
        """Give a block back and join it with its neighbours (ggml_dyn_tallocr_free_bytes)."""
        start, size = tensor.offset, -(-tensor.n_bytes // self.alignment) * self.alignment
        tensor.offset = -1
        index = 0
        while self.offsets[index] < start:
            index += 1
        self.offsets.insert(index, start)
        self.sizes.insert(index, size)
        if self.offsets[index] + self.sizes[index] == self.offsets[index + 1]:
            self.sizes[index] += self.sizes[index + 1]
            del self.offsets[index + 1], self.sizes[index + 1]
        if index and self.offsets[index - 1] + self.sizes[index - 1] == self.offsets[index]:
            self.sizes[index - 1] += self.sizes[index]
            del self.offsets[index], self.sizes[index]
