"""Kinds of models that few people run, with the metadata that llama.cpp's own tests give all of them.

Mirrors get_gguf_ctx of llama.cpp's tests/test-llama-archs.cpp: keys that an architecture does not know are
ignored by it, so one set serves all, and a row says only where an architecture differs.
"""

from collections.abc import Callable

from tests.ggufs_kinds import Keys, Kind, Sizes

_SIZES = Sizes(n_layer=2, n_embd=256, n_head=2, n_head_kv=2, n_ff=384, n_ctx_train=256, window=32)
_LATENT = Sizes(n_layer=2, n_embd=128, n_head=1, n_head_kv=1, n_ff=192, n_ctx_train=256, window=32)


def _all_keys(s: Sizes) -> Keys:
    return {
        "features_length": s.n_embd,
        "leading_dense_block_count": 1,
        "use_parallel_residual": False,
        "logit_scale": 1.0,
        "time_mix_extra_dim": 64,
        "time_decay_extra_dim": 128,
        "full_attention_interval": 2,
        "attention.max_alibi_bias": 8.0,
        "attention.clamp_kqv": 1.0,
        "attention.group_norm_epsilon": 1e-5,
        "attention.group_norm_groups": 8,
        "attention.q_lora_rank": 512,
        "attention.kv_lora_rank": 512,
        "attention.relative_buckets_count": 8,
        "attention.sliding_window": s.window,
        "attention.sliding_window_pattern": 2,
        "attention.indexer.head_count": 8,
        "attention.indexer.key_length": 128,
        "attention.indexer.top_k": 131072,
        "attention.indexer.block_size": 4,
        "attention.indexer.kpool": 4,
        "attention.indexer.kpool_select_tail": True,
        "attention.indexer.local_blocks": 1,
        "rope.dimension_sections": [s.head // 4] * 4,
        "ssm.inner_size": 2 * s.n_embd,
        "ssm.conv_kernel": 4,
        "ssm.state_size": 128,
        "ssm.time_step_rank": s.n_head,
        "ssm.group_count": 2,
        "kda.head_dim": 128,
        "kda.safe_gate": True,
        "kda.gate_lower_bound": -5.0,
        "wkv.head_size": s.head,
        "shortconv.l_cache": 3,
        "residual_scale": 3.55,
        "attn_res.block_size": 12,
        "activation.situ_beta": 4.0,
        "activation.situ_linear_beta": 25.0,
    }


def _experts(s: Sizes) -> Keys:
    return {
        "expert_count": 2,
        "expert_used_count": 2,
        "expert_feed_forward_length": s.n_ff,
        "expert_shared_feed_forward_length": s.n_ff // 2,
        "expert_latent_length": s.n_ff,
        "expert_shared_count": 1,
        "expert_gating_func": 2,
        "expert_group_scale": 1.0,
        "experts_per_group": 1,
        "interleave_moe_layer_step": 2,
    }


def _latent(_: Sizes) -> Keys:
    return {
        "attention.key_length": 576,
        "attention.value_length": 512,
        "attention.key_length_mla": 192,
        "attention.value_length_mla": 128,
        "rope.dimension_count": 64,
    }


def _heads_on_first(s: Sizes) -> Keys:
    per_layer = [0 if i == 1 else s.n_head for i in range(s.n_layer)]
    return {"attention.head_count": per_layer, "attention.head_count_kv": per_layer}


def _odd_layers(s: Sizes) -> Keys:
    return {"attention.sliding_window_pattern": [i % 2 for i in range(s.n_layer)]}


def _even_layers_index(s: Sizes) -> Keys:
    return {"attention.indexer.types": [1 - i % 2 for i in range(s.n_layer)]}


def _hyper_connections(_: Sizes) -> Keys:
    return {
        "hyper_connection.count": 4,
        "hyper_connection.sinkhorn_iterations": 2,
        "hyper_connection.epsilon": 1e-6,
        "hyper_connection.low_rank": 8,
        "hyper_connection.magnitude": 2.0,
        "swiglu_clamp_exp": 10.0,
        "expert_weights_scale": 1.0,
        "expert_weights_norm": True,
    }


def _pooled(_: Sizes) -> Keys:
    return {"pooling_type": 1}


def _sections(_: Sizes) -> Keys:
    return {"rope.dimension_sections": [8, 12, 12, 0]}


Part = Callable[[Sizes], Keys]


_BIASED = Sizes(n_layer=4, n_head_kv=4)


def _row(
    architecture: str, *parts: Part, sizes: Sizes = _SIZES, is_causal: bool = True, **keys: object
) -> Kind:
    """A kind whose metadata are those of all plus `parts`, in this order; "__" in `keys` stands for a dot."""
    own = {key.replace("__", "."): value for key, value in keys.items()}

    def make(s: Sizes) -> Keys:
        made = _all_keys(s)
        for part in parts:
            made |= part(s)
        return made | own

    return Kind(architecture, make, sizes, omit=r"^$", is_causal=is_causal)


def _named(names: str, *parts: Part, sizes: Sizes = _SIZES, is_causal: bool = True) -> dict[str, Kind]:
    return {name: _row(name, *parts, sizes=sizes, is_causal=is_causal) for name in names.split()}


# What they cache follows from head counts and head sizes alone.
PLAIN: dict[str, Kind] = {
    **_named(
        "deci falcon gpt2 gptneox mpt baichuan starcoder refact bloom stablelm qwen qwen2vl qwen3vl phi2 "
        "plamo codeshell orion internlm2 minicpm minicpm3 gemma starcoder2 xverse command-r olmo chatglm "
        "glm4 bitnet jais jais2 nemotron exaone granite granitemoe arcee ernie4_5 hunyuan-dense hunyuan_vl "
        "smollm3 seed_oss cogvlm pangu-embedded mistral3 paddleocr maincoder talkie pockettts"
    ),
    **_named(
        "grok qwen2moe qwen3vlmoe phimoe dbrx olmoe arctic deepseek deepseek2-ocr glm4moe bailingmoe "
        "bailingmoe2 dots1 ernie4_5-moe hunyuan-moe hy_v3 grovemoe minimax-m2",
        _experts,
    ),
}

# Windows, states, latent rows, indexers, or no cache at all.
SPECIAL: dict[str, Kind] = {
    **_named("modern-bert neo-bert eurobert gemma-embedding llama-embed", _pooled, is_causal=False),
    **_named("dream llada"),
    **_named("llada-moe rnd1", _experts),
    **_named("olmo2 exaone4 plamo3 muse-glimmer nanbeige"),
    **_named("exaone-moe afmoe laguna smallthinker mellum", _experts),
    **_named("cohere2moe mimo2 step35", _experts, _odd_layers),
    "granite_swa": _row("granite_swa", _odd_layers),
    "spark2_5": _row("spark2_5", _odd_layers),
    "maple": _row("maple", _experts, _odd_layers, swiglu_clamp_exp=7.0),
    **_named("lfm2moe", _experts, _heads_on_first),
    **_named("minimax-01", _experts),
    "qwen35moe": _row("qwen35moe", _experts, ssm__inner_size=256),
    "plamo2": _row("plamo2", _heads_on_first, ssm__group_count=0),
    "nemotron_h_moe": _row(
        "nemotron_h_moe",
        _experts,
        sizes=Sizes(n_layer=3, n_embd=256, n_head=2, n_head_kv=2, n_ff=384),
        feed_forward_length=[0, 0, 384],
        attention__head_count=[2, 0, 2],
        attention__head_count_kv=[2, 0, 2],
    ),
    **_named("kimi-linear kimi-k3", _experts, _latent, _heads_on_first, sizes=_LATENT),
    **_named("bailingmoe3", _experts, _latent, _heads_on_first, _sections, sizes=_LATENT),
    **_named("mistral4 deepseek32 glm-dsa", _experts, _latent, sizes=_LATENT),
    "hy_v4": _row("hy_v4", _experts, _latent, _even_layers_index, _hyper_connections, sizes=_LATENT),
    "dots3note": _row(
        "dots3note",
        _experts,
        _latent,
        _odd_layers,
        _even_layers_index,
        sizes=_LATENT,
        attention__kv_lora_rank_swa=512,
        attention__key_length_swa=576,
        attention__value_length_swa=512,
        attention__key_length_mla_swa=192,
        attention__value_length_mla_swa=128,
        rope__freq_base_swa=10000.0,
    ),
    "glm5-next": _row(
        "glm5-next",
        _experts,
        _latent,
        _hyper_connections,
        sizes=_LATENT,
        attention__key_length=512,
        rope__dimension_count=0,
        attention__head_count_kv=[1, 0],
        attention__compress_ratios=[4, 4],
    ),
    "minimax-m3": _row(
        "minimax-m3", _experts, rope__dimension_count=64, attention__indexer__head_count=_SIZES.n_head
    ),
    "deepseek4": _row(
        "deepseek4",
        _experts,
        _hyper_connections,
        sizes=Sizes(
            n_layer=4, n_embd=512, n_head=8, n_head_kv=1, head_dim=64, n_ff=256, n_ctx_train=256, window=32
        ),
        rope__dimension_count=32,
        attention__q_lora_rank=64,
        attention__output_group_count=8,
        attention__output_lora_rank=32,
        attention__compress_ratios=[0, 0, 4, 128],
        attention__compress_rope_freq_base=160000.0,
        hash_layer_count=0,
        expert_gating_func=4,
    ),
    "qwen4exp": _row(
        "qwen4exp",
        _experts,
        _hyper_connections,
        ssm__inner_size=256,
        attention__indexer__key_length=128,
        attention__compress_ratios=[4, 4],
        ple__layers=[0],
        ple__ngram_size=3,
        ple__heads_per_ngram=2,
        ple__conv_kernel=4,
        ple__eos_token_id=0,
        ple__layer_multipliers=[1, 3, 5],
        ple__head_offsets=[0, 512, 1024, 1536],
        ple__head_vocab_sizes=[512] * 4,
        embedding_length_per_layer_input=64,
    ),
    "hrm_text": _row(
        "hrm_text",
        sizes=Sizes(n_layer=6, n_embd=256, n_head=2, n_head_kv=2, n_ff=384),
        hrm__layers_per_stack=1,
        hrm__h_cycles=2,
        hrm__l_cycles=2,
    ),
}

RARE = {**PLAIN, **SPECIAL}

# Their memory can be asked for, but one token alone cannot be run through them.
PLANNED_ALONE: dict[str, Kind] = {
    **_named("t5", sizes=_BIASED),
    **_named("t5encoder", _pooled, sizes=_BIASED, is_causal=False),
}
