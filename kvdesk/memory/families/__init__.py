"""Makes a model's shape from its header: the one place where an architecture's name matters."""

from kvdesk.errors import Corrupt, GgufError
from kvdesk.gguf.header import ArrayValue, Header
from kvdesk.memory.families import table
from kvdesk.memory.families.draft import Draft, start
from kvdesk.memory.families.keys import Keys
from kvdesk.memory.families.rope import has_multi_rope, key_magnitude, layers_without, turns_keys_oddly
from kvdesk.memory.families.tensors import read_weights
from kvdesk.memory.shape import ModelShape

MAX_LAYERS = 512  # LLAMA_MAX_LAYERS
RMS_EPSILON = "attention.layer_norm_rms_epsilon"


def shape_of(header: Header) -> ModelShape:
    """Read the shape of a language model. Raises GgufError when the file lacks what llama.cpp needs.

    An architecture that is in no row of the table follows the plain rule and is not `is_verified`.
    """
    architecture = header.architecture
    keys = Keys(header)
    if not header.tensors:
        raise GgufError(
            "“{name}” holds no tensors.",
            "It is a vocabulary or a part of a set; open the file with the weights.",
            name=header.path,
        )
    if not 0 < keys.number("block_count") <= MAX_LAYERS:
        raise Corrupt(
            "“{name}” announces {n} layers.",
            "Fetch it again.",
            name=header.path,
            n=keys.number("block_count"),
        )
    draft = start(keys)
    if draft.n_predict > draft.n_layers:
        raise Corrupt(
            "“{name}” has more layers for prediction than layers.", "Fetch it again.", name=header.path
        )
    for rule in table.RULES.get(architecture, ()):
        rule(draft)
    return _finish(draft, header)


def _finish(draft: Draft, header: Header) -> ModelShape:
    keys, architecture = draft.keys, header.architecture
    is_predicting = draft.n_predict > 0 and not draft.has_router_layer and draft.n_trunk > 0
    weights, skipped_bytes = read_weights(header, draft.n_trunk if is_predicting else None)
    name = header.get("general.name", "")
    return ModelShape(
        architecture=architecture,
        name=name if isinstance(name, str) else "",
        is_verified=_is_known(architecture),
        is_rough=architecture in table.ROUGH or not _is_known(architecture),
        n_embd=draft.n_embd,
        n_vocab=_count(header, "tokenizer.ggml.tokens") or keys.number("vocab_size", 0),
        n_ctx_train=keys.number("context_length"),
        n_layer=draft.n_trunk,
        layers=tuple(draft.layer(index) for index in range(draft.n_layers)),
        weights=weights,
        skipped_bytes=skipped_bytes,
        is_mla=draft.is_mla,
        needs_equal_types=draft.is_mla,
        supports_flash_attention=architecture not in table.WITHOUT_FLASH_ATTENTION,
        supports_tensor_split=architecture not in table.WITHOUT_TENSOR_SPLIT,
        has_cache=draft.has_cache,
        reads_cache=draft.has_cache and architecture not in table.ENCODERS,
        has_encoder=architecture in table.WITH_ENCODER,
        outputs_embeddings=architecture == "t5",
        is_causal=architecture not in table.NOT_CAUSAL and bool(keys.number("attention.causal", 1)),
        always_streams=draft.always_streams,
        can_shift=architecture not in table.CANNOT_SHIFT and not has_multi_rope(draft, architecture),
        layers_without_positions=layers_without(draft, architecture),
        has_multi_rope=has_multi_rope(draft, architecture),
        turns_keys_oddly=turns_keys_oddly(draft, architecture),
        key_magnitude=key_magnitude(keys, architecture),
        has_logits=architecture not in table.ENCODERS,
        uses_layer_norm=_uses_layer_norm(keys, architecture),
        stack_layers=keys.number("hrm.layers_per_stack", 0) if architecture == "hrm_text" else 0,
        low_passes=keys.number("hrm.l_cycles", 0),
        reserves_one_sequence=architecture in table.RESERVES_ONE_SEQUENCE,
        frequencies_of_full_layers=architecture in table.FREQUENCIES_OF_FULL_LAYERS,
        scales_output=architecture in table.SCALES_OUTPUT,
        scales_embedding=table.scales_embedding(keys),
        skips_embedding=architecture in table.SKIPS_EMBEDDING,
        has_weightless_norms=architecture in table.WEIGHTLESS_NORMS,
        norms_values=architecture in table.NORMS_VALUES,
        attends_second_norm=architecture in table.ATTENDS_SECOND_NORM,
        biases_scores=architecture in table.BIASES_SCORES,
        adds_stream_first=architecture in table.ADDS_STREAM_FIRST,
        adds_normed=architecture in table.ADDS_NORMED,
        expert_shares=table.expert_shares(architecture, bool(keys.number("expert_weights_norm", 0))),
        scales_shares=keys.real("expert_weights_scale", 1.0) not in (0.0, 1.0),
        routes_by_stream=architecture in table.ROUTES_BY_STREAM,
        scales_results=architecture in table.SCALES_RESULTS and keys.real("residual_scale", 0.0) != 0.0,
        weighs_first=architecture in table.WEIGHS_FIRST,
        bends_gates_in_steps=architecture in table.BENDS_GATES_IN_STEPS,
        checkpoint_every=keys.number("attn_res.block_size", 0),
        adds_attention_second=architecture in table.ADDS_ATTENTION_SECOND,
        adds_feed_forward_second=architecture in table.ADDS_FEED_FORWARD_SECOND,
        late_rows=table.late_rows(architecture),
        ties_output=architecture not in table.WITHOUT_TIED_COPY,
        copies_embedding_twice=architecture in table.EMBEDDING_TWICE,
        window_tokens=draft.window_tokens if any(draft.slides) else None,
        widest_v_values=draft.widest_v_values(),
        index_top_k=keys.number("attention.indexer.top_k", 0),
        index_block=keys.number("attention.indexer.block_size") if architecture in table.BLOCK_INDEX else 0,
        index_mean=max(keys.sequence("attention.compress_ratios") or (0,))
        if architecture in table.MEAN_INDEX
        else 0,
        index_pool=keys.number("attention.indexer.kpool", 0) if architecture in table.POOLED_INDEX else 0,
        index_tail=bool(keys.number("attention.indexer.kpool_select_tail", 0)),
        rotates_index=architecture not in table.PLAIN_INDEX,
        n_experts=keys.number("expert_count", 0),
        kv_lora_rank=keys.number("attention.kv_lora_rank", 0),
        n_rot=keys.number("rope.dimension_count", draft.key_length),
        rope_scaling=keys.text("rope.scaling.type"),
        n_tokenizer_merges=_count(header, "tokenizer.ggml.merges"),
        file_bytes=header.file_bytes,
    )


def _is_known(architecture: str) -> bool:
    return architecture in table.RULES or architecture in table.PLAIN


def _uses_layer_norm(keys: Keys, architecture: str) -> bool:
    """By the architecture; cohere2moe, and one that nobody knows, by which epsilon the file gives."""
    if architecture != "cohere2moe" and _is_known(architecture):
        return architecture in table.LAYER_NORM
    return keys.has("attention.layer_norm_epsilon") and not keys.has(RMS_EPSILON)


def _count(header: Header, key: str) -> int:
    value = header.get(key)
    return value.count if isinstance(value, ArrayValue) else 0
