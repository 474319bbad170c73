"""The element types that llama.cpp accepts for the K and V cache, one row each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheType:
    """An element type: `block_bytes` bytes hold `block_values` values (ggml_row_size)."""

    name: str
    ggml_id: int
    block_values: int
    block_bytes: int

    @property
    def bits_per_value(self) -> float:
        """Stored bits for one cached value, scales included."""
        return self.block_bytes * 8 / self.block_values

    @property
    def is_quantised(self) -> bool:
        """Whether values share scales in blocks (ggml_is_quantized)."""
        return self.block_values > 1

    def row_bytes(self, values: int) -> int:
        """Bytes of a row of `values` values; `values` must be a multiple of the block (ggml_row_size)."""
        return values // self.block_values * self.block_bytes


# In the order of llama.cpp's own list (common/arg.cpp, kv_cache_types), widest first.
CACHE_TYPES: tuple[CacheType, ...] = (
    CacheType("f32", 0, 1, 4),
    CacheType("f16", 1, 1, 2),
    CacheType("bf16", 30, 1, 2),
    CacheType("q8_0", 8, 32, 34),
    CacheType("q5_1", 7, 32, 24),
    CacheType("q5_0", 6, 32, 22),
    CacheType("q4_1", 3, 32, 20),
    CacheType("q4_0", 2, 32, 18),
    CacheType("iq4_nl", 20, 32, 18),
)

BY_NAME: dict[str, CacheType] = {row.name: row for row in CACHE_TYPES}
