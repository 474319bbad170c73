"""The shape of a model: what each layer keeps in memory, with no architecture's name in it.

`memory/families` makes shapes out of headers; everything after that only sums layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

AttentionKind = Literal["full", "sliding", "recurrent", "mla", "shared", "none"]
Place = Literal["input", "repeating", "output"]
# Where the tokens whose logits are wanted are picked out, when not already in the last layer.
LateRows = Literal["", "before_norm", "kept_before_norm", "after_norm", "never"]
# What becomes of the odds of the experts that a token chose.
ExpertShares = Literal["normed", "plain", "softmax"]
Use = Literal["matmul", "experts", "lookup", "other"]


@dataclass(frozen=True, slots=True)
class SideCache:
    """A further cache beside a layer's main one: indexer keys, or keys of compressed tokens.

    It has a cell for every `tokens_per_cell` tokens of context, padded to 256 cells, with `k_values` and
    `v_values` values each (llama_kv_cache_dsa, _msa, _dsv4, llama_memory_hybrid_idx).
    """

    k_values: int
    v_values: int = 0
    tokens_per_cell: int = 1


@dataclass(frozen=True, slots=True)
class LayerShape:
    """What one layer caches.

    `k_values` and `v_values` are values per cell (head size times KV heads); 0 where nothing is kept.
    `window_tokens` is the sliding window, None for all cells. `recurrent_values` and `conv_values` are f32
    values per sequence (S and R of llama_memory_recurrent); `extra_state_values` are more of them, kept in
    tensors of their own. A `shared` layer reads another layer's cache.
    """

    index: int
    attention: AttentionKind
    head_count: int = 0
    head_count_kv: int = 0
    key_length: int = 0
    value_length: int = 0
    k_values: int = 0
    v_values: int = 0
    window_tokens: int | None = None
    recurrent_values: int = 0
    conv_values: int = 0
    has_both: bool = False  # attention and recurrent state in the same layer (falcon-h1)
    side_caches: tuple[SideCache, ...] = ()
    extra_state_values: tuple[int, ...] = ()
    experts_used: int = 0

    @property
    def keeps_cells(self) -> bool:
        """Whether the layer owns a K (and V) cache."""
        return self.k_values > 0 or self.v_values > 0

    @property
    def keeps_state(self) -> bool:
        """Whether the layer owns a recurrent state."""
        return self.recurrent_values > 0 or self.conv_values > 0


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor of the file, with what decides where llama.cpp puts it.

    `role` is its name without "blk.N."; `layer` is N, None outside the blocks. `place` is its class in
    LLM_TENSOR_INFOS, `use` the operation that reads it. Tensors that llama.cpp skips are not here.
    """

    name: str
    role: str
    layer: int | None
    place: Place
    use: Use
    type_name: str
    shape: tuple[int, ...]
    n_bytes: int

    @property
    def n_values(self) -> int:
        """Number of elements."""
        count = 1
        for size in self.shape:
            count *= size
        return count


@dataclass(frozen=True, eq=False)
class ModelShape:
    """Everything about a model that decides how much memory it takes. Compared by identity.

    `layers` has a row for every block, those for next-token prediction included; `n_layer` counts the others,
    `-ngl` counts all and the output layer. `widest_v_values` is the V row of the widest layer, to which all
    are padded without flash attention. `window_tokens` is None when no layer slides. Without `reads_cache`
    attention stays within the batch, whether a cache is kept or not. `is_rough` says that the compute
    buffer's sketch leaves out parts of this model's graph; everything else is as exact as elsewhere.
    `key_magnitude` is what K is multiplied with as it is turned to its position; with `turns_keys_oddly` some
    layer's K is not simply turned.
    """

    architecture: str
    name: str
    is_verified: bool
    is_rough: bool
    n_embd: int
    n_vocab: int
    n_ctx_train: int
    n_layer: int
    layers: tuple[LayerShape, ...]
    weights: tuple[Weight, ...]
    skipped_bytes: int = 0
    is_mla: bool = False
    needs_equal_types: bool = False
    supports_flash_attention: bool = True
    supports_tensor_split: bool = True
    has_cache: bool = True
    reads_cache: bool = True
    has_encoder: bool = False
    outputs_embeddings: bool = False
    is_causal: bool = True
    always_streams: bool = False
    can_shift: bool = True
    reserves_one_sequence: bool = False
    ties_output: bool = True
    copies_embedding_twice: bool = False
    layers_without_positions: frozenset[int] = frozenset()
    has_multi_rope: bool = False
    frequencies_of_full_layers: bool = False
    turns_keys_oddly: bool = False
    key_magnitude: float = 1.0
    has_logits: bool = True
    uses_layer_norm: bool = False
    has_weightless_norms: bool = False
    scales_embedding: bool = False
    scales_output: bool = False
    skips_embedding: bool = False
    norms_values: bool = False
    late_rows: LateRows = ""
    attends_second_norm: bool = False
    biases_scores: bool = False
    adds_normed: bool = False
    scales_results: bool = False
    adds_stream_first: bool = False
    bends_gates_in_steps: bool = False
    routes_by_stream: bool = False
    expert_shares: ExpertShares = "normed"
    scales_shares: bool = False
    weighs_first: bool = False
    checkpoint_every: int = 0
    stack_layers: int = 0
    low_passes: int = 0
    adds_attention_second: bool = False
    adds_feed_forward_second: bool = False
    window_tokens: int | None = None
    widest_v_values: int = 0
    n_experts: int = 0
    index_top_k: int = 0
    index_block: int = 0
    rotates_index: bool = True
    index_mean: int = 0
    index_pool: int = 0
    index_tail: bool = False
    kv_lora_rank: int = 0
    n_rot: int = 0
    rope_scaling: str = ""
    n_tokenizer_merges: int = 0
    file_bytes: int = 0

    @cached_property
    def weight_by_name(self) -> Mapping[str, Weight]:
        """The tensors by full name."""
        return {weight.name: weight for weight in self.weights}

    @cached_property
    def weights_by_layer(self) -> tuple[Mapping[str, Weight], ...]:
        """For each layer its tensors by role."""
        rows: list[dict[str, Weight]] = [{} for _ in self.layers]
        for weight in self.weights:
            if weight.layer is not None and weight.layer < len(rows):
                rows[weight.layer][weight.role] = weight
        return tuple(rows)

    @cached_property
    def tied_output(self) -> Weight | None:
        """The token embedding, where it also serves as output because the file has no output of its own."""
        if not self.ties_output or "output.weight" in self.weight_by_name:
            return None
        return self.weight_by_name.get("token_embd.weight")

    @cached_property
    def n_parameters(self) -> int:
        """Parameters held in memory, embeddings counted once."""
        return sum(weight.n_values for weight in self.weights)

    @cached_property
    def widest_operand(self) -> int:
        """Values that the widest product of a layer reads for one token, of all its experts together."""
        return max(
            (
                weight.shape[0] * (self.layers[weight.layer].experts_used if weight.use == "experts" else 1)
                for weight in self.weights
                if weight.use in ("matmul", "experts")
                and weight.layer is not None
                and weight.layer < self.n_layer
            ),
            default=0,
        )

    @cached_property
    def has_recurrent_state(self) -> bool:
        """Whether any layer keeps a recurrent state, which cannot be rewound."""
        return any(layer.keeps_state for layer in self.layers)

    @cached_property
    def head_dims(self) -> tuple[tuple[int, int], ...]:
        """The distinct (key length, value length) pairs of layers with a cache, as kernels see them."""
        pairs = {(row.key_length, row.value_length): None for row in self.layers if row.keeps_cells}
        return tuple(pairs)
