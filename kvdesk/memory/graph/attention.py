"""Attention of one layer: projections, cache, scores; by heads or a latent, with a kernel or without."""

from kvdesk.memory.graph import blocks, compressed, pooled, selection
from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import F16, I32, CacheInputs, Sketch
from kvdesk.memory.graph.tape import Copies, Copy
from kvdesk.memory.kv import cells_of

# K and V where they are read at once instead of from a cache.
Fresh = tuple[Tensor | None, Tensor | None]


def attention(s: Sketch, x: Tensor) -> Tensor:
    """From the normed input to the output projection (build_attn), for whatever tensors the layer has."""
    s.phase = "attention"
    if compressed.is_compressed(s):
        return compressed.attention(s, x)
    if s.has("attn_k_b.weight") and s.shape.is_mla:
        heads = _latent(s, x)
    elif s.has("attn_kv_b.weight") and s.has("attn_kv_a_mqa.weight"):
        heads = _expanded_latent(s, x)
    else:
        heads = _heads(s, x)
    if s.shape.is_mla and s.has("attn_gate.weight"):
        heads = _gated_latent(s, x, heads)
    if s.has_norm("attn_sub_norm"):
        heads = s.norm(heads, (s.layer.value_length * s.layer.head_count, s.n_tokens), "attn_sub_norm")
    return s.linear(heads, "attn_output") if s.has("attn_output.weight") else heads


def _heads(s: Sketch, x: Tensor) -> Tensor:
    """Q, K and V from their matrices or a common one; layers that borrow a cache have Q alone."""
    layer, tokens = s.layer, s.n_tokens
    q_ne = (layer.key_length, layer.head_count, tokens)
    k_ne = (layer.key_length, layer.head_count_kv, tokens)
    if s.has("attn_qkv.weight"):
        common = s.linear(x, "attn_qkv")
        q = _positioned(s, common.view(), q_ne, "attn_q_norm")
        k = _positioned(s, common.view(), k_ne, "attn_k_norm")
        return _scores(s, q, k, common.view(), is_apart=True)
    if s.shape.index_mean:
        selection.store_key(s, x)
    q_all = s.linear(x, "attn_q")
    q = _positioned(s, q_all.view(), q_ne, "attn_q_norm")
    if not layer.keeps_cells and s.shape.reads_cache:
        return _scores(s, q, None, None)
    k_all = s.linear(x, "attn_k")
    k = _positioned(s, k_all.view(), k_ne, "attn_k_norm")
    # gemma4's full layers have no V matrix: V is K before its norm
    v = (s.linear(x, "attn_v") if s.has("attn_v.weight") else k_all).view()
    if s.shape.norms_values:
        v = s.new((layer.value_length, layer.head_count_kv, tokens), v)
    return _gated(s, x, q_all, _scores(s, q, k, v, x))


def _gated(s: Sketch, x: Tensor, q_all: Tensor, heads: Tensor) -> Tensor:
    """Output gates: interleaved with Q (qwen3next), or from a matrix of their own."""
    layer, tokens = s.layer, s.n_tokens
    ne = (layer.key_length * layer.head_count, tokens)
    if s.width("attn_q.weight") >= 2 * layer.key_length * layer.head_count:
        gate = s.new(ne, q_all.view())
        return s.new(ne, heads, s.new(ne, gate, reuse=True), reuse=True)
    if s.has("attn_gate.weight"):  # a gate for every value, or one for a head
        width = (s.width("attn_gate.weight"), tokens)
        gate = s.new(width, s.linear(x, "attn_gate"), reuse=True)
        return s.new(ne, heads if width == ne else heads.view(), gate, reuse=True)
    return heads


def _gated_latent(s: Sketch, x: Tensor, heads: Tensor) -> Tensor:
    """A gate for every value (kimi-k3, hy_v4), or one for a head (bailingmoe3)."""
    ne = (s.width("attn_output.weight") and s.weights["attn_output.weight"].shape[0], s.n_tokens)
    width = (s.width("attn_gate.weight"), s.n_tokens)
    gate = s.new(width, s.linear(x, "attn_gate"), reuse=True)
    out = s.new(ne, heads.view(), gate, reuse=True)
    return out if width == ne else s.new(ne, out)


def _positioned(s: Sketch, view: Tensor, ne: tuple[int, ...], norm: str) -> Tensor:
    """Head norm and RoPE."""
    if s.has(f"{norm}.weight"):
        view = s.norm(view, ne, norm)
    if s.layer.index in s.shape.layers_without_positions:
        return view
    return s.new(ne, view, s.inputs["positions"], reuse=True)


def _latent(s: Sketch, x: Tensor) -> Tensor:
    """MLA with the K matrix absorbed into Q: one latent row is K and V at once."""
    layer, tokens = s.layer, s.n_tokens
    rank, rope = s.shape.kv_lora_rank, layer.key_length - s.shape.kv_lora_rank
    selection.store_key(s, x)
    if pooled.has_pools(s):
        pooled.store_keys(s, x)
    low, q = _latent_query(s, x)
    absorbed = s.new((rank, tokens, layer.head_count), q.view(), reads="attn_k_b.weight")
    row = s.linear(x, "attn_kv_a_mqa")
    latent = s.norm(row.view(), (rank, tokens), "attn_kv_a_norm")
    if not rope:  # positions play no part (glm5-next)
        return _scores(s, absorbed.view(), latent, None, x, low)
    q_rope, k_rope = q.view(), row.view()
    if layer.index not in s.shape.layers_without_positions:
        q_rope = s.new((rope, layer.head_count, tokens), q_rope, s.inputs["positions"])
        k_rope = s.new((rope, 1, tokens), k_rope, s.inputs["positions"])
    q = s.new((layer.key_length, layer.head_count, tokens), absorbed.view(), q_rope)
    k = s.new((layer.key_length, 1, tokens), latent.view(), k_rope)
    return _scores(s, q, k, None, x, low)


def _latent_query(s: Sketch, x: Tensor) -> tuple[Tensor | None, Tensor]:
    """The query, and what it is made from where that is thin."""
    if not s.has("attn_q_a.weight"):
        return None, s.linear(x, "attn_q")
    low = s.linear(x, "attn_q_a")
    low = s.norm(low, (s.width("attn_q_a.weight"), s.n_tokens), "attn_q_a_norm")
    return low, s.linear(low, "attn_q_b")


def _expanded_latent(s: Sketch, x: Tensor) -> Tensor:
    """MLA in files without the absorbed matrices: full K and V are made and cached."""
    layer, tokens, rank = s.layer, s.n_tokens, s.shape.kv_lora_rank
    rope = s.width("attn_kv_a_mqa.weight") - rank
    _, q = _latent_query(s, x)
    q = s.new((layer.key_length, layer.head_count, tokens), q.view(), s.inputs["positions"])
    row = s.linear(x, "attn_kv_a_mqa")
    latent = s.norm(row.view(), (rank, tokens), "attn_kv_a_norm")
    both = s.linear(latent, "attn_kv_b")
    v = s.new((layer.value_length, layer.head_count, tokens), both.view())
    rotated = s.new((rope, 1, tokens), row.view(), s.inputs["positions"])
    repeated = s.new((rope, layer.head_count, tokens), rotated)
    k = s.new((layer.key_length, layer.head_count, tokens), both.view(), repeated)
    return _scores(s, q, k, v)


def _cache(s: Sketch) -> CacheInputs:
    return s.caches[s.layer.window_tokens is not None]


def _scores(
    s: Sketch,
    q: Tensor,
    k: Tensor | None,
    v: Tensor | None,
    x: Tensor | None = None,
    low: Tensor | None = None,
    *,
    is_apart: bool = False,
) -> Tensor:
    """Store K and V, then attend (build_attn, build_attn_mha).

    `is_apart` says that V, and what no position has turned, lies strided in a common matrix.
    """
    layer, cache = s.layer, _cache(s)
    if x is not None and blocks.chooses_blocks(s):
        blocks.store_key(s, x)
    is_bare = is_apart and q.shown is not None
    q = s.expand(_turned(s, q, cache.k_rotation, layer.key_length * layer.head_count, is_apart=is_bare))
    if k is not None:
        k = _turned(s, k, cache.k_rotation, layer.key_length * layer.head_count_kv, is_apart=is_bare)
        if v is not None:
            v = _turned(s, v, cache.v_rotation, layer.value_length * layer.head_count_kv, is_apart=is_apart)
        # The plain cache adds V before K, that with windows and none at all K before V.
        k_first = s.shape.window_tokens is not None or not s.shape.reads_cache
        k_first |= x is not None and blocks.chooses_blocks(s)
        for tensor in (k, v) if k_first else (v, k):
            if tensor is not None:
                s.expand(tensor)
        _store(s, k, v, cache, is_apart=is_apart and cache.v_rotation is None)
    if x is not None and blocks.chooses_blocks(s):
        out = blocks.attend_to_blocks(s, x, q, cache)
        ne = (layer.value_length, layer.head_count, s.n_tokens)
        return out if cache.v_rotation is None else s.new(ne, cache.v_rotation, out.view()).view()
    mask = cache.mask
    if x is not None and low is not None and pooled.has_pools(s):
        mask = pooled.selected(s, mask, x, low)
    elif x is not None and selection.selects(s):
        mask = selection.selected(s, mask, x, low)
    fresh = (None, None) if s.shape.reads_cache else (k, v)
    if s.config.has_kernel and not s.shape.biases_scores:
        return _with_kernel(s, q, cache, mask, fresh)
    return _without_kernel(s, q, cache, mask, fresh, bias=s.shape.biases_scores)


def _store(s: Sketch, k: Tensor, v: Tensor | None, cache: CacheInputs, *, is_apart: bool) -> None:
    """cpy_k, cpy_v: without a kernel V is stored value by value, from one piece."""
    if not s.shape.reads_cache:
        return
    s.store(k.view(), cache.k_rows)
    if v is not None:
        if is_apart and not s.config.uses_flash_attention:
            v = s.new((s.layer.v_values, s.n_tokens), v)
        s.store(v.view(), cache.v_rows)


def attend_to(s: Sketch, q: Tensor, fresh: tuple[Tensor, Tensor], mask: Tensor, cells: int) -> Tensor:
    """Attention to K and V of so many other tokens that no cache keeps (llm_graph_input_attn_cross)."""
    for tensor in (q, *fresh):
        s.expand(tensor)
    attend = _with_kernel if s.config.has_kernel else _without_kernel
    return attend(s, q, CacheInputs(mask), mask, fresh, cells)


def _turned(s: Sketch, x: Tensor, rotation: Tensor | None, width: int, *, is_apart: bool) -> Tensor:
    """Quantised caches hold K and V turned by a Hadamard matrix, which reads no stride (self_k_rot)."""
    if rotation is None:
        return x
    ne = (width, s.n_tokens)
    return s.new(ne, rotation, s.new(ne, x) if is_apart else x.view())


def _with_kernel(
    s: Sketch, q: Tensor, cache: CacheInputs, mask: Tensor, fresh: Fresh, cells: int = 0
) -> Tensor:
    layer, tokens = s.layer, s.n_tokens
    cells = cells or (cells_of(layer, s.config) * s.config.streams if s.shape.reads_cache else tokens)
    kept = _kept(s, cells)
    sources = [q.view()]
    # f32 caches, and K and V that never see a cache, are read through copies in f16.
    for tensor, copy, length, cache_type in (
        (fresh[0] or kept[0], Copy.F32_K, layer.key_length, s.config.type_k),
        (fresh[1] or kept[1], Copy.F32_V, layer.value_length, s.config.type_v),
    ):
        view = tensor.view()
        cast = s.new((cells, length * layer.head_count_kv), view, item=F16)
        if tensor.is_outside:
            cast.copies, cast.n_bytes = ((copy, cast.n_bytes),), 0
            if cache_type.name != "f32":
                sources.append(view)
        sources.append(cast)
    ne = (layer.value_length, layer.head_count, tokens)
    out = s.fuse("attention", s.new(ne, *sources, mask))
    out.copies = kernel_copies(s, cells)
    if s.shape.is_mla:
        dim = s.width("attn_v_b.weight")
        expanded = s.new((dim, tokens, layer.head_count), out.view(), reads="attn_v_b.weight")
        out = s.new((dim, layer.head_count, tokens), expanded.view())
    out = s.expand(out.view())
    return out if cache.v_rotation is None else s.new(ne, cache.v_rotation, out.view()).view()


def _kept(s: Sketch, cells: int) -> tuple[Tensor, Tensor]:
    """K and V in the cache."""
    layer, config = s.layer, s.config
    k_row = config.type_k.row_bytes(layer.key_length * layer.head_count_kv)
    v_row = config.type_v.row_bytes(layer.value_length * layer.head_count_kv)
    return s.kept(cells * k_row), s.kept(cells * (k_row if s.shape.is_mla else v_row))


def _without_kernel(
    s: Sketch,
    q: Tensor,
    cache: CacheInputs,
    mask: Tensor,
    fresh: Fresh,
    cells: int = 0,
    *,
    bias: bool = False,
) -> Tensor:
    layer, tokens = s.layer, s.n_tokens
    cells = cells or (cells_of(layer, s.config) if s.shape.reads_cache else tokens)
    kept = _kept(s, cells * s.config.streams)
    k, v = (fresh[0] or kept[0]).view(), (fresh[1] or kept[1]).view()
    product = s.new((cells, tokens, layer.head_count), k, q.view())
    if bias:
        product = s.new((cells, tokens, layer.head_count), product, _bias(s, cells), reuse=True)
    weights = s.new((cells, tokens, layer.head_count), product, mask, reuse=True, reads="attn_sinks.weight")
    dim = layer.value_length
    if fresh[1] is not None:
        v = s.new((cells, dim * layer.head_count_kv), v)
    elif s.shape.is_mla:  # V is read from K's rows and must be turned first (v_cont)
        v = s.new((cells, s.config.streams, dim), v, item=s.config.type_k.block_bytes)
    elif s.config.uses_flash_attention:  # else V is cached turned
        v = s.new((s.config.type_v.row_bytes(cells), s.config.streams, dim * layer.head_count_kv), v, item=1)
    out = s.new((dim, tokens, layer.head_count), v, weights)
    if s.shape.is_mla:
        dim = s.width("attn_v_b.weight")
        out = s.new((dim, tokens, layer.head_count), out, reads="attn_v_b.weight")
    out = s.expand(s.new((dim * layer.head_count, tokens), out.view()))
    if not s.config.kv_offload:
        s.pin(out, s.config.host.name)
    if cache.v_rotation is None:
        return out
    return s.new((dim, layer.head_count, tokens), cache.v_rotation, out.view()).view()


def _bias(s: Sketch, cells: int) -> Tensor:
    """build_pos_bias: one value for each distance and head, spread over all pairs and turned."""
    if "distances" not in s.inputs:
        s.inputs["distances"] = s.input(I32 * cells * s.n_tokens)
    role, ne = "attn_rel_b.weight", (s.layer.head_count, cells, s.n_tokens)
    table = role if s.has(role) else s.shape.weights_by_layer[0][role].name  # one may be for all layers
    looked_up = s.new(ne, s.inputs["distances"].view(), reads=table)
    return s.new((cells, s.n_tokens, s.layer.head_count), looked_up.view())


def kernel_copies(s: Sketch, cells: int) -> Copies:
    """What a GPU's kernel asks beside its result: K and V in f16, for as many cells as are allocated.

    CUDA's prompt kernels read f16 alone (ggml_cuda_flash_attn_ext_get_alloc_size), Metal's always work on
    copies. A latent is K and V at once and copied once.
    """
    layer, backend = s.layer, s.backend
    bytes_of_k, bytes_of_v = (
        0 if s.shape.is_mla and length == layer.value_length else F16 * length * layer.head_count_kv * cells
        for length in (layer.key_length, layer.value_length)
    )
    if backend.copies_always:
        return ((Copy.KERNEL, bytes_of_k + bytes_of_v),)
    if backend.copies_unless_f16:
        return ((Copy.KERNEL_K, bytes_of_k), (Copy.KERNEL_V, bytes_of_v))
    return ()
