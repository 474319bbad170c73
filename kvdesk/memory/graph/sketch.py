"""The operations of llm_graph_context as the allocator sees them: sizes, order, and what may be reused."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from kvdesk.memory.configuration import Configuration, Fused
from kvdesk.memory.devices import Backend, backend_of
from kvdesk.memory.graph.allocator import Graph, Tensor
from kvdesk.memory.placement import place
from kvdesk.memory.shape import LayerShape, ModelShape, Weight
from kvdesk.memory.weights import weight_homes

F32 = 4
F16 = 2
I32 = 4
I64 = 8
ROTATION_MIN = 64
SMALL_BATCH = 32  # below it norms stay with their layer, and work with weights on the host


@dataclass(slots=True)
class CacheInputs:
    """The inputs of one cache: mask, rows to write, rotations of quantised K and V (None where absent)."""

    mask: Tensor
    k_rows: Tensor | None = None
    v_rows: Tensor | None = None
    k_rotation: Tensor | None = None
    v_rotation: Tensor | None = None


class Sketch:
    """Adds nodes for one model under one configuration. `n_tokens` is the batch of the layer at hand."""

    def __init__(
        self,
        shape: ModelShape,
        config: Configuration,
        n_tokens: int,
        n_outputs: int,
    ) -> None:
        self.shape = shape
        self.config = config
        self.graph = Graph()
        self.n_tokens = self.all_tokens = n_tokens
        self.n_outputs = n_outputs
        self.layer: LayerShape = shape.layers[0]
        self.weights: Mapping[str, Weight] = {}
        self.phase = ""
        self.device = config.host.name
        self.placement = place(shape, config)
        self.homes = weight_homes(shape, config)
        first = config.accelerators[0] if config.accelerators and config.op_offload else config.host
        self.staging = first.name if backend_of(first.backend).stages_weights else ""
        self.inputs: dict[str, Tensor] = {}
        self.n_checkpoints = 0
        self.caches: dict[bool, CacheInputs] = {}

    def enter(self, layer: LayerShape) -> None:
        """Turn to another layer."""
        self.layer = layer
        self.device = self.placement.layers[layer.index]
        self.weights = self.shape.weights_by_layer[layer.index % len(self.shape.weights_by_layer)]

    @property
    def backend(self) -> Backend:
        """The kind of the device that nodes are made for at the moment."""
        device = next(device for device in self.config.devices if device.name == self.device)
        return backend_of(device.backend)

    def has(self, role: str) -> bool:
        """Whether the layer has a tensor of that role."""
        return role in self.weights

    def has_norm(self, role: str) -> bool:
        """Whether the layer has that norm; falcon-h1 writes it without ".weight"."""
        return f"{role}.weight" in self.weights or role in self.weights

    def width(self, role: str) -> int:
        """How many values a matrix puts out for a token, 0 where there is none."""
        weight = self.weights.get(role)
        return weight.shape[1] if weight is not None and len(weight.shape) > 1 else 0

    def input(self, n_bytes: int, note: str = "inputs", ne: tuple[int, ...] | None = None) -> Tensor:
        """An input: taken on the host before all else, freed after its last use; reused only with `ne`."""
        return Tensor(n_bytes, note, shape=ne, is_input=True, device=self.config.host.name)

    def blank(self, ne: tuple[int, ...], item: int = F32) -> Tensor:
        """A tensor that the graph itself fills: it stands from the beginning where it is read first."""
        return Tensor(item * prod(ne), self.phase, shape=ne, is_input=True, is_blank=True)

    def new(
        self,
        ne: tuple[int, ...],
        *sources: Tensor | None,
        reuse: bool = False,
        item: int = F32,
        is_output: bool = False,
        reads: str = "",
    ) -> Tensor:
        """A tensor of `ne` values of `item` bytes; in place of a source of the same layout with `reuse`.

        `reads` is the role or name of a weight: the operation is computed where that lies.
        """
        used = tuple(source for source in sources if source is not None)
        device = self.home(reads) if reads else ""
        return Tensor(item * prod(ne), self.phase, used, ne, reuse, is_output=is_output, device=device)

    def columns(self, tensor: Tensor, width: int) -> Tensor:
        """A view of some values of every row, which reaches over all rows but the rest of the last."""
        return tensor.view(tensor.n_bytes - tensor.n_bytes // self.n_tokens + F32 * width)

    def within(self, target: Tensor, *sources: Tensor) -> Tensor:
        """An operation that writes into a tensor of which a source is a view (set_rows, add_inplace)."""
        return Tensor(target.n_bytes, self.phase, sources, shown=target.root, is_view=False)

    def home(self, role: str) -> str:
        """Where the layer's weight of that role is read, or the weight of that name.

        For batches a GPU may want weights on the host brought to it (offload_op), not single rows of them.
        """
        weight = self.weights.get(role) or self.shape.weight_by_name.get(role)
        device = self.homes.get(role if weight is None else weight.name, "")
        is_brought = device == self.config.host.name and self.n_tokens >= SMALL_BATCH
        is_brought &= weight is None or weight.use != "lookup"
        return self.staging if self.staging and is_brought else device

    def fuse(self, operation: Fused, tensor: Tensor) -> Tensor:
        """Remember a fused operation, which must be computed on its layer's device."""
        self.graph.fused.append((operation, tensor, self.placement.layers[self.layer.index]))
        return tensor

    @property
    def cache_layer(self) -> LayerShape:
        """The layer whose cache this one reads: the last of its kind that keeps one (layer_reuse_cb)."""
        if self.layer.attention != "shared":
            return self.layer
        slides = self.layer.window_tokens is not None
        kept = (row for row in reversed(self.shape.layers) if row.keeps_cells)
        return next((row for row in kept if (row.window_tokens is not None) == slides), self.layer)

    def kept(self, n_bytes: int) -> Tensor:
        """What lies in a cache, to be read; it is copied where another device reads it."""
        where = self.placement.caches[self.cache_layer.index]
        return Tensor(n_bytes, is_outside=True, is_listed=True, device=where)

    def expand(self, tensor: Tensor) -> Tensor:
        """ggml_build_forward_expand."""
        return self.graph.expand(tensor)

    def store(self, *sources: Tensor | None) -> None:
        """Write to a cache (set_rows, cpy): no memory of its own."""
        used = tuple(source for source in sources if source is not None)
        where = self.placement.caches[self.layer.index]
        self.expand(Tensor(0, "", used, is_outside=True, device=where))

    def linear(self, x: Tensor, role: str, n_tokens: int | None = None) -> Tensor:
        """build_lora_mm and its bias."""
        ne = (self.width(f"{role}.weight"), n_tokens or self.n_tokens)
        y = self.new(ne, x, reads=f"{role}.weight")
        return self.new(ne, y, reuse=True, reads=f"{role}.bias") if self.has(f"{role}.bias") else y

    def norm(self, x: Tensor, ne: tuple[int, ...], role: str) -> Tensor:
        """build_norm: RMS norm may take over its source, layer norm may not; weight and bias follow."""
        y = self.new(ne, x, reuse=not self.shape.uses_layer_norm)
        if self.has_norm(role):
            self.hold(y)
            y = self.new(ne, y, reuse=True, reads=role if role in self.weights else f"{role}.weight")
        return self.new(ne, y, reuse=True, reads=f"{role}.bias") if self.has(f"{role}.bias") else y

    def hold(self, node: Tensor) -> None:
        """Keep a norm or a layer's result with it, in small batches and with all offloaded (graph_get_cb)."""
        if self.all_tokens < SMALL_BATCH or self.config.n_gpu_layers > len(self.shape.layers):
            self.pin(node, self.placement.layers[self.layer.index])

    def pin(self, tensor: Tensor, device: str) -> None:
        """Choose a device for a node (ggml_backend_sched_set_tensor_backend).

        A load keeps to it; llama.cpp's dry run forgets it (ggml_backend_sched_reserve_size).
        """
        tensor.device = device

    def rows(self, x: Tensor, width: int, n_rows: int) -> Tensor:
        """get_rows of the tokens whose logits are wanted."""
        return self.new((width, n_rows), x, self.inputs["out_ids"])

    def states(self, values: int) -> Tensor:
        """build_rs: the state of each sequence, gathered from the cache; those of others are moved along."""
        every = self.open_states(values)
        gathered = self.new((values, self.config.n_seq_max), every, self.inputs["state_ids"])
        self.expand(gathered)
        self.move_states(every)
        return gathered

    def open_states(self, values: int) -> Tensor:
        """The states as they lie in the cache; one that begins anew is cleared there."""
        self.store()
        return self.kept(F32 * values * self.config.n_seq_max).view()

    def keep_state(self, result: Tensor) -> None:
        """Write back the new states, which stand behind what an operation puts out."""
        self.store(result.view(F32 * self.layer.recurrent_values * self.config.n_seq_max))

    def move_states(self, every: Tensor) -> None:
        """build_rs: states of sequences that are not in the batch (none, when buffers are reserved)."""
        self.store(self.new((0,), every, self.inputs["other_state_ids"]))
