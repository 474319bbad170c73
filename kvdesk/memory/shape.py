"""The shape of a model: what each layer keeps in memory, with no architecture's name in it.

`memory/families` makes shapes out of headers; everything after that only sums layers.
"""

from dataclasses import dataclass
from typing import Literal

AttentionKind = Literal["full", "sliding", "recurrent", "mla", "shared", "none"]


@dataclass(frozen=True, slots=True)
class LayerShape:
    """What one layer caches.

    `k_values` and `v_values` are values per cell (head size times KV heads); 0 where nothing is kept.
    `window_tokens` is the sliding window, None for all cells. `recurrent_values` and `conv_values` are f32
    values per sequence (S and R of llama_memory_recurrent). A `shared` layer reads another layer's cache.
    """

    index: int
    attention: AttentionKind
    head_count: int = 0
    head_count_kv: int = 0
    key_length: int = 0
    value_length: int = 0
    k_values: int = 0
    v_values: int = 0
    window_tokens: int | None = None
    recurrent_values: int = 0
    conv_values: int = 0
    has_both: bool = False  # attention and recurrent state in the same layer (falcon-h1)
