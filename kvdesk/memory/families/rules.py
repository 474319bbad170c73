"""The rules that families are made of: each changes one thing in a draft, as load_arch_hparams does."""

from collections.abc import Callable

from kvdesk.memory.families.draft import Draft

Rule = Callable[[Draft], None]

# ------------------------------------------------------------------------------------------ sliding windows


def window(every: int, *, dense_first: bool = False, optional: bool = False, default: int = 0) -> Rule:
    """Layers slide except every `every`-th (set_swa_pattern); the file's own pattern wins (load_swa_pattern).

    `optional` windows exist only where the file gives a positive size; `default` stands in for a missing one.
    """

    def apply(draft: Draft) -> None:
        size = draft.keys.number("attention.sliding_window", default)
        if optional and size == 0:
            return
        draft.window_tokens = size
        draft.slides = _pattern(draft, every, dense_first)

    return apply


def window_where_listed(draft: Draft) -> None:
    """The file lists which layers slide (get_arr of sliding_window_pattern)."""
    draft.window_tokens = draft.keys.number("attention.sliding_window")
    listed = draft.keys.sequence("attention.sliding_window_pattern")
    draft.slides = _padded(listed, draft.n_layers) if listed is not None else _pattern(draft, 0, False)


def window_where_listed_if_any(draft: Draft) -> None:
    """As above, where the file gives a window at all (dflash)."""
    if draft.keys.number("attention.sliding_window", 0):
        window_where_listed(draft)


def window_of_every_layer(draft: Draft) -> None:
    """All layers slide, those for prediction too (deepseek4)."""
    draft.window_tokens = draft.keys.number("attention.sliding_window")
    draft.slides = [True] * draft.n_layers


def window_of_attention_layers(draft: Draft) -> None:
    """All layers that are not recurrent slide, where the file gives a window (lfm2)."""
    draft.window_tokens = draft.keys.number("attention.sliding_window", 0)
    if draft.window_tokens:
        draft.slides = [index < draft.n_trunk and not recurs for index, recurs in enumerate(draft.recurs)]


def chunks_of_8192(draft: Draft) -> None:
    """Llama 4 attends in chunks of 8192, a size written in the code; a 0 in the file turns it off."""
    if draft.keys.has("attention.sliding_window") and draft.keys.number("attention.sliding_window") == 0:
        return
    draft.window_tokens = 8192
    draft.slides = _pattern(draft, 4, False)


def window_of_the_32b(draft: Draft) -> None:
    """Only EXAONE 4's 64-layer model slides."""
    if draft.n_trunk == 64:
        window(4, default=4096)(draft)


def window_of_4096(draft: Draft) -> None:
    """SmallThinker's window is 4096 whatever positive number the file gives."""
    window(4, dense_first=True, optional=True)(draft)
    if draft.window_tokens:
        draft.window_tokens = 4096


def _pattern(draft: Draft, every: int, dense_first: bool) -> list[bool]:
    listed = draft.keys.sequence("attention.sliding_window_pattern")
    if listed is not None:
        return _padded(listed, draft.n_layers)
    every = draft.keys.number("attention.sliding_window_pattern", every)
    trunk = range(draft.n_trunk)
    if every == 0:
        slides = [True for _ in trunk]
    elif dense_first:
        slides = [index % every != 0 for index in trunk]
    else:
        slides = [index % every < every - 1 for index in trunk]
    return slides + [False] * draft.n_predict


def _padded(values: tuple[int, ...], n_layers: int) -> list[bool]:
    flags = [bool(value) for value in values[:n_layers]]
    return flags + [False] * (n_layers - len(flags))


# ------------------------------------------------------------------------------------------ recurrent layers


def every_layer_recurs(draft: Draft) -> None:
    """No attention at all (llm_arch_is_recurrent)."""
    draft.has_recurrence = True
    draft.recurs = [True] * draft.n_layers


def recurs_without_kv_heads(draft: Draft) -> None:
    """A layer without KV heads is recurrent."""
    draft.has_recurrence = True
    draft.recurs = [index < draft.n_trunk and not heads for index, heads in enumerate(draft.head_count_kv)]


def recurs_without_kv_heads_and_ffn(draft: Draft) -> None:
    """Nemotron-H: no KV heads and no feed-forward is recurrent; KV heads attend; the rest do neither."""
    recurs_without_kv_heads(draft)
    draft.recurs = [recurs and not n_ff for recurs, n_ff in zip(draft.recurs, draft.n_ff, strict=True)]
    draft.attends = [not recurs and not n_ff for recurs, n_ff in zip(draft.recurs, draft.n_ff, strict=True)]
    draft.keeps_state = list(draft.recurs)


def recurs_between_full_layers(interval: int) -> Rule:
    """The file lists recurrent layers, or every `interval`-th layer attends (recurrent_layers)."""

    def apply(draft: Draft) -> None:
        draft.has_recurrence = True
        every = draft.keys.number("full_attention_interval", interval) or 1
        if draft.keys.has("attention.recurrent_layers"):
            flags = [
                bool(flag) for flag in draft.keys.per_layer("attention.recurrent_layers", draft.n_layers)
            ]
        else:
            flags = [(index + 1) % every != 0 for index in range(draft.n_layers)]
        draft.recurs = [flag and index < draft.n_trunk for index, flag in enumerate(flags)]
        draft.attends = [index < draft.n_trunk and not flag for index, flag in enumerate(draft.recurs)]

    return apply


def attends_and_recurs(draft: Draft) -> None:
    """Every layer does both (falcon-h1)."""
    draft.has_recurrence = True
    draft.recurs = draft.attends = draft.keeps_state = [True] * draft.n_layers


def trunk_attends(draft: Draft) -> None:
    """Attention layers exclude those for prediction, unlike other hybrids' (glm5-next)."""
    draft.attends = [index < draft.n_trunk and not recurs for index, recurs in enumerate(draft.recurs)]


# ------------------------------------------------------------------------------- size of the recurrent state


def mamba_state(draft: Draft) -> None:
    """Mamba, as in jamba: a convolution's history and a state (n_embd_r, n_embd_s); groups are not read."""
    _convolution_and_state(draft, 0)


def grouped_state(draft: Draft) -> None:
    """Mamba 2 and gated delta nets: their convolution runs over the groups' inputs too."""
    _convolution_and_state(draft, draft.keys.number("ssm.group_count", 0))


def _convolution_and_state(draft: Draft, groups: int) -> None:
    inner, state = draft.keys.number("ssm.inner_size"), draft.keys.number("ssm.state_size")
    history = max(draft.keys.number("ssm.conv_kernel") - 1, 0)
    draft.conv_values = history * (inner + 2 * groups * state)
    draft.recurrent_values = inner * state


def rwkv_state(draft: Draft) -> None:
    """RWKV: shifted tokens and one matrix a head."""
    draft.conv_values = draft.keys.number("token_shift_count", 2) * draft.n_embd
    draft.recurrent_values = draft.n_embd * draft.keys.number("wkv.head_size")


def short_convolution(draft: Draft) -> None:
    """LFM2: only a convolution's history."""
    draft.conv_values = draft.n_embd * max(draft.keys.number("shortconv.l_cache") - 1, 0)


def delta_attention_state(draft: Draft) -> None:
    """Kimi delta attention: histories of Q, K and V and a square matrix a head."""
    heads, dim = draft.head_count[0], draft.keys.number("kda.head_dim")
    kernel = draft.keys.number("ssm.conv_kernel", 0)
    draft.conv_values = 3 * (kernel - 1 if kernel else 3) * heads * dim
    draft.recurrent_values = dim * dim * heads


def linear_attention_state(draft: Draft) -> None:
    """MiniMax-01: a square matrix a head, no convolution."""
    draft.recurrent_values = draft.key_length * draft.key_length * draft.head_count[0]


# --------------------------------------------------------------------------------------- heads and borrowing


def latent_attention(draft: Draft) -> None:
    """MLA keeps one latent row for K and none for V, but only in files converted with the _mla keys."""
    keys = ("attention.key_length_mla", "attention.value_length_mla")
    draft.is_mla = all(draft.keys.number(key, 0) for key in keys)


def value_is_the_latent(draft: Draft) -> None:
    """The V head is the latent's rank (kimi-k3, glm5-next)."""
    draft.value_length = draft.value_length_window = draft.keys.number("attention.kv_lora_rank")


def head_sizes_as_written(draft: Draft) -> None:
    """Head sizes are read again although the first layer has no heads (plamo2)."""
    draft.key_length = draft.key_length_window = draft.keys.number("attention.key_length", draft.key_length)
    draft.value_length = draft.value_length_window = draft.keys.number(
        "attention.value_length", draft.value_length
    )


def borrows_after(count: int) -> Rule:
    """Layers from `count` on read an earlier layer's cache (gemma3n: written in the code)."""

    def apply(draft: Draft) -> None:
        draft.first_borrower = count

    return apply


def last_layers_borrow(draft: Draft) -> None:
    """The last shared_kv_layers read an earlier layer's cache (gemma4)."""
    draft.first_borrower = draft.n_layers - draft.keys.number("attention.shared_kv_layers", 0)


def no_cache(draft: Draft) -> None:
    """Encoders and diffusion models keep nothing between calls (create_memory returns null)."""
    draft.has_cache = False


# ------------------------------------------------------------------------------------------ number of layers


def loops(draft: Draft) -> None:
    """The blocks run `num_loops` times, each time with a cache of its own (nanbeige)."""
    count = draft.keys.number("num_loops", 1)
    draft.n_layers *= count
    for rows in (draft.head_count, draft.head_count_kv, draft.n_ff, draft.experts_used):
        rows *= count
    draft.slides *= count
    draft.recurs *= count
    draft.side_caches *= count
    draft.extra_state *= count


def router_layer(draft: Draft) -> None:
    """A further layer of one head holds the adapter router's K and V (granite-switch)."""
    draft.has_router_layer = True
    draft.n_predict = 1
    draft.n_layers += 1
    draft.head_count = [*draft.head_count, 1]
    draft.head_count_kv = [*draft.head_count_kv, 1]
    draft.n_ff = [*draft.n_ff, 0]
    draft.experts_used = [*draft.experts_used, 0]
    draft.slides = [*draft.slides, False]
    draft.recurs = [*draft.recurs, False]
    draft.side_caches = [*draft.side_caches, ()]
    draft.extra_state = [*draft.extra_state, ()]
