"""The kinds of models that tests can make: one row of metadata each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Keys = dict[str, Any]

# llama.cpp names every tensor that a file may have; most files have none of these.
_UNUSUAL = r"\.bias$|\.scale$|_scale$|\.input_scale$|rope_freqs|rope_factors|per_dim|ffn_gate_tid2eid"


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a model; `head_dim` None is n_embd / n_head."""

    n_layer: int = 4
    n_embd: int = 128
    n_head: int = 4
    n_head_kv: int = 2
    head_dim: int | None = None
    n_ff: int = 192
    n_vocab: int = 512
    n_ctx_train: int = 4096
    window: int = 256
    n_expert: int = 4
    n_expert_used: int = 2

    @property
    def head(self) -> int:
        """Values of one attention head."""
        return self.head_dim or self.n_embd // self.n_head


def _nothing(_: Sizes) -> Keys:
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table below: metadata beyond the plain ones, sizes, tensors a file of this kind lacks."""

    architecture: str
    keys: Callable[[Sizes], Keys] = _nothing
    sizes: Sizes = field(default_factory=Sizes)
    omit: str = _UNUSUAL
    is_causal: bool = True
    tokenizer: Keys = field(default_factory=dict)


def _experts(s: Sizes) -> Keys:
    return {
        "expert_count": s.n_expert,
        "expert_used_count": s.n_expert_used,
        "expert_feed_forward_length": s.n_ff // 2,
    }


def _windows(s: Sizes) -> Keys:
    return {"attention.sliding_window": s.window}


def _ssm(s: Sizes) -> Keys:
    return {
        "ssm.conv_kernel": 4,
        "ssm.inner_size": 2 * s.n_embd,
        "ssm.state_size": 16,
        "ssm.time_step_rank": 8,
        "ssm.group_count": 1,
    }


def _delta_net(s: Sizes) -> Keys:
    return {
        "ssm.conv_kernel": 4,
        "ssm.inner_size": 4 * 32,
        "ssm.state_size": 32,
        "ssm.time_step_rank": 4,
        "ssm.group_count": 2,
        "full_attention_interval": 4,
        "rope.dimension_sections": [s.head // 4, s.head // 4, 0, 0],
        "rope.dimension_count": s.head,
    }


def _mla(s: Sizes) -> Keys:
    return {
        "attention.head_count_kv": 1,
        "attention.q_lora_rank": 96,
        "attention.kv_lora_rank": 64,
        "attention.key_length": 64 + 32,
        "attention.value_length": 64,
        "attention.key_length_mla": 64,
        "attention.value_length_mla": 32,
        "rope.dimension_count": 32,
        "leading_dense_block_count": 1,
        "expert_shared_count": 1,
        "expert_weights_scale": 1.0,
        "expert_weights_norm": True,
        "expert_gating_func": 2,
        **_experts(s),
    }


def _alternating(s: Sizes, value: int, every: int = 2) -> list[int]:
    """`value` on every second (or `every`th) layer, 0 on the others."""
    return [value if (i + 1) % every == 0 else 0 for i in range(s.n_layer)]


def _without(*names: str) -> str:
    return "|".join((_UNUSUAL, *names))


_TIED = _without(r"^output\.weight$")
_WITH_BIAS = _UNUSUAL.replace(r"\.bias$|", "")

KINDS: dict[str, Kind] = {
    "llama": Kind("llama", omit=_without("_exps", "gate_inp")),
    "llama-mha": Kind(
        "llama", lambda s: {"attention.head_count_kv": s.n_head}, omit=_without("_exps", "_inp")
    ),
    "llama-mqa": Kind("llama", lambda s: {"attention.head_count_kv": 1}, omit=_without("_exps", "gate_inp")),
    "llama-tied": Kind("llama", omit=_without("_exps", "gate_inp", r"^output\.weight$")),
    "llama-head72": Kind(
        "llama", sizes=Sizes(n_embd=144, n_head=2, n_head_kv=1), omit=_without("_exps", "gate_inp")
    ),
    "mixtral": Kind(
        "llama",
        lambda s: {"expert_count": s.n_expert, "expert_used_count": s.n_expert_used},
        omit=_without(r"ffn_(gate|up|down)\.weight"),
    ),
    "qwen2": Kind("qwen2", omit=_WITH_BIAS + r"|(output|norm)\.bias"),
    "qwen3": Kind("qwen3", omit=_TIED),
    "openelm": Kind(
        "openelm",
        lambda s: {
            "attention.head_count": [s.n_head // 2, *[s.n_head] * (s.n_layer - 1)],
            "attention.head_count_kv": [1, *[s.n_head_kv] * (s.n_layer - 1)],
            "feed_forward_length": [s.n_ff + 32 * i for i in range(s.n_layer)],
            "attention.key_length": s.head,
            "attention.value_length": s.head,
        },
        omit=_TIED,
    ),
    "gemma2": Kind("gemma2", _windows, Sizes(head_dim=64), omit=_TIED),
    "gemma3": Kind("gemma3", _windows, Sizes(n_layer=7, head_dim=64), omit=_TIED),
    "gemma3n": Kind(
        "gemma3n",
        lambda s: {
            **_windows(s),
            "attention.sliding_window_pattern": [(i + 1) % 5 != 0 for i in range(s.n_layer)],
            "attention.shared_kv_layers": 2.0,
            "embedding_length_per_layer_input": 64,
            "altup.active_idx": 0,
            "altup.num_inputs": 4,
            "activation_sparsity_scale": [0.0] * s.n_layer,
        },
        Sizes(n_layer=22, n_embd=64, n_head=2, n_head_kv=1),
        omit=_TIED,
    ),
    "gemma4": Kind(
        "gemma4",
        lambda s: {
            **_windows(s),
            "attention.sliding_window_pattern": [(i + 1) % 4 != 0 for i in range(s.n_layer)],
            "attention.shared_kv_layers": 4,
            "embedding_length_per_layer_input": 64,
            "attention.key_length_swa": s.head // 2,
            "attention.value_length_swa": s.head // 2,
            "rope.dimension_count_swa": s.head // 2,
            "rope.freq_base_swa": 10000.0,
        },
        Sizes(n_layer=12, head_dim=64),
        # its full-attention layers rotate with rope_freqs, so that one stays
        omit=r"\.bias$|\.scale$|_scale$|^output\.weight$|_exps|gate_inp|post_ffw_norm_|pre_ffw_norm_",
    ),
    "gpt-oss": Kind(
        "gpt-oss",
        lambda s: {**_windows(s), **_experts(s)},
        Sizes(head_dim=64),
        omit=r"\.scale$|_scale$|rope_fre",
    ),
    "phi3": Kind("phi3", lambda s: {**_windows(s), "rope.dimension_count": s.head}),
    "cohere2": Kind("cohere2", lambda s: {**_windows(s), "logit_scale": 0.25}, omit=_TIED),
    "llama4": Kind(
        "llama4",
        lambda s: {**_experts(s), "interleave_moe_layer_step": 2, "expert_shared_count": 1},
        omit=_UNUSUAL,
    ),
    "qwen3moe": Kind("qwen3moe", _experts),
    "deepseek2": Kind("deepseek2", _mla),
    # llama.cpp knows the variant without a query LoRA by its 27 layers.
    "deepseek2-lite": Kind(
        "deepseek2",
        lambda s: {key: value for key, value in _mla(s).items() if "q_lora" not in key},
        Sizes(n_layer=27, n_embd=64, n_head=2),
    ),
    "deepseek2-full": Kind(
        "deepseek2",
        lambda s: {
            **{k: v for k, v in _mla(s).items() if not k.endswith("_mla")},
            "attention.head_count_kv": s.n_head,
            "attention.key_length": 64,
            "attention.value_length": 32,
        },
    ),
    "mamba": Kind("mamba", _ssm, omit=r"\.scale$|_scale$|^output\.weight$"),
    "mamba2": Kind("mamba2", _ssm, omit=r"\.scale$|_scale$|^output\.weight$"),
    "jamba": Kind(
        "jamba",
        lambda s: {**_ssm(s), **_experts(s), "attention.head_count_kv": _alternating(s, s.n_head_kv)},
        omit=r"\.scale$|_scale$",
    ),
    "granitehybrid": Kind(
        "granitehybrid",
        lambda s: {
            **_ssm(s),
            **_experts(s),
            "expert_shared_feed_forward_length": s.n_ff,
            "attention.head_count_kv": _alternating(s, s.n_head_kv),
            "attention.scale": 0.1,
            "embedding_scale": 1.0,
            "residual_scale": 1.0,
            "logit_scale": 1.0,
        },
        omit=r"(?<!conv1d)(?<!ssm_dt)\.bias$|\.scale$|_scale$|rope_fre|^output\.weight$",
    ),
    "nemotron_h": Kind(
        "nemotron_h",
        lambda s: {
            **_ssm(s),
            "attention.head_count_kv": [0, s.n_head_kv, 0] * (s.n_layer // 3),
            "feed_forward_length": [0, 0, s.n_ff] * (s.n_layer // 3),
        },
        Sizes(n_layer=6),
        omit=r"(?<!conv1d)(?<!ssm_dt)\.bias$|\.scale$|_scale$|rope_fre|_exps|latent",
    ),
    "falcon-h1": Kind(
        "falcon-h1", _ssm, omit=r"(?<!conv1d)(?<!ssm_dt)\.bias$|\.scale$|_scale$|rope_fre|^output\.weight$"
    ),
    "lfm2": Kind(
        "lfm2",
        lambda s: {"shortconv.l_cache": 3, "attention.head_count_kv": _alternating(s, s.n_head_kv)},
        omit=_TIED,
    ),
    "qwen35": Kind("qwen35", _delta_net, omit=r"(?<!ssm_dt)\.bias$|\.scale$|_scale$|rope_fre"),
    "qwen3next": Kind(
        "qwen3next",
        lambda s: {**_delta_net(s), **_experts(s), "expert_shared_feed_forward_length": s.n_ff},
        omit=r"(?<!ssm_dt)\.bias$|\.scale$|_scale$|rope_fre",
    ),
    "rwkv6": Kind(
        "rwkv6",
        lambda s: {
            "wkv.head_size": 32,
            "time_mix_extra_dim": 16,
            "time_decay_extra_dim": 16,
            "rescale_every_n_layers": 0,
            "attention.head_count": 0,
            "attention.head_count_kv": 0,
        },
        omit=r"\.scale$|_scale$",
    ),
    "rwkv7": Kind(
        "rwkv7",
        lambda s: {
            "wkv.head_size": 32,
            "attention.decay_lora_rank": 16,
            "attention.iclr_lora_rank": 16,
            "attention.value_residual_mix_lora_rank": 16,
            "attention.gate_lora_rank": 16,
            "token_shift_count": 2,
            "attention.head_count": 0,
            "attention.head_count_kv": 0,
        },
        omit=r"\.scale$|_scale$",
    ),
    "bert": Kind(
        "bert",
        lambda s: {"attention.causal": False, "pooling_type": 1, "attention.head_count_kv": s.n_head},
        omit=r"\.scale$|_scale$|attn_qkv|attn_[qk]_norm|rope_fre|cls|ffn_gate",
        is_causal=False,
        tokenizer={"tokenizer.ggml.token_type_count": 2},
    ),
}
