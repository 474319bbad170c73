"""Every tensor element type that ggml reads, one row each: all sizes in a file follow from these."""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class GgmlType:
    """An element type: `block_bytes` bytes hold `block_values` consecutive values of a row."""

    type_id: int
    name: str
    block_values: int
    block_bytes: int


# type_traits of ggml/src/ggml.c; sizes are the static asserts of ggml/src/ggml-common.h.
_ROWS: tuple[GgmlType, ...] = (
    GgmlType(0, "f32", 1, 4),
    GgmlType(1, "f16", 1, 2),
    GgmlType(2, "q4_0", 32, 18),
    GgmlType(3, "q4_1", 32, 20),
    GgmlType(6, "q5_0", 32, 22),
    GgmlType(7, "q5_1", 32, 24),
    GgmlType(8, "q8_0", 32, 34),
    GgmlType(9, "q8_1", 32, 36),
    GgmlType(10, "q2_K", 256, 84),
    GgmlType(11, "q3_K", 256, 110),
    GgmlType(12, "q4_K", 256, 144),
    GgmlType(13, "q5_K", 256, 176),
    GgmlType(14, "q6_K", 256, 210),
    GgmlType(15, "q8_K", 256, 292),
    GgmlType(16, "iq2_xxs", 256, 66),
    GgmlType(17, "iq2_xs", 256, 74),
    GgmlType(18, "iq3_xxs", 256, 98),
    GgmlType(19, "iq1_s", 256, 50),
    GgmlType(20, "iq4_nl", 32, 18),
    GgmlType(21, "iq3_s", 256, 110),
    GgmlType(22, "iq2_s", 256, 82),
    GgmlType(23, "iq4_xs", 256, 136),
    GgmlType(24, "i8", 1, 1),
    GgmlType(25, "i16", 1, 2),
    GgmlType(26, "i32", 1, 4),
    GgmlType(27, "i64", 1, 8),
    GgmlType(28, "f64", 1, 8),
    GgmlType(29, "iq1_m", 256, 56),
    GgmlType(30, "bf16", 1, 2),
    GgmlType(34, "tq1_0", 256, 54),
    GgmlType(35, "tq2_0", 256, 66),
    GgmlType(39, "mxfp4", 32, 17),
    GgmlType(40, "nvfp4", 64, 36),
    GgmlType(41, "q1_0", 128, 18),
    GgmlType(42, "q2_0", 64, 18),
)

GGML_TYPES: dict[int, GgmlType] = {row.type_id: row for row in _ROWS}

# Types that once were written to files and that ggml reads no more: it wants the model quantised again.
REMOVED_TYPES: dict[int, str] = {
    4: "q4_2",
    5: "q4_3",
    31: "q4_0_4_4",
    32: "q4_0_4_8",
    33: "q4_0_8_8",
    36: "iq4_nl_4_4",
    37: "iq4_nl_4_8",
    38: "iq4_nl_8_8",
}


def tensor_bytes(type_id: int, shape: tuple[int, ...]) -> int:
    """Bytes of a contiguous tensor of this type (ggml_nbytes); `shape` has the row length first.

    The row length must be a multiple of the type's block; KeyError for an id that is not in the table.
    """
    row = GGML_TYPES[type_id]
    return prod(shape) // row.block_values * row.block_bytes
