"""A sketch of the graph as ggml's allocator goes through it: what takes memory when, what gives it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kvdesk.memory.configuration import Fused
from kvdesk.memory.graph.tape import Copies, Slot, Tape


@dataclass(slots=True, eq=False)
class Tensor:
    """A node of the sketch. `copies` are bytes on top of `n_bytes` where a copy of the cache is needed.

    `device` is empty until the scheduler has chosen one, unless what the node reads or writes decides it.
    """

    n_bytes: int
    note: str = ""
    sources: tuple["Tensor", ...] = ()
    shape: object = None  # two tensors of one shape have the same layout
    can_reuse: bool = False  # ggml_op_can_inplace
    is_input: bool = False
    is_blank: bool = False  # filled by the graph itself, though it has a place from the beginning
    is_output: bool = False
    is_outside: bool = False  # the result lies in a cache, which has a buffer of its own
    is_listed: bool = False
    device: str = ""
    n_users: int = 0
    n_views: int = 0
    slot: int = -1
    shown: "Tensor | None" = None
    is_view: bool = True  # of what it shows; else an operation that writes into it
    copies: Copies = ()

    @property
    def root(self) -> "Tensor":
        """The tensor whose memory a view shows, itself for all others."""
        return self if self.shown is None else self.shown

    def view(self, n_bytes: int = -1, shape: object = None) -> "Tensor":
        """Another look at the same memory, or at a part of it (view, reshape, permute, transpose).

        With a shape its copy on another device can be worked on in place.
        """
        size = self.n_bytes if n_bytes < 0 else n_bytes
        return Tensor(size, self.note, (self,), shape, shown=self.root)


class Graph:
    """The graph as ggml lists it: nothing stands in it before `expand` has asked for it."""

    def __init__(self) -> None:
        self.inputs: list[Tensor] = []
        self.nodes: list[Tensor] = []
        self.fused: list[tuple[Fused, Tensor, str]] = []  # with the layer's device (add_fused_node)

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


def record(inputs: Sequence[Tensor], nodes: Sequence[Tensor], alignments: Mapping[str, int]) -> Tape:
    """Follow a graph as ggml_gallocr_alloc_graph_impl does. Uses the graph up."""
    events: list[int] = []
    slots: list[Slot] = []

    def take(tensor: Tensor) -> None:
        tensor.slot = len(slots)
        events.append(tensor.slot)
        slots.append(Slot(tensor.device, tensor.n_bytes, tensor.note, tensor.copies))

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
                events.append(~root.slot)
                root.slot = -1
    return Tape(events, slots, alignments)


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
