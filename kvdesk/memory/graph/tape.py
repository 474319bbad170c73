"""Replays ggml's graph allocator (ggml-alloc.c) on a recorded graph: the peak is the compute buffer.

The peak is not the largest sum of living tensors: best-fit placement leaves holes, and those are part of what
llama.cpp reserves. Replaying the same allocations in the same order gives the same holes.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kvdesk.memory.configuration import pad

# Sketched with 2^44 steps of context, a size holds two figures: above this bit what each step adds, below it
# the part that does not grow. One sketch then stands for all contexts.
STEP_BITS = 44


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
    slot without bytes is not there. `alignments` are those of the devices.
    """

    def __init__(self, events: Sequence[int], slots: Sequence[Slot], alignments: Mapping[str, int]) -> None:
        self._notes = [slot.note for slot in slots]
        self._aligned = [alignments[slot.device] for slot in slots]
        self._events = {
            name: [event for event in events if slots[event if event >= 0 else ~event].device == name]
            for name in alignments
        }
        parts = [_parts(slot.n_bytes) for slot in slots]
        self._still = [
            pad(still, multiple) for (still, _), multiple in zip(parts, self._aligned, strict=True)
        ]
        self._moving = {number: size for number, size in enumerate(parts) if size[1] or slots[number].copies}
        self._copies = [
            (number, copy, _parts(size)) for number, slot in enumerate(slots) for copy, size in slot.copies
        ]

    def play(self, steps: int, copies: Collection[Copy]) -> dict[str, Peak]:
        """Allocate on each device after so many steps of context."""
        moving = {number: still + steps * more for number, (still, more) in self._moving.items()}
        for number, copy, (still, more) in self._copies:
            if copy in copies:
                moving[number] += still + steps * more
        sizes = self._still.copy()
        for number, size in moving.items():
            sizes[number] = pad(size, self._aligned[number])
        peaks = {}
        for name, events in self._events.items():
            size, grown_by = _replay(events, sizes)
            peaks[name] = Peak(size, self._notes[grown_by] if size else "")
        return peaks


def _parts(size: int) -> tuple[int, int]:
    return size & ((1 << STEP_BITS) - 1), size >> STEP_BITS


def _replay(events: Sequence[int], sizes: Sequence[int]) -> tuple[int, int]:
    """The end of the highest block ever taken, and the slot that took it (ggml_dyn_tallocr, one chunk)."""
    starts, lengths = [0], [1 << 62]  # free blocks by address; the last one is endless
    taken = [0] * len(sizes)
    peak = grown_by = 0
    for event in events:
        if event >= 0:
            # The smallest block that holds it, the last among equals; else the end (ggml_dyn_tallocr_alloc).
            if not (needed := sizes[event]):
                continue
            best, best_length = len(lengths) - 1, 1 << 61
            for index in range(best):
                if needed <= lengths[index] <= best_length:
                    best, best_length = index, lengths[index]
            taken[event] = start = starts[best]
            if best_length == needed:
                del starts[best], lengths[best]
                continue
            starts[best] = end = start + needed
            lengths[best] -= needed
            if end > peak:
                peak, grown_by = end, event
        elif length := sizes[~event]:
            # Joined with its neighbours (ggml_dyn_tallocr_free_bytes).
            start = taken[~event]
            index = bisect_left(starts, start)
            if start + length == starts[index]:
                starts[index] = start
                lengths[index] += length
            else:
                starts.insert(index, start)
                lengths.insert(index, length)
            if index and starts[index - 1] + lengths[index - 1] == start:
                lengths[index - 1] += lengths[index]
                del starts[index], lengths[index]
    return peak, grown_by
