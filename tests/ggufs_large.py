"""Models of hybrid and sparse kinds in the sizes in which people run them, with holes for weights."""

from pathlib import Path

from tests.ggufs import make_model
from tests.ggufs_kinds import Keys

_FULL_EVERY_FOURTH = [0, 0, 0, 1, 0, 0, 0, 1]
# What llama.cpp would read and converters do not write.
_UNWRITTEN = r"\.scale$|input_scale$|attn_(q|k|v|qkv|output|gate)\.bias"


def _experts(n_experts: int, used: int, width: int) -> Keys:
    return {
        "expert_count": n_experts,
        "expert_used_count": used,
        "expert_feed_forward_length": width,
        "expert_shared_feed_forward_length": width,
    }


def _index(heads: int, top_k: int) -> Keys:
    return {
        "attention.indexer.head_count": heads,
        "attention.indexer.key_length": 128,
        "attention.indexer.top_k": top_k,
    }


# Kind -> (fields of Sizes, metadata).
LARGE: dict[str, tuple[dict[str, int], Keys]] = {
    "kimi-linear": (
        {"n_layer": 8, "n_embd": 2304, "n_head": 32, "n_ff": 9216},
        {
            "attention.head_count": 32,
            "attention.head_count_kv": _FULL_EVERY_FOURTH,
            **_experts(64, 8, 1024),
        },
    ),
    "kimi-k3": (
        {"n_layer": 9, "n_embd": 2048, "n_head": 16, "n_ff": 8192},
        {
            "attention.head_count": 16,
            "attention.head_count_kv": [*_FULL_EVERY_FOURTH, 1],
            "attn_res.block_size": 3,
            "expert_latent_length": 1024,
            **_experts(64, 8, 1024),
        },
    ),
    "bailingmoe3": (
        {"n_layer": 8, "n_embd": 2048, "n_head": 16, "n_ff": 8192},
        {"attention.head_count": 16, "attention.head_count_kv": _FULL_EVERY_FOURTH, **_experts(64, 8, 512)},
    ),
    "minimax-01": (
        {"n_layer": 9, "n_embd": 3072, "n_head": 32, "n_head_kv": 8, "head_dim": 128, "n_ff": 4096},
        {"full_attention_interval": 8, **_experts(16, 2, 4096)},
    ),
    "minimax-m3": (
        {"n_layer": 8, "n_embd": 3072, "n_head": 32, "n_head_kv": 4, "head_dim": 128, "n_ff": 8192},
        {
            "leading_dense_block_count": 3,
            "attention.indexer.block_size": 128,
            **_index(4, 16),
            **_experts(64, 4, 1536),
        },
    ),
    "deepseek4": (
        {"n_layer": 8, "n_embd": 2048, "n_head": 32, "head_dim": 512, "n_ff": 2048, "window": 128},
        {
            "rope.dimension_count": 64,
            "attention.q_lora_rank": 1024,
            "attention.output_lora_rank": 512,
            "attention.compress_ratios": [0, 0, 4, 128, 4, 128, 4, 128],
            **_index(32, 512),
            **_experts(64, 6, 1024),
        },
    ),
    "deepseek32": (
        {"n_layer": 6, "n_embd": 2048, "n_head": 32, "n_ff": 8192},
        {"attention.q_lora_rank": 1024, **_index(32, 2048), **_experts(64, 8, 1024)},
    ),
    "qwen4exp": (
        {"n_layer": 8, "n_embd": 2048, "n_head": 16, "n_head_kv": 2, "head_dim": 128, "n_ff": 4096},
        {
            "rope.dimension_count": 64,
            "full_attention_interval": 4,
            "ssm.inner_size": 4096,
            "ssm.group_count": 16,
            "ssm.time_step_rank": 32,
            "attention.compress_ratios": [4] * 8,
            "embedding_length_per_layer_input": 512,
            "hyper_connection.low_rank": 128,
            **_index(8, 2048),
            **_experts(64, 8, 512),
        },
    ),
    "hy_v4": (
        {"n_layer": 8, "n_embd": 2048, "n_head": 32, "n_ff": 8192},
        {"attention.q_lora_rank": 1024, **_index(32, 2048), **_experts(64, 8, 1024)},
    ),
    "glm5-next": (
        {"n_layer": 8, "n_embd": 2048, "n_head": 32, "n_ff": 8192},
        {
            "attention.head_count_kv": _FULL_EVERY_FOURTH,
            "attention.q_lora_rank": 1024,
            "attention.compress_ratios": [4] * 8,
            **_index(32, 2048),
            **_experts(64, 8, 1024),
        },
    ),
}


def make_large(kind: str, folder: Path) -> Path:
    """Write the header of such a model, and a hole as large as its weights."""
    sizes, keys = LARGE[kind]
    return make_model(
        kind,
        folder,
        file_type="q8_0",
        name=f"{kind}-large",
        keys=keys,
        omit=_UNWRITTEN,
        is_hollow=True,
        n_vocab=32768,
        n_ctx_train=131072,
        **sizes,
    )
