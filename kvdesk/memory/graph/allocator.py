"""Replays ggml's graph allocator (ggml-alloc.c) on a sketch of the graph: the peak is the compute buffer.

The peak is not the largest sum of living tensors: best-fit placement leaves holes, and those are part of what
llama.cpp reserves. Replaying the same allocations in the same order gives the same holes.
"""

from bisect import bisect_left
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
    slot: int = -1
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


@dataclass(slots=True)
class Tape:
    """The order of allocations and releases of a graph; sizes may be exchanged, the order stays.

    `events` holds the number of a slot where it is taken and its complement (~) where it is given back;
    `slots` have device, size in bytes and note.
    """

    events: list[int]
    slots: list[tuple[str, int, str]]

    def play(self, devices: Mapping[str, int], sizes: Sequence[int] | None = None) -> dict[str, Peak]:
        """Allocate for real; `devices` maps names to alignments, `sizes` replaces those of the slots."""
        spaces = {name: _Space(alignment) for name, alignment in devices.items()}
        slots = self.slots
        offsets = [0] * len(slots)
        for event in self.events:
            number = event if event >= 0 else ~event
            device, n_bytes, note = slots[number]
            if sizes is not None:
                n_bytes = sizes[number]
            if event >= 0:
                offsets[number] = spaces[device].allocate(n_bytes, note)
            else:
                spaces[device].free(offsets[number], n_bytes)
        return {name: Peak(space.size, space.note) for name, space in spaces.items()}


def record(inputs: Sequence[Tensor], nodes: Sequence[Tensor]) -> Tape:
    """Follow a graph as ggml_gallocr_alloc_graph_impl does. Uses the graph up."""
    tape = Tape([], [])

    def take(tensor: Tensor) -> None:
        tensor.slot = len(tape.slots)
        tape.events.append(tensor.slot)
        tape.slots.append((tensor.device, tensor.n_bytes, tensor.note))

    for tensor in inputs:
        take(tensor)
    for node in nodes:
        if node.shown is None and not node.is_outside and not _reuse(node):
            take(node)
        for source in node.sources:
            source.n_users -= 1
            if source.n_users or source.n_views:
                continue
            root = source.root
            if root is not source:
                root.n_views -= 1
                if root.n_views or root.n_users:
                    continue
            if root.slot >= 0 and not root.is_output:
                tape.events.append(~root.slot)
                root.slot = -1
    return tape


def _reuse(node: Tensor) -> bool:
    """Take over the memory of a source that nobody else will read."""
    if not node.can_reuse:
        return False
    for source in node.sources:
        if (
            source.shown is None
            and source.slot >= 0
            and source.device == node.device
            and not source.is_output
            and source.n_users == 1
            and source.n_views == 0
            and source.n_bytes == node.n_bytes
            and source.shape == node.shape
        ):
            node.slot, source.slot = source.slot, -1
            return True
    return False


class _Space:
    """Free blocks by address (ggml_dyn_tallocr, one chunk); the last one is endless."""

    __slots__ = ("alignment", "note", "offsets", "size", "sizes")

    def __init__(self, alignment: int) -> None:
        self.alignment = alignment
        self.offsets = [0]
        self.sizes = [1 << 62]
        self.size = 0
        self.note = ""

    def allocate(self, n_bytes: int, note: str) -> int:
        """The smallest block that holds it, the last among equals; else the end (ggml_dyn_tallocr_alloc)."""
        needed = -(-n_bytes // self.alignment) * self.alignment
        sizes = self.sizes
        best, best_size = len(sizes) - 1, 1 << 61
        for index in range(best):
            if needed <= sizes[index] <= best_size:
                best, best_size = index, sizes[index]
        offset = self.offsets[best]
        if sizes[best] == needed:
            del self.offsets[best], sizes[best]
        else:
            self.offsets[best] = offset + needed
            sizes[best] -= needed
        if offset + needed > self.size:
            self.size, self.note = offset + needed, note or self.note
        return offset

    def free(self, start: int, n_bytes: int) -> None:
        """Give a block back and join it with its neighbours (ggml_dyn_tallocr_free_bytes)."""
        size = -(-n_bytes // self.alignment) * self.alignment
        offsets, sizes = self.offsets, self.sizes
        index = bisect_left(offsets, start)
        if start + size == offsets[index]:
            offsets[index] = start
            sizes[index] += size
        else:
            offsets.insert(index, start)
            sizes.insert(index, size)
        if index and offsets[index - 1] + sizes[index - 1] == start:
            sizes[index - 1] += sizes[index]
            del offsets[index], sizes[index]
