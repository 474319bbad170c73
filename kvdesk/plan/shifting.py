"""Says whether what follows a gap in a conversation can be moved together in the cache, and if not, why.

llama.cpp moves cached tokens by turning their K on to new positions (llama_kv_cache::build_graph_shift). Its
own answer, llama_memory_can_shift, leaves out where that graph ends the process or turns K wrongly; each case
here was found by comparing a moved cache with one that was read afresh (tests/engine/test_shift.py).
"""

from kvdesk.memory.cache_types import BY_NAME
from kvdesk.memory.report import HOST
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions

_ROTATION = 64  # llama_kv_cache: a quantised K is rotated where this divides its heads


def shift_obstacle(shape: ModelShape, options: LoadOptions) -> Phrase | None:
    """Why this model's cache cannot be moved together with these options, to be read after a colon.

    None where it can. Holds for every device: a GPU's backend hands what it cannot do to the CPU.
    """
    return (
        _of_model(shape)
        or _of_windows(shape, options)
        or _of_scaling(shape, options)
        or _of_k(shape, options)
    )


def _of_model(shape: ModelShape) -> Phrase | None:
    if not shape.has_cache:
        return Phrase("this model keeps no cache.")
    if any(layer.keeps_state for layer in shape.layers):
        return Phrase("this model keeps a state that nothing can be taken out of.")
    if not shape.is_verified:
        return Phrase("this architecture is not known well enough.")
    if not shape.can_shift or shape.turns_keys_oddly or any(layer.side_caches for layer in shape.layers):
        return Phrase("llama.cpp cannot move this model's positions.")
    if "position_embd.weight" in shape.weight_by_name:
        return Phrase("this model adds its positions to the words themselves.")
    return None


def _of_windows(shape: ModelShape, options: LoadOptions) -> Phrase | None:
    """llama_kv_cache_iswa::get_can_shift; a cache without layers has no graph to move it."""
    if shape.window_tokens is None:
        return None
    kept = [layer for layer in shape.layers[: shape.n_layer] if layer.keeps_cells]
    if len({layer.window_tokens is None for layer in kept}) < 2:
        return Phrase("llama.cpp cannot move this model's positions.")
    config = configure(options, shape, (HOST,))
    if config.window_cells < config.n_ctx_seq:
        return Phrase("sliding windows keep too little; with --swa-full they could be moved.")
    return None


def _of_scaling(shape: ModelShape, options: LoadOptions) -> Phrase | None:
    """The graph multiplies K by YaRN's factor once more each time, in every cell."""
    stretches = bool(options.rope_scale or options.rope_freq_scale)
    is_asked = options.rope_scaling == "yarn" or options.yarn_ext_factor > 0
    is_asked = is_asked or options.yarn_attn_factor not in (-1, 1)
    if shape.key_magnitude == 1 and not is_asked and not (stretches and shape.rope_scaling == "yarn"):
        return None
    return Phrase("this model's positions are stretched with a factor that moving would apply twice.")


def _of_k(shape: ModelShape, options: LoadOptions) -> Phrase | None:
    """What build_rope_shift makes of K's type: ggml's rope takes f32 and f16 alone, and a quantised K passes
    through its rotation, whole rows at a time, or ends the process.
    """
    k = BY_NAME[options.cache_type_k]
    if not k.is_quantised:
        return None if k.name in ("f16", "f32") else Phrase("K in {type} cannot be moved.", type=k.name)
    heads = {layer.key_length for layer in shape.layers[: shape.n_layer] if layer.k_values}
    if shape.is_mla or len(heads) > 1 or any(head % _ROTATION or head != shape.n_rot for head in heads):
        return Phrase("K in {type} cannot be moved with this model's heads; in f16 it can.", type=k.name)
    return None
