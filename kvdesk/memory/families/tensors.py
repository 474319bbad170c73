"""Which class and operation llama.cpp gives a tensor by its name, and which tensors it does not load."""

import re

from kvdesk.gguf.header import Header
from kvdesk.memory.shape import Place, Use, Weight

_BLOCK = re.compile(r"^(?:(?:enc|dec)\.)?blk\.(\d+)\.(.+)$")

# LLM_TENSOR_INFOS: tensors outside the blocks that belong to the input; always on the host.
_INPUT = frozenset({"token_embd", "position_embd", "token_types", "per_layer_token_embd"})
# Outside the blocks too, but created as part of the first one.
_FIRST_BLOCK = frozenset(
    {"token_embd_norm", "per_layer_model_proj", "per_layer_proj_norm", "nextn.pre_projection", "hrm"}
)
# These files give the output's norm the name of another tensor (LLM_TENSOR_OUTPUT_NORM_LFM2).
_OUTPUT_NORM_ELSEWHERE = {"lfm2": "token_embd_norm", "lfm2moe": "token_embd_norm"}
# Outside the blocks, but created for every block: each device with layers gets a copy.
ROPE_FACTORS = frozenset({"rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"})
# GGML_OP_GET_ROWS.
_LOOKUP = frozenset(
    (
        "token_embd",
        "position_embd",
        "token_types",
        "per_layer_token_embd",
        "attn_compressor_ape",
        "indexer_compressor_ape",
        "ffn_gate_tid2eid",
        "attn_rel_b",
        "nextn.embed_tokens",
        "d2t",
        "dspark_markov_w1",
        "selector_prev",
        "selector_next",
    )
)
# GGML_OP_MUL_MAT_ID.
_EXPERTS = re.compile(r"^ffn_(?:up|down|gate|gate_up)_(?:ch)?exps$")
# GGML_OP_NONE: in the file, never used.
_UNUSED = frozenset({"cross_attn_rel_b", "masked_embd_centroids", "masked_embd_ordering"})


def read_weights(header: Header, first_predicting: int | None) -> tuple[tuple[Weight, ...], int]:
    """The tensors that are loaded, and the bytes of those that are not.

    Blocks from `first_predicting` on belong to next-token prediction and are skipped (TENSOR_SKIP).
    """
    weights, skipped_bytes = [], 0
    output_norm = _OUTPUT_NORM_ELSEWHERE.get(header.architecture)
    for tensor in header.tensors:
        block = _BLOCK.match(tensor.name)
        layer, role = (int(block[1]), block[2]) if block else (None, tensor.name)
        stem = role.rpartition(".")[0] or role
        if stem in _UNUSED or (
            layer is not None and first_predicting is not None and layer >= first_predicting
        ):
            skipped_bytes += tensor.n_bytes
            continue
        weights.append(
            Weight(
                name=tensor.name,
                role=role,
                layer=layer,
                place="output" if stem == output_norm else _place(layer, role, stem),
                use=_use(role, stem, tensor.shape),
                type_name=tensor.type_name,
                shape=tensor.shape,
                n_bytes=tensor.n_bytes,
            )
        )
    return tuple(weights), skipped_bytes


def _place(layer: int | None, role: str, stem: str) -> Place:
    if layer is not None or role in ROPE_FACTORS or stem in _FIRST_BLOCK:
        return "repeating"
    return "input" if stem in _INPUT else "output"


def _use(role: str, stem: str, shape: tuple[int, ...]) -> Use:
    if stem in _LOOKUP:
        return "lookup"
    if not role.endswith(".weight"):
        return "other"
    if _EXPERTS.match(stem):
        return "experts"
    return "matmul" if sum(size > 1 for size in shape) >= 2 else "other"
