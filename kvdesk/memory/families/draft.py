"""The workbench on which a family's rules turn a header into layers (llama_hparams, being filled)."""

from dataclasses import dataclass, field

from kvdesk.memory.families.keys import Keys
from kvdesk.memory.shape import AttentionKind, LayerShape, SideCache


@dataclass(slots=True)
class Draft:
    """Per-layer facts under llama.cpp's names in comments; rules of a family change them in place."""

    keys: Keys
    n_layers: int  # n_layer_all
    n_predict: int  # n_layer_nextn
    n_embd: int
    head_count: list[int]  # n_head_arr
    head_count_kv: list[int]  # n_head_kv_arr
    n_ff: list[int]  # n_ff_arr
    experts_used: list[int]  # n_expert_used_arr
    key_length: int  # n_embd_head_k_full
    value_length: int  # n_embd_head_v_full
    key_length_window: int  # n_embd_head_k_swa
    value_length_window: int  # n_embd_head_v_swa
    is_mla: bool
    window_tokens: int = 0  # n_swa where swa_type is not NONE
    slides: list[bool] = field(default_factory=list)  # is_swa_impl
    has_recurrence: bool = False  # llm_arch_is_recurrent or llm_arch_is_hybrid
    recurs: list[bool] = field(default_factory=list)  # is_recr_impl
    attends: list[bool] | None = None  # filter_attn, where a family has one of its own
    keeps_state: list[bool] | None = None  # filter_recr, likewise
    first_borrower: int | None = None  # n_layer_kv_from_start
    conv_values: int = 0  # n_embd_r
    recurrent_values: int = 0  # n_embd_s
    side_caches: list[tuple[SideCache, ...]] = field(default_factory=list)
    extra_state: list[tuple[int, ...]] = field(default_factory=list)
    has_cache: bool = True
    always_streams: bool = False
    has_router_layer: bool = False

    @property
    def n_trunk(self) -> int:
        """Layers that are not for next-token prediction (llama_hparams::n_layer)."""
        return self.n_layers - self.n_predict

    def is_predicting(self, index: int) -> bool:
        """Whether the layer belongs to next-token prediction, which a main context leaves out."""
        return self.n_predict > 0 and self.n_trunk > 0 and not self.has_router_layer and index >= self.n_trunk

    def has_cells(self, index: int) -> bool:
        """Whether the layer owns a K and V cache (llama_kv_cache's filters and has_kv)."""
        if not self.has_cache or (self.first_borrower is not None and index >= self.first_borrower):
            return False
        if self.attends is not None:
            return self.attends[index]
        if self.has_recurrence:
            return not self.recurs[index]
        return not self.is_predicting(index)

    def has_state(self, index: int) -> bool:
        """Whether the layer owns a recurrent state (llama_memory_recurrent's filter)."""
        if not self.has_recurrence or index >= self.n_trunk:
            return False
        return self.keeps_state[index] if self.keeps_state is not None else self.recurs[index]

    def key_length_of(self, index: int) -> int:
        """n_embd_head_k(il)."""
        return self.key_length_window if self.slides[index] else self.key_length

    def value_length_of(self, index: int) -> int:
        """n_embd_head_v(il)."""
        return self.value_length_window if self.slides[index] else self.value_length

    def widest_v_values(self) -> int:
        """n_embd_v_gqa_max."""
        return max(self.value_length_of(index) * self.head_count_kv[index] for index in range(self.n_layers))

    def layer(self, index: int) -> LayerShape:
        """The finished row of a layer."""
        has_cells, has_state = self.has_cells(index), self.has_state(index)
        key_length, value_length = self.key_length_of(index), self.value_length_of(index)
        heads_kv = self.head_count_kv[index]
        return LayerShape(
            index=index,
            attention=self._attention(index, has_cells, has_state),
            head_count=self.head_count[index],
            head_count_kv=heads_kv,
            key_length=key_length,
            value_length=value_length,
            k_values=key_length * heads_kv if has_cells else 0,
            v_values=value_length * heads_kv if has_cells and not self.is_mla else 0,
            window_tokens=self.window_tokens if self.slides[index] else None,
            recurrent_values=self.recurrent_values if has_state else 0,
            conv_values=self.conv_values if has_state else 0,
            has_both=has_cells and has_state,
            side_caches=self.side_caches[index],
            extra_state_values=self.extra_state[index],
            experts_used=self.experts_used[index],
        )

    def _attention(self, index: int, has_cells: bool, has_state: bool) -> AttentionKind:
        kind: AttentionKind = "none"
        if has_cells and self.head_count_kv[index]:
            kind = "sliding" if self.slides[index] else "mla" if self.is_mla else "full"
        elif has_state:
            kind = "recurrent"
        elif self.first_borrower is not None and index >= self.first_borrower:
            kind = "shared"
        return kind


def start(keys: Keys) -> Draft:
    """What llama_model_base::load_hparams reads for every architecture, before the family's own rules."""
    n_layers = keys.number("block_count")
    n_embd = keys.number("embedding_length")
    heads = keys.per_layer("attention.head_count", n_layers)
    heads_kv = (
        keys.per_layer("attention.head_count_kv", n_layers) if keys.has("attention.head_count_kv") else heads
    )
    natural = n_embd // heads[0] if heads and heads[0] else 0
    key_length = keys.number("attention.key_length", natural) if natural else 0
    value_length = keys.number("attention.value_length", natural) if natural else 0
    return Draft(
        keys=keys,
        n_layers=n_layers,
        n_predict=keys.number("nextn_predict_layers", 0),
        n_embd=n_embd,
        head_count=heads,
        head_count_kv=list(heads_kv),
        n_ff=keys.per_layer("feed_forward_length", n_layers),
        experts_used=keys.per_layer("expert_used_count", n_layers),
        key_length=key_length,
        value_length=value_length,
        key_length_window=keys.number("attention.key_length_swa", key_length),
        value_length_window=keys.number("attention.value_length_swa", value_length),
        is_mla=False,
        slides=[False] * n_layers,
        recurs=[False] * n_layers,
        side_caches=[()] * n_layers,
        extra_state=[()] * n_layers,
    )
