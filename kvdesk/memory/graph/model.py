"""The whole graph of a model, short of repeating layers that are alike: inputs, layers, logits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from kvdesk.memory.cache_types import BY_NAME, CacheType
from kvdesk.memory.configuration import CELL_PADDING, Configuration, pad
from kvdesk.memory.devices import backend_of
from kvdesk.memory.graph import (
    altup,
    checkpoints,
    compressed,
    cycles,
    gated,
    hyper,
    lightning,
    mixer,
    per_layer,
    pooled,
    relative,
    rwkv,
)
from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.feedforward import dense, feed_forward, mixture, routed
from kvdesk.memory.graph.scheduler import scheduled
from kvdesk.memory.graph.sketch import F16, F32, I32, I64, ROTATION_MIN, CacheInputs, Sketch
from kvdesk.memory.graph.tape import STEP_BITS, Copy, Peak, Tape
from kvdesk.memory.shape import LayerShape, ModelShape

# Whichever a layer has stands before its feed-forward.
FEED_FORWARD_NORMS = ("ffn_norm", "attn_norm_2", "post_attention_norm", "attn_output_norm")
OUTPUT_NORMS = ("output_norm.weight", "dec.output_norm.weight", "enc.output_norm.weight")
# Copies between devices leave holes, and it takes longer until all layers find the same.
OFTEN, OFTEN_WHEN_SPLIT = 2, 6
PERIOD = 2  # layers take turns with two places for the stream


@dataclass(frozen=True, slots=True)
class _Way:
    """How a model leads its stream through the layers, where that is not a plain sum."""

    is_used: Callable[[Sketch], bool]
    opened: Callable[[Sketch, Tensor], Tensor]
    layer: Callable[[Sketch, Tensor], Tensor]
    closed: Callable[[Sketch, Tensor], Tensor]


_WAYS = (
    _Way(altup.has_streams, altup.opened, altup.layer, altup.closed),
    _Way(checkpoints.has_checkpoints, lambda _, stream: stream, checkpoints.layer, checkpoints.closed),
    _Way(cycles.has_cycles, cycles.opened, cycles.layer, cycles.closed),
    _Way(gated.has_streams, gated.opened, gated.layer, gated.closed),
    _Way(relative.has_bias, relative.opened, relative.layer, relative.closed),
    _Way(hyper.has_streams, hyper.opened, hyper.layer, hyper.closed),
)


def _way(s: Sketch) -> _Way | None:
    return next((way for way in _WAYS if way.is_used(s)), None)


def device_peaks(
    shape: ModelShape, config: Configuration, *, n_copies: int = 1, adds_kernel_copies: bool = True
) -> dict[str, Peak]:
    """Replay the allocation of the prompt's graph on every device in use.

    `n_copies` is how often inputs are kept (GGML_SCHED_MAX_COPIES with pipelining). Without
    `adds_kernel_copies` the attention kernels' own copies of the cache are left out.
    """
    if config.n_seq_max > 1 and shape.reserves_one_sequence:  # a second time (TAG_RESERVE_DIAG_DECAY)
        one = replace(config, n_seq_max=1, streams=1, n_outputs_max=config.n_outputs)
        peaks = [_peaks(shape, each, n_copies, adds_kernel_copies) for each in (config, one)]
        return {name: max((each[name] for each in peaks), key=lambda peak: peak.n_bytes) for name in peaks[0]}
    return _peaks(shape, config, n_copies, adds_kernel_copies)


def _peaks(
    shape: ModelShape, config: Configuration, n_copies: int, adds_kernel_copies: bool
) -> dict[str, Peak]:
    tape = _tape(shape, _structure(shape, config), n_copies)
    copies = [Copy.F32_K] * (config.type_k.name == "f32") + [Copy.F32_V] * (config.type_v.name == "f32")
    if adds_kernel_copies:
        copies += [Copy.KERNEL]
        copies += [Copy.KERNEL_K] * (config.type_k.name != "f16")
        copies += [Copy.KERNEL_V] * (config.type_v.name != "f16")
    return tape.play(config.n_ctx_seq // CELL_PADDING, copies)


def _structure(shape: ModelShape, config: Configuration) -> Configuration:
    """The configuration that stands for all with the same graph, whose sizes grow with the context."""
    has_copies = config.has_kernel and not compressed.has_compressed(shape)
    has_copies &= not shape.biases_scores
    if config.kv_offload:  # else the cache itself is copied, of whatever type it is
        config = replace(
            config,
            type_k=graph_type(config.type_k, has_copies),
            type_v=graph_type(config.type_v, has_copies),
        )
    if config.n_ctx_seq < _linear_from(shape, config):
        return config
    cells = CELL_PADDING << STEP_BITS
    is_window_full = config.window_cells == config.n_ctx_seq
    return replace(
        config,
        n_ctx=cells * (config.n_ctx // config.n_ctx_seq),
        n_ctx_seq=cells,
        window_cells=cells if is_window_full else config.window_cells,
    )


def graph_type(cache_type: CacheType, has_copies: bool) -> CacheType:
    """Quantised types differ only in being quantised, f32 only in copies where attention has a kernel."""
    if cache_type.is_quantised:
        return BY_NAME["q8_0"]
    return BY_NAME["f16"] if has_copies or cache_type.name == "bf16" else cache_type


def _linear_from(shape: ModelShape, config: Configuration) -> int:
    """The cells from which on every tensor is constant or grows with the context in proportion."""
    if shape.index_pool or any(
        side.tokens_per_cell > 1 for layer in shape.layers for side in layer.side_caches
    ):
        return config.n_ctx_seq + 1  # their cells grow in steps of their own
    window = 0 if config.swa_full else (shape.window_tokens or 0) * config.n_seq_max
    # One step further, so that a full window cannot be taken for a full context.
    return pad(max(window + config.n_ubatch, shape.index_top_k), CELL_PADDING) + CELL_PADDING


@lru_cache(maxsize=64)
def _tape(shape: ModelShape, config: Configuration, n_copies: int) -> Tape:
    s = Sketch(shape, config, config.n_tokens, config.n_outputs)
    # Where the logits of many tokens are wanted, the last layers' sizes meet the holes that all before left.
    is_split = s.placement.is_divided or bool(config.overrides)
    if config.n_outputs > config.n_seq_max or (is_split and _copies_for_each(s)):
        draw(s, shape.layers[: shape.n_layer])
    else:
        draw(s, representative_layers(shape, s.placement.layers, OFTEN_WHEN_SPLIT if is_split else OFTEN))
    alignments = {device.name: backend_of(device.backend).alignment for device in config.devices}
    return scheduled(s.graph, alignments, config.host.name, n_copies)


def _copies_for_each(s: Sketch) -> bool:
    """Whether each layer reads something of its own from elsewhere: a share of the embedding, a cache."""
    return per_layer.is_used(s) or any(layer.attention == "shared" for layer in s.shape.layers)


def draw(s: Sketch, layers: Sequence[LayerShape]) -> None:
    """Add the graph of these layers, with inputs before and logits behind them."""
    stream = _inputs(s)
    for layer in layers:
        s.enter(layer)
        stream = _layer(s, stream, is_last=layer is layers[-1])
    _logits(s, stream)


@lru_cache(maxsize=64)
def representative_layers(shape: ModelShape, devices: tuple[str, ...], often: int) -> tuple[LayerShape, ...]:
    """Enough layers for the allocator to meet every kind so often after every other, and the last two.

    A multiple of `PERIOD` is left out of each run of equals.
    """
    if shape.stack_layers:
        return shape.layers
    counts: dict[object, int] = {}
    before: object = None
    chosen: list[LayerShape] = []
    skipped: list[LayerShape] = []
    for layer in shape.layers[: shape.n_layer]:
        roles = shape.weights_by_layer[layer.index % len(shape.weights_by_layer)]
        sizes = tuple((role, weight.shape) for role, weight in roles.items())
        window = layer.window_tokens is not None
        heads = (layer.head_count, layer.head_count_kv, layer.keeps_cells)
        is_turned = layer.index not in shape.layers_without_positions
        kind = (devices[layer.index], window, heads, is_turned, sizes)
        step = (before or kind, kind)
        before = kind
        counts[step] = counts.get(step, 0) + 1
        is_border = devices[layer.index + 1 : layer.index + 2] != (devices[layer.index],)
        if counts[step] > often and layer.index < shape.n_layer - 2 and not is_border:
            skipped.append(layer)
            continue
        chosen += skipped[len(skipped) - len(skipped) % PERIOD :]
        skipped.clear()
        chosen.append(layer)
    return tuple(chosen)


def _inputs(s: Sketch) -> Tensor:
    """The inputs; those that are used take their places when the graph first meets them."""
    shape, tokens, width = s.shape, s.n_tokens, s.shape.n_embd
    s.phase = "inputs"
    ids = s.expand(s.input(I32 * tokens))
    s.expand(s.input(F32 * tokens * width))  # embeddings given instead of tokens (inp_embd)
    s.inputs["positions"] = s.input(I32 * tokens * (4 if shape.has_multi_rope else 1))
    state_ids = s.input(I32 * s.config.n_seq_max)
    s.inputs["state_ids"], s.inputs["other_state_ids"] = state_ids.view(), state_ids.view(0)
    s.inputs["out_ids"] = s.input(I32 * s.n_outputs)
    for layer in shape.layers[: shape.n_layer]:
        is_window = layer.window_tokens is not None
        if (layer.keeps_cells or not shape.reads_cache) and is_window not in s.caches:
            s.caches[is_window] = _cache_inputs(s, layer, is_window)
    if pooled.has_pools(s):
        pooled.reserve(s)
    if any(lightning.is_lightning(roles) for roles in shape.weights_by_layer[: shape.n_layer]):
        lightning.reserve(s)
    embedding = s.expand(s.new((width, tokens), ids, reads="token_embd.weight"))
    stream = per_layer.prepare(s, _embedded(s, embedding))
    way = _way(s)
    return stream if way is None else way.opened(s, stream)


def _embedded(s: Sketch, stream: Tensor) -> Tensor:
    """What joins the embedding of each token before the first layer: its kind, its position, a norm."""
    names, ne = s.shape.weight_by_name, (s.shape.n_embd, s.n_tokens)
    if s.shape.scales_embedding:
        stream = s.new(ne, stream, reuse=True)
        if s.shape.has_recurrent_state:  # else nothing comes before the first norm
            s.expand(stream)
    has_kinds = "token_types.weight" in names
    if has_kinds:
        row = Tensor(
            F32 * s.shape.n_embd, is_outside=True, is_listed=True, device=s.home("token_types.weight")
        )
        stream = s.new(ne, stream, row.view(), reuse=True)
    if "position_embd.weight" in names:
        pair = (stream, s.new(ne, s.inputs["positions"], reads="position_embd.weight"))
        stream = s.new(ne, *(pair[::-1] if has_kinds else pair), reuse=True)
    if "token_embd_norm.weight" in names and not s.shape.has_recurrent_state:
        stream = s.new(ne, stream, reuse=not s.shape.uses_layer_norm)
        if has_kinds:
            s.hold(stream)
        stream = s.new(ne, stream, reuse=True, reads="token_embd_norm.weight")
    return stream


def _cache_inputs(s: Sketch, layer: LayerShape, is_window: bool) -> CacheInputs:
    config, shape, tokens = s.config, s.shape, s.n_tokens
    cells = config.window_cells if is_window else config.n_ctx_seq
    item = F16 if config.has_kernel else F32
    if not shape.reads_cache:
        return CacheInputs(s.input(item * tokens * tokens, "the mask"))
    k_rotation = v_rotation = v_rows = None
    if config.type_k.is_quantised and _can_rotate(shape, is_window, is_key=True):
        k_rotation = s.input(F32 * _rotation(layer.key_length) ** 2)
    if layer.v_values:
        if config.type_v.is_quantised and _can_rotate(shape, is_window, is_key=False):
            v_rotation = s.input(F32 * ROTATION_MIN**2)
        # Without a kernel V is stored turned, value by value.
        count = tokens if config.uses_flash_attention else tokens * shape.widest_v_values
        v_rows = s.input(I64 * count)
    mask = s.input(item * tokens * cells, "the mask")
    return CacheInputs(mask, s.input(I64 * tokens), v_rows, k_rotation, v_rotation)


def _can_rotate(shape: ModelShape, is_window: bool, *, is_key: bool) -> bool:
    """llama_kv_cache: all layers of the cache have one head size, and 64 divides it; never for a latent."""
    if shape.is_mla:
        return False
    sizes = {
        layer.key_length if is_key else layer.value_length
        for layer in shape.layers
        if layer.keeps_cells and (layer.window_tokens is not None) == is_window
    }
    return len(sizes) == 1 and sizes.pop() % ROTATION_MIN == 0


def _rotation(length: int) -> int:
    """The largest power of two, 64 or more, that divides the head (llama_kv_cache::build_input_k_rot)."""
    return length & -length


def _layer(s: Sketch, stream: Tensor, *, is_last: bool) -> Tensor:
    """Attention or recurrence, residual, feed-forward, residual."""
    if rwkv.is_rwkv(s):
        return rwkv.layer(s, stream, is_last=is_last)
    if (way := _way(s)) is not None:
        return way.layer(s, stream)
    s.phase = "attention"
    role = "attn_norm_2" if _swaps_norms(s) else "attn_norm"
    if s.shape.routes_by_stream:
        s.inputs["router"] = routed(s, stream)
    normed = _normed(s, stream, role) if _norms(s, role) else stream
    mixed = mixer.mixed(s, normed, stream)
    beside = _normed(s, stream, "attn_norm") if _swaps_norms(s) else normed
    if s.shape.adds_normed:
        stream = normed
    chooses_rows = is_last and not s.shape.late_rows
    if chooses_rows and mixed is not None and not s.layer.has_both:
        mixed, stream, beside = _chosen(s, mixed, stream, beside)
    residual = stream if mixed is None else _attended(s, mixed, stream)
    if chooses_rows and s.layer.has_both:
        residual = s.rows(residual, s.shape.n_embd, s.n_outputs)
        s.n_tokens = s.n_outputs
    if not _has_feed_forward(s):
        return residual
    s.phase = "feed-forward"
    if s.has_norm("ffn_norm_exps"):
        return _experts_beside(s, stream, residual)
    return _fed_forward(s, residual, beside if _is_parallel(s) else residual, mixed)


def _chosen(s: Sketch, mixed: Tensor, stream: Tensor, normed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """From here on only the tokens whose logits are wanted."""
    width, count = s.shape.n_embd, s.n_outputs
    if s.shape.routes_by_stream:
        s.inputs["router"] = s.rows(s.inputs["router"], s.shape.n_experts, count)
    s.n_tokens = count
    return s.rows(mixed, width, count), s.rows(stream, width, count), s.rows(normed, width, count)


def _attended(s: Sketch, mixed: Tensor, stream: Tensor) -> Tensor:
    """What attention found joins the stream, unless the feed-forward stands beside it."""
    ne = (s.shape.n_embd, s.n_tokens)
    if s.has_norm("post_attention_norm") and (s.has_norm("ffn_norm") or _norms_behind(s)):
        mixed = s.norm(mixed, ne, "post_attention_norm")
    out = stream if _is_parallel(s) else _joined(s, mixed, stream, s.shape.adds_attention_second)
    if not _norms_sums(s):
        return out
    out = _normed(s, out, "attn_output_norm")
    if s.has_norm("attn_norm_2"):
        out = _normed(s, s.new(ne, out, stream, reuse=True), "attn_norm_2")
    return out


def _experts_beside(s: Sketch, stream: Tensor, residual: Tensor) -> Tensor:
    """A dense feed-forward after attention, and beside both experts that read the layer's input (arctic)."""
    ne = (s.shape.n_embd, s.n_tokens)
    out = s.new(ne, dense(s, _normed(s, residual, "ffn_norm")), residual, reuse=True)
    return s.new(ne, mixture(s, _normed(s, stream, "ffn_norm_exps")), out, reuse=True)


def _fed_forward(s: Sketch, residual: Tensor, read: Tensor, mixed: Tensor | None) -> Tensor:
    ne = (s.shape.n_embd, s.n_tokens)
    role = _feed_forward_norm(s)
    normed = _normed(s, residual, role) if role else read
    out = feed_forward(s, normed)
    if s.shape.adds_normed:
        residual = normed
    if s.has_norm("post_ffw_norm"):
        out = s.norm(out, ne, "post_ffw_norm")
    if not _is_parallel(s) or mixed is None:
        out = _joined(s, out, residual, s.shape.adds_feed_forward_second)
    else:
        if s.shape.adds_feed_forward_second:
            out, mixed = mixed, out
        addends = (residual, mixed) if s.shape.adds_stream_first else (mixed, residual)
        for addend in addends:
            out = s.new(ne, out, addend, reuse=True)
    out = per_layer.added(s, out)
    if s.has("layer_output_scale.weight"):
        out = s.new(ne, out, reuse=True, reads="layer_output_scale.weight")
    return _normed(s, out, "layer_output_norm") if _norms_sums(s) else out


def _joined(s: Sketch, fresh: Tensor, stream: Tensor, stream_first: bool) -> Tensor:
    """The sum takes the place of whichever is named first and not needed again."""
    if s.shape.adds_normed:
        stream = s.new((s.shape.n_embd, s.n_tokens), stream, reuse=True)  # scaled
    if s.shape.scales_results:
        fresh = s.new((s.shape.n_embd, s.n_tokens), fresh, reuse=True)
    pair = (stream, fresh) if stream_first else (fresh, stream)
    return s.new((s.shape.n_embd, s.n_tokens), *pair, reuse=True)


def _normed(s: Sketch, x: Tensor, role: str) -> Tensor:
    return s.norm(x, (s.shape.n_embd, s.n_tokens), role)


def _norms(s: Sketch, role: str) -> bool:
    return s.has_norm(role) or s.shape.has_weightless_norms


def _feed_forward_norm(s: Sketch) -> str:
    """The norm that stands before the feed-forward alone, "" where there is none."""
    if _swaps_norms(s) or _norms_behind(s) or _norms_sums(s):
        return ""
    role = next((role for role in FEED_FORWARD_NORMS if s.has_norm(role)), "")
    return role or ("ffn_norm" if s.shape.has_weightless_norms else "")


def _norms_behind(s: Sketch) -> bool:
    """Norms stand behind attention and feed-forward alone (olmo2, exaone4)."""
    return s.has_norm("post_attention_norm") and not s.has_norm("attn_norm")


def _norms_sums(s: Sketch) -> bool:
    """Norms stand behind the sums (bert)."""
    return s.has_norm("attn_output_norm") and s.has_norm("layer_output_norm")


def _is_parallel(s: Sketch) -> bool:
    """Attention and feed-forward read the same normed input (falcon, command-r, gptneox, phi2)."""
    if _swaps_norms(s):
        return True
    is_behind = _norms_behind(s) or _norms_sums(s)
    return _has_feed_forward(s) and not is_behind and not _feed_forward_norm(s)


def _swaps_norms(s: Sketch) -> bool:
    """Attention reads the second norm of the layer, the feed-forward beside it the first (falcon 40B)."""
    return s.shape.attends_second_norm and s.has_norm("attn_norm_2")


def _has_feed_forward(s: Sketch) -> bool:
    return any(role.startswith("ffn_down") for role in s.weights)


def _logits(s: Sketch, stream: Tensor) -> None:
    late = s.shape.late_rows
    width, rows = s.shape.n_embd, s.n_tokens if late == "never" else s.n_outputs
    # LFM2's has the name of the embedding's.
    names = (*OUTPUT_NORMS, *(["token_embd_norm.weight"] if s.shape.has_logits else []))
    norm = next((name for name in names if name in s.shape.weight_by_name), "")
    s.phase = "logits"
    if (way := _way(s)) is not None:
        stream = way.closed(s, stream)
    if late == "after_norm":
        stream = s.norm(stream, (width, s.n_tokens), "")
        stream = s.new((width, s.n_tokens), stream, reuse=True, is_output=True, reads=norm)
        normed = s.new((width, rows), stream, s.inputs["out_ids"], is_output=True)
    else:
        if late and late != "never":
            stream.is_output = late == "kept_before_norm"
            stream = s.rows(stream, width, rows)
        normed = s.norm(stream, (width, rows), "")
        normed = s.new((width, rows), normed, reuse=True, is_output=True, reads=norm)
    s.phase = "logits"
    if s.shape.scales_output:
        normed = s.new((width, rows), normed, reuse=True)
    s.expand(s.new((s.shape.n_vocab, rows), normed, reads="output") if s.shape.has_logits else normed)
