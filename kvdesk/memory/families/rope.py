"""What rotary positions do to K: in which layers they turn it, and whether cached tokens can be moved."""

from math import isclose, log

from kvdesk.memory.families import table
from kvdesk.memory.families.draft import Draft
from kvdesk.memory.families.keys import Keys

_EVERY = 4  # n_no_rope_layer_step


def has_multi_rope(draft: Draft, architecture: str) -> bool:
    """llama_model_rope_type: M-RoPE has several positions a token, and get_can_shift then says no."""
    if architecture in table.SECTIONED_ROPE:
        sections = draft.keys.sequence("rope.dimension_sections") or ()
        return len(sections) >= 2 and sections[0] > 0 and sections[1] > 0
    return architecture in table.MULTI_ROPE


def layers_without(draft: Draft, architecture: str) -> frozenset[int]:
    """The layers that leave Q and K as they are (use_rope in src/models)."""
    layers = range(draft.n_layers)
    if not table.uses_positions(draft.keys, draft.n_trunk):
        return frozenset(layers)
    if architecture == "smollm3":
        return frozenset(layers[_EVERY - 1 :: _EVERY])
    if not any(draft.slides) or architecture == "llama4":  # which scales its queries instead
        return frozenset()
    if architecture == "smallthinker":
        return frozenset(layers[::_EVERY] if draft.n_trunk != _EVERY else ())
    if architecture in table.TURNS_KEYS_IN_WINDOWS:
        turned = draft.keys.number("leading_dense_block_count", 0) if architecture == "cohere2moe" else 0
        return frozenset(index for index in layers[turned:] if not draft.slides[index])
    return frozenset()


def turns_keys_oddly(draft: Draft, architecture: str) -> bool:
    """Whether K in the cache is not K turned to its position in every layer."""
    if architecture in table.TURNS_KEYS_IN_WINDOWS:
        return any(draft.slides)
    return architecture in table.TURNS_KEYS_ODDLY


def key_magnitude(keys: Keys, architecture: str) -> float:
    """What K is multiplied with as it is turned: 1, but for YaRN and for long rope.

    llama_context's yarn_attn_factor times what ggml's rope_yarn multiplies in, which it cancels.
    """
    magnitude = keys.real("rope.scaling.attn_factor", 1.0)
    if keys.text("rope.scaling.type") == "yarn":
        factor = keys.real("rope.scaling.factor", 1.0)
        depth = keys.real("rope.scaling.yarn_log_multiplier", 0.0)
        if architecture == "deepseek2":
            depth /= 0.1
        if depth == 0:
            magnitude *= _yarn_scale(factor, 1.0)
        else:
            is_v2 = architecture == "deepseek2" and depth != 1
            magnitude *= _yarn_scale(factor, depth if is_v2 else 1.0) / _yarn_scale(factor, depth)
    return 1.0 if isclose(magnitude, 1.0, rel_tol=1e-6) else magnitude


def _yarn_scale(factor: float, depth: float) -> float:
    return 1.0 if factor <= 1 else 0.1 * depth * log(factor) + 1
