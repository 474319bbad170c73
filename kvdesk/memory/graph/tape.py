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
NOT_THERE = -1  # the size of a copy that does not apply
ENDLESS = 1 << 62


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

    `events` holds the number of a slot where it is taken and its complement (~) where it is given back.
    `alignments` are those of the devices.
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
        self._absent = [number for number, slot in enumerate(slots) if slot.copies and not slot.n_bytes]
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
        for number in self._absent:
            sizes[number] = sizes[number] or NOT_THERE
        peaks = {}
        for name, events in self._events.items():
            size, grown_by = _replay(events, sizes)
            peaks[name] = Peak(size, self._notes[grown_by] if size else "")
        return peaks


def _parts(size: int) -> tuple[int, int]:
    return size & ((1 << STEP_BITS) - 1), size >> STEP_BITS


def _replay(events: Sequence[int], sizes: Sequence[int]) -> tuple[int, int]:
    """The end of the highest block ever taken, and the slot that took it (ggml_dyn_tallocr, one chunk).

    Tensors without values take nothing, but given back they may leave an empty block, which keeps others
    apart.
    """
    starts, lengths = [0], [ENDLESS]  # free blocks by address
    taken = [0] * len(sizes)
    peak = grown_by = 0
    is_orderly = True  # without empty blocks, which may lie inside of others and disturb the order
    for event in events:
        needed = sizes[event if event >= 0 else ~event]
        if needed == NOT_THERE:
            continue
        if event < 0:
            if is_orderly and needed:
                _give_back(starts, lengths, taken[~event], needed)
            else:
                _give_back_among_empty(starts, lengths, taken[~event], needed)
                is_orderly &= 0 not in lengths
            continue
        # The smallest block that holds it, of equals the last; else the end (ggml_dyn_tallocr_alloc).
        best, best_length = len(lengths) - 1, ENDLESS
        for index in range(best):
            if needed <= lengths[index] <= best_length:
                best, best_length = index, lengths[index]
        taken[event] = start = starts[best]
        if lengths[best] == needed:
            del starts[best], lengths[best]
            continue
        starts[best] = end = start + needed
        lengths[best] -= needed
        if end > peak:
            peak, grown_by = end, event
    return peak, grown_by


def _give_back(starts: list[int], lengths: list[int], start: int, length: int) -> None:
    """Join a block with those before and after it that it touches (ggml_dyn_tallocr_free_bytes)."""
    index = bisect_left(starts, start)
    is_followed = index < len(starts) and starts[index] == start + length
    if index and starts[index - 1] + lengths[index - 1] == start:
        lengths[index - 1] += length
        if is_followed:
            lengths[index - 1] += lengths[index]
            del starts[index], lengths[index]
    elif is_followed:
        starts[index] = start
        lengths[index] += length
    else:
        starts.insert(index, start)
        lengths.insert(index, length)


def _give_back_among_empty(starts: list[int], lengths: list[int], start: int, length: int) -> None:
    """The same where empty blocks may lie inside of others: the first that it touches counts."""
    end = start + length
    for index, (other, size) in enumerate(zip(starts, lengths, strict=True)):
        if other + size == start:
            lengths[index] += length
            if index + 1 < len(starts) and starts[index + 1] == end:
                lengths[index] += lengths[index + 1]
                del starts[index + 1], lengths[index + 1]
            return
        if other == end:
            starts[index] = start
            lengths[index] += length
            if index and starts[index - 1] + lengths[index - 1] == start:
                lengths[index - 1] += lengths[index]
                del starts[index], lengths[index]
            return
    index = next((index for index, other in enumerate(starts) if other >= start), len(starts))
    starts.insert(index, start)
    lengths.insert(index, length)
