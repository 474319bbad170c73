"""DeepSeek V4's attention: a window of single tokens, and beyond it keys that stand for 4 or 128 tokens."""

from kvdesk.memory.configuration import CELL_PADDING, pad
from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import F16, F32, I32, I64, Sketch
from kvdesk.memory.shape import ModelShape

OVERLAPPED = 4  # DSV4_CSA_RATIO: the caches of these keys have an index


def is_compressed(s: Sketch) -> bool:
    """Whether the layer's attention is of this kind, by its tensors."""
    return s.has("attn_output_a.weight") and s.has("attn_kv.weight")


def has_compressed(shape: ModelShape) -> bool:
    """Whether any layer's is."""
    return any(
        "attn_output_a.weight" in roles and "attn_kv.weight" in roles for roles in shape.weights_by_layer
    )


def attention(s: Sketch, x: Tensor) -> Tensor:
    """From the normed input to the output projection (build_attention_impl)."""
    layer, tokens = s.layer, s.n_tokens
    head, heads = layer.key_length, layer.head_count
    ne, one = (head, heads, tokens), (head, 1, tokens)
    if s.has("attn_compressor_kv.weight"):
        _compress(s, x, "attn_compressor", head)
    if s.has("indexer_compressor_kv.weight"):
        _compress(s, x, "indexer_compressor", _index_head(s))
    s.phase = "attention"
    low = s.norm(s.linear(x, "attn_q_a"), (s.width("attn_q_a.weight"), tokens), "attn_q_a_norm")
    q = s.new(ne, s.new(ne, s.linear(low, "attn_q_b").view()), s.inputs["positions"], reuse=True)
    k = s.norm(s.linear(x, "attn_kv"), (head, tokens), "attn_kv_a_norm")
    k = s.new(one, k.view(), s.inputs["positions"])
    is_turned = s.config.type_k.is_quantised
    if is_turned:
        q, k = (
            s.new(ne, _rotation(s, head, "window"), q.view()),
            s.new(one, _rotation(s, head, "window"), k.view()),
        )
    s.expand(q)
    s.expand(k)
    cache = s.caches[True]
    s.store(k.view(), cache.k_rows)
    out = _attended(s, x, low, q, cache.mask)
    if is_turned:
        out = s.new(ne, _rotation(s, head, "window"), out.view())
    out = s.new(ne, out.view(), s.inputs["positions"])
    inner = (s.weights["attn_output_b.weight"].shape[0], tokens)
    grouped = s.new(inner, out.view(), reads="attn_output_a.weight")
    return s.linear(s.new(inner, grouped.view()), "attn_output_b")


def _attended(s: Sketch, x: Tensor, low: Tensor, q: Tensor, mask: Tensor) -> Tensor:
    """Scores over the window and, where there are any, the compressed keys behind it."""
    layer, tokens, config = s.layer, s.n_tokens, s.config
    cells, keys = config.window_cells, []
    item = F16 if config.has_kernel else F32
    if layer.side_caches:
        ratio = layer.side_caches[0].tokens_per_cell
        more = _cells(s, ratio)
        cells += more
        # The scratch has the cache's own type; of quantised ones the largest stands for all.
        rows = (config.type_k.row_bytes(layer.key_length), cells * config.streams)
        keys = [s.new(rows, item=1)]
        wide = s.inputs.setdefault(f"mask_{ratio}", s.input(item * more * tokens, "the mask"))
        if len(layer.side_caches) > 1:
            wide = _opened(s, x, low, more, wide)
        mask = s.new((cells, tokens), mask, wide, item=item)
    head, heads = layer.value_length, layer.head_count
    if config.has_kernel:
        copied = [s.new((head, cells * config.streams), *keys, item=F16) for _ in range(2)]
        sources = copied if config.type_k.name == "f32" else keys
        return s.expand(s.new((head, heads, tokens), q.view(), *sources, mask).view())
    product = s.new((cells, tokens, heads), *keys, q.view())
    weights = s.new((cells, tokens, heads), product, mask, reuse=True)
    turned = s.new((cells, config.streams, head), *keys, item=config.type_k.block_bytes)
    out = s.new((head, tokens, heads), turned, weights)
    return s.expand(s.new((head * heads, tokens), out.view()))


def _opened(s: Sketch, x: Tensor, low: Tensor, cells: int, mask: Tensor) -> Tensor:
    """The index lets through the best compressed keys (build_lid_top_k, build_top_k_mask)."""
    s.phase = "the index"
    tokens, size = s.n_tokens, _index_head(s)
    item = F16 if s.config.has_kernel else F32
    best = (min(s.shape.index_top_k, cells), tokens)
    blank = s.blank(best, item)
    width = (s.width("indexer.attn_q_b.weight"), tokens)
    query = s.new(width, s.linear(low, "indexer.attn_q_b").view(), s.inputs["positions"])
    query = s.new(width, _rotation(s, size, f"indexer_compressor_{OVERLAPPED}"), query.view())
    weights = s.linear(x, "indexer.proj")
    every = (cells, tokens)
    shut = s.inputs.setdefault("index_mask", s.input(F16 * cells * tokens, "the index's mask"))
    scores = s.new(every, query.view(), weights.view(), shut)
    chosen = s.new(best, s.new(best, scores, item=I32), item=I32)
    closed = s.new(every, mask, item=item)
    sources = (s.new(best, blank, reuse=True, item=item), chosen.view(), closed.view())
    opened = s.within(closed, *sources)
    out = s.new(every, opened.view(), mask, item=item)
    s.phase = "attention"
    return out


def _compress(s: Sketch, x: Tensor, stem: str, head: int) -> None:
    """Read the state and the new tokens, write a key for each full block, keep the rest as state."""
    s.phase = "compression"
    tokens, config = s.n_tokens, s.config
    width, ratio = s.weights[f"{stem}_ape.weight"].shape[:2]
    overlap = width // head
    rows = (ratio * overlap if overlap > 1 else ratio) * config.streams
    blocks = tokens // ratio + config.n_seq_max
    sizes = {
        "pos": I32 * tokens,
        "read": I32 * overlap * ratio * blocks,
        "write": I64 * blocks,
        "write_pos": I32 * blocks,
        "keep": I32 * min(tokens, rows),
        "keep_at": I32 * min(tokens, rows),
    }
    inputs = {
        role: s.inputs.setdefault(f"{stem}_{ratio}_{role}", s.input(size)) for role, size in sizes.items()
    }
    fresh = s.new((width, tokens), x, reads=f"{stem}_kv.weight")
    position = s.new((width, tokens), inputs["pos"], reads=f"{stem}_ape.weight")
    score = s.new((width, tokens), x, reads=f"{stem}_gate.weight")
    score = s.new((width, tokens), score, position, reuse=True)
    shape = (overlap * ratio, head, blocks)
    gathered = [_gathered(s, part, (width, rows + tokens), shape, inputs["read"]) for part in (fresh, score)]
    weights = s.new(shape, gathered[1], reuse=True)
    summed = s.new((head, blocks), s.new(shape, gathered[0], weights, reuse=True))
    key = s.norm(s.new((head, 1, blocks), summed.view()), (head, 1, blocks), f"{stem}_norm")
    key = s.new((head, 1, blocks), key, inputs["write_pos"], reuse=True)
    if stem.startswith("indexer") or config.type_k.is_quantised:
        key = s.new((head, 1, blocks), _rotation(s, head, f"{stem}_{ratio}"), key.view())
    s.store(key.view(), inputs["write"])
    for part in (fresh, score):
        s.store(s.new((width, min(tokens, rows)), part, inputs["keep"]), inputs["keep_at"])


def _gathered(
    s: Sketch, part: Tensor, ne: tuple[int, int], shape: tuple[int, int, int], read: Tensor
) -> Tensor:
    """State and tokens side by side, the rows of each block, turned so that a block's values are a row."""
    width, rows = ne
    both, head, blocks = shape
    source = s.new(ne, part)
    if width == head:
        return s.new(shape, s.new((width, both * blocks), source, read).view())
    source = s.new((width, rows + 1), source, s.new((width,), source.view()).view())
    found = s.new((width, both * blocks), source, read)
    half = (head, both // 2 * blocks)
    before, now = s.new(half, found.view()), s.new(half, found.view())
    return s.new(shape, s.new((head, both, blocks), before.view(), now.view()).view())


def _cells(s: Sketch, ratio: int) -> int:
    return pad(-(-s.config.n_ctx_seq // ratio), CELL_PADDING)


def _index_head(s: Sketch) -> int:
    return s.weights["indexer_compressor_norm.weight"].shape[0]


def _rotation(s: Sketch, size: int, cache: str) -> Tensor:
    """Each cache has a Hadamard matrix of its own among the inputs."""
    ne = size & -size
    return s.inputs.setdefault(f"rotation_{cache}", s.input(F32 * ne * ne))
