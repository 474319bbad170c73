"""Families that attend to a selection of tokens and keep a second cache to choose it with."""

from kvdesk.memory.families.draft import Draft
from kvdesk.memory.families.rules import Rule
from kvdesk.memory.shape import SideCache

# Compression ratios of llama_kv_cache_dsv4: overlapping windows of 4, plain blocks of 128.
OVERLAPPED_RATIO = 4
BLOCK_RATIO = 128

# glm-dsa.cpp, GLM_5_2_DEFAULT_INDEXER_TYPES: layers 0 and 1, then every fourth, choose for those after them.
GLM_5_2_CONTEXT = 1_048_576


def indexer_on_every_layer(draft: Draft) -> None:
    """DeepSeek V3.2: every layer keeps its own indexer keys."""
    _index(draft, [True] * draft.n_layers)


def indexer_where_full(draft: Draft) -> None:
    """GLM 5, dots3note, hy-v4, glm5-next: only layers marked full in the file choose for themselves."""
    _index(draft, _full_layers(draft, default=1))


def indexer_where_listed(draft: Draft) -> None:
    """dots3note: layers are full only where the file says so."""
    _index(draft, _full_layers(draft, default=0))


def indexer_of_glm(draft: Draft) -> None:
    """GLM 5: without a list, all layers are full before 5.2, a fixed pattern from then on."""
    if draft.keys.has("attention.indexer.types") or draft.keys.number("context_length") < GLM_5_2_CONTEXT:
        _index(draft, _full_layers(draft, default=1))
    else:
        _index(draft, [index < 2 or (index >= 2 and (index - 2) % 4 == 0) for index in range(draft.n_layers)])


def indexer_if_sparse(draft: Draft) -> None:
    """hy-v4: checkpoints without top_k attend to everything and keep no indexer."""
    if draft.keys.number("attention.indexer.top_k", 0):
        _index(draft, _full_layers(draft, default=0))


def indexer_after_dense(draft: Draft) -> None:
    """MiniMax M3: layers after the dense ones; not MLA, so the indexer's cache carries a V head too."""
    dense = draft.keys.number("leading_dense_block_count", 0)
    _index(draft, [index >= dense for index in range(draft.n_layers)])


def indexer_on_attention_layers(pooled: int = 1) -> Rule:
    """Hybrids: K-only, on the layers that attend; `pooled` rows a token where keys are pooled (glm5-next)."""

    def apply(draft: Draft) -> None:
        values = draft.keys.number("attention.indexer.key_length", 0)
        if draft.keys.number("attention.indexer.kpool", 0):
            values *= pooled
        full = _full_layers(draft, default=1)
        for index in range(draft.n_trunk):
            if values and not draft.recurs[index] and full[index]:
                draft.side_caches[index] = (SideCache(values),)

    return apply


def compressed_keys(draft: Draft) -> None:
    """DeepSeek V4: window keys everywhere, keys of compressed tokens and the compressors' state by ratio.

    Everything is kept per sequence and without V (dsv4_make_k_only), whatever kv_unified says.
    """
    draft.always_streams = True
    draft.is_mla = True
    draft.attends = [True] * draft.n_layers
    ratios = draft.keys.per_layer("attention.compress_ratios", draft.n_layers)
    indexer = draft.keys.number("attention.indexer.key_length")
    for index, ratio in enumerate(ratios):
        states: tuple[int, ...] = ()
        row = draft.key_length_window * draft.head_count_kv[index]
        if ratio == OVERLAPPED_RATIO:
            draft.side_caches[index] = (SideCache(row, 0, ratio), SideCache(indexer, 0, ratio))
            states = (2 * ratio * 2 * draft.key_length_of(0), 2 * ratio * 2 * indexer)
        elif ratio == BLOCK_RATIO:
            draft.side_caches[index] = (SideCache(row, 0, ratio),)
            states = (ratio * draft.key_length_of(0),)
        # Each compressor keeps values and scores (llama_dsv4_comp_state).
        draft.extra_state[index] = tuple(size for size in states for _ in range(2))


def prediction_only_if_present(draft: Draft) -> None:
    """DeepSeek V4 files may announce prediction layers that were left out of the file."""
    if draft.n_predict and f"blk.{draft.n_trunk}.nextn.eh_proj.weight" not in _names(draft):
        draft.n_predict = 0


def ngram_history(draft: Draft) -> None:
    """Qwen4: the layer with n-gram embeddings keeps a convolution's history of its own (ple_conv_state)."""
    layers = draft.keys.sequence("ple.layers")
    if not layers:
        return
    kernel, ngram = draft.keys.number("ple.conv_kernel"), draft.keys.number("ple.ngram_size")
    streams = draft.keys.number("hyper_connection.count")
    for index in layers:
        if index < draft.n_trunk and draft.has_state(index):
            draft.extra_state[index] = ((kernel - 1) * ngram * streams * draft.n_embd,)


def _index(draft: Draft, full: list[bool]) -> None:
    indexer = draft.keys.number("attention.indexer.key_length")
    for index in range(draft.n_trunk):
        if full[index]:
            k_values = draft.key_length_window if draft.slides[index] else indexer
            v_values = 0 if draft.is_mla else draft.value_length_of(index)
            draft.side_caches[index] = (SideCache(k_values, v_values),)


def _full_layers(draft: Draft, default: int) -> list[bool]:
    return [bool(flag) for flag in draft.keys.per_layer("attention.indexer.types", draft.n_layers, default)]


def _names(draft: Draft) -> set[str]:
    return {tensor.name for tensor in draft.keys.header.tensors}
