"""Replays ggml's graph allocator (ggml-alloc.c) on a recorded graph: the peak is the compute buffer.

The peak is not the largest sum of living tensors: best-fit placement leaves holes, and those are part of what
llama.cpp reserves. Replaying the same allocations in the same order gives the same holes.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

# Sketched with 2^44 steps of context, a size holds two figures: above this bit what each step adds, below it
# the part that does not grow. One sketch then stands for all contexts.
STEP_BITS = 44
_CONSTANT = (1 << STEP_BITS) - 1


class Copy(StrEnum):
    """Why attention with a kernel reads the cache through copies in f16; a graph has those that apply."""

    F32_K = "K is f32"  # ggml_cast in build_attn_mha
    F32_V = "V is f32"
    KERNEL_K = "the kernel reads K in f16 alone"
    KERNEL_V = "the kernel reads V in f16 alone"
    KERNEL = "the kernel always copies"


Copies = tuple[tuple[Copy, int], ...]  # their bytes


@dataclass(frozen=True, slots=True)
class Peak:
    """The buffer's size and a note on the operation at which it grew last."""

    n_bytes: int
    note: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that tensors take in turn; `copies` are bytes that come on top where a copy applies."""

    device: str
    n_bytes: int
    note: str
    copies: Copies


class Tape:
    """The order of allocations and releases of a graph; sizes follow the context, the order stays.

    `events` holds the number of a slot where it is taken and its complement (~) where it is given back. A
    slot without bytes is not there.
    """

    def __init__(self, events: list[int], slots: list[Slot]) -> None:
        self._events, self._slots = events, slots
        self._sizes = [_parts(slot.n_bytes) for slot in slots]
        self._copies = [
            (number, copy, _parts(size)) for number, slot in enumerate(slots) for copy, size in slot.copies
        ]

    def play(
        self, alignments: Mapping[str, int], steps: int = 0, copies: Collection[Copy] = ()
    ) -> dict[str, Peak]:
        """Allocate on devices with these alignments, after so many steps of context."""
        sizes = [constant + slope * steps for constant, slope in self._sizes]
        for number, copy, (constant, slope) in self._copies:
            if copy in copies:
                sizes[number] += constant + slope * steps
        spaces = {name: _Space() for name in alignments}
        places = []
        for number, slot in enumerate(self._slots):
            places.append(spaces[slot.device])
            alignment = alignments[slot.device]
            sizes[number] = -(-sizes[number] // alignment) * alignment
        offsets = [0] * len(sizes)
        for event in self._events:
            if event < 0:
                if size := sizes[~event]:
                    places[~event].free(offsets[~event], size)
            elif size := sizes[event]:
                offsets[event] = places[event].allocate(size, event)
        return {
            name: Peak(space.size, self._slots[space.grown_by].note if space.size else "")
            for name, space in spaces.items()
        }


def _parts(size: int) -> tuple[int, int]:
    return size & _CONSTANT, size >> STEP_BITS


class _Space:
    """Free blocks by address (ggml_dyn_tallocr, one chunk); the last one is endless."""

    __slots__ = ("grown_by", "offsets", "size", "sizes")

    def __init__(self) -> None:
        self.offsets = [0]
        self.sizes = [1 << 62]
        self.size = 0
        self.grown_by = 0

    def allocate(self, needed: int, slot: int) -> int:
        """The smallest block that holds it, the last among equals; else the end (ggml_dyn_tallocr_alloc)."""
        sizes, offsets = self.sizes, self.offsets
        best = len(sizes) - 1
        best_size = sizes[best]
        for index, size in enumerate(sizes):
            if needed <= size <= best_size and index != best:
                best, best_size = index, size
        offset = offsets[best]
        if best_size == needed:
            del offsets[best], sizes[best]
            return offset
        offsets[best] = end = offset + needed
        sizes[best] = best_size - needed
        if end > self.size:
            self.size, self.grown_by = end, slot
        return offset

    def free(self, start: int, size: int) -> None:
        """Give a block back and join it with its neighbours (ggml_dyn_tallocr_free_bytes)."""
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
