"""Which devices have a flash-attention kernel of their own for a pair of cache types: they are asked."""

from collections.abc import Sequence

from kvdesk.engine.llama import ggml
from kvdesk.engine.llama.ggml import DeviceType, InitParams
from kvdesk.engine.llama.library import text_of
from kvdesk.engine.protocol import KernelAnswer
from kvdesk.memory.cache_types import CACHE_TYPES, CacheType
from kvdesk.memory.report import HOST

_CELLS = 256  # a cache's length is padded to this (GGML_PAD(n_ctx, 256)); kernels ask for divisibility only
_F16, _F32 = 1, 0


def probe_kernels(
    handles: Sequence[int], head_dims: Sequence[tuple[int, int]], head_count: int, head_count_kv: int
) -> tuple[KernelAnswer, ...]:
    """Ask every device about every pair of cache types, for all head sizes of a model at once.

    `head_dims` are (key length, value length). A decode of one token is asked for, then a prefill of many:
    a pair counts as supported where the device computes both.
    """
    answers = []
    for handle in handles:
        if ggml.dev_type(handle) == DeviceType.ACCEL:
            continue
        is_host = ggml.dev_type(handle) == DeviceType.CPU and text_of(ggml.dev_name(handle)) == HOST.name
        name = HOST.name if is_host else text_of(ggml.dev_name(handle))
        answers += [
            KernelAnswer(name, k.name, v.name, _supports(handle, k, v, head_dims, head_count, head_count_kv))
            for k in CACHE_TYPES
            for v in CACHE_TYPES
        ]
    return tuple(answers)


def _supports(
    handle: int,
    type_k: CacheType,
    type_v: CacheType,
    head_dims: Sequence[tuple[int, int]],
    head_count: int,
    head_count_kv: int,
) -> bool:
    return all(
        key_length % type_k.block_values == 0
        and value_length % type_v.block_values == 0
        and _supports_node(
            handle, type_k, type_v, key_length, value_length, head_count, head_count_kv, tokens
        )
        for key_length, value_length in head_dims
        for tokens in (1, 512)
    )


def _supports_node(
    handle: int,
    type_k: CacheType,
    type_v: CacheType,
    key_length: int,
    value_length: int,
    head_count: int,
    head_count_kv: int,
    tokens: int,
) -> bool:
    """Build the node as build_attn_mha does (llama-graph.cpp), without data, and show it to the device."""
    context = ggml.init(InitParams(64 * 1024, None, True))
    try:
        q = ggml.new_tensor_4d(context, _F32, key_length, tokens, head_count, 1)
        k = ggml.new_tensor_4d(context, type_k.ggml_id, key_length, _CELLS, head_count_kv, 1)
        v = ggml.new_tensor_4d(context, type_v.ggml_id, value_length, _CELLS, head_count_kv, 1)
        mask = ggml.new_tensor_4d(context, _F16, _CELLS, tokens, 1, 1)
        node = ggml.flash_attn_ext(context, q, k, v, mask, key_length**-0.5, 0.0, 0.0)
        return bool(ggml.dev_supports_op(handle, node))
    finally:
        ggml.free(context)
