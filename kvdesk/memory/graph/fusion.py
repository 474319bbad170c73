"""Which fused operations llama.cpp gives up, because they would not be computed where their layers are."""

from dataclasses import replace
from functools import lru_cache

from kvdesk.memory.configuration import CELL_PADDING, EXPERTS_PATTERN, Configuration, Fused
from kvdesk.memory.graph.model import draw, graph_type
from kvdesk.memory.graph.scheduler import assign
from kvdesk.memory.graph.sketch import Sketch
from kvdesk.memory.placement import place
from kvdesk.memory.shape import ModelShape


def settled(shape: ModelShape, config: Configuration) -> Configuration:
    """The configuration once llama.cpp has looked where fused operations would be computed.

    It gives a kind of them up in all layers when it finds one on another device than its layer
    (llama_context::resolve_fused_ops), flash attention only where that is "auto". So it happens to hybrids
    where the last layer on the host attends: the next one clears its recurrent state, on its own device,
    before this one's result is projected.
    """
    # Experts on the host (--cpu-moe) stand behind everything that is fused.
    moves_others = any(EXPERTS_PATTERN not in pattern for pattern, _ in config.overrides)
    if not (place(shape, config).is_divided or moves_others):
        return config
    if config.flash_attn == "auto" and "attention" in _misplaced(shape, config):
        config = replace(config, given_up=frozenset({"attention"}))
    return replace(config, given_up=config.given_up | (_misplaced(shape, config) - {"attention"}))


def _misplaced(shape: ModelShape, config: Configuration) -> frozenset[Fused]:
    """The fused operations that stand away from their layer's device."""
    count = config.n_seq_max
    few = replace(
        config,
        n_ctx=CELL_PADDING * count,
        n_ctx_seq=CELL_PADDING,
        window_cells=CELL_PADDING,
        n_batch=count,
        n_ubatch=count,
        n_outputs_max=count,
        type_k=graph_type(config.type_k, has_copies=True),
        type_v=graph_type(config.type_v, has_copies=True),
    )
    return _found_misplaced(shape, few)


@lru_cache(maxsize=64)
def _found_misplaced(shape: ModelShape, config: Configuration) -> frozenset[Fused]:
    s = Sketch(shape, config, config.n_seq_max, config.n_seq_max)
    draw(s, shape.layers[: shape.n_layer])  # none left out: what follows a layer decides
    assign(s.graph, config.host.name)
    return frozenset(kind for kind, node, device in s.graph.fused if node.device not in ("", device))
