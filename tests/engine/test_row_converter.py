"""Rows change their type as ggml's own reference has it, and rotations undo themselves."""

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize

from kvdesk.engine.llama.row_converter import Element, RowConverter
from kvdesk.memory.cache_types import CACHE_TYPES

pytestmark = pytest.mark.llama
VALUES, ROWS = 256, 8
NAMES = [row.name for row in CACHE_TYPES]
Floats = npt.NDArray[np.float32]
# The largest error in parts of the largest value around; the types of 4 bits have 0.14.
STEPS = {"f32": 1e-6, "f16": 1e-3, "bf16": 8e-3, "q8_0": 8e-3, "q5_1": 0.04, "q5_0": 0.07}


@pytest.fixture
def rows() -> Floats:
    rows = np.random.default_rng(5).standard_normal((ROWS, VALUES)).astype(np.float32)
    rows[0] = 0
    rows[1, 7] = 50  # an outlier, what rotations are for
    return rows


def converted(rows: npt.NDArray[np.uint8], source: Element, target: Element) -> npt.NDArray[np.uint8]:
    with RowConverter(source, target, VALUES, ROWS) as converter:
        converter.given[:] = rows.ravel()
        converter.run()
        return converter.made.copy()


def floats(rows: npt.NDArray[np.uint8], element: Element) -> Floats:
    return converted(rows, element, Element("f32")).view(np.float32).reshape(ROWS, VALUES)


def sylvester(width: int) -> Floats:
    matrix = np.ones((1, 1), np.float32)
    while len(matrix) < width:
        matrix = np.kron(np.array([[1, 1], [1, -1]], np.float32), matrix)
    return matrix / np.float32(np.sqrt(width))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "iq4_nl"])
def test_the_bytes_are_those_of_ggufs_own_reference(name: str, rows: Floats) -> None:
    made = converted(rows.view(np.uint8), Element("f32"), Element(name))
    expected = quantize(rows, GGMLQuantizationType[name.upper()]).view(np.uint8).ravel()
    assert (made == expected).mean() > 0.999  # halves may be rounded the other way


@pytest.mark.parametrize(("source", "target"), list(product(NAMES, NAMES)))
def test_any_type_becomes_any_other(source: str, target: str, rows: Floats) -> None:
    given = converted(rows.view(np.uint8), Element("f32"), Element(source))
    before = dequantize(
        given.reshape(ROWS, -1).view({"f32": np.float32, "f16": np.float16}.get(source, np.uint8)),
        GGMLQuantizationType[source.upper()],
    )
    made = converted(given, Element(source), Element(target))
    step = {"f32": 1e-6, "f16": 1e-3, "bf16": 8e-3, "q8_0": 8e-3, "q5_1": 0.04, "q5_0": 0.07}.get(
        target, 0.14
    )
    errors = np.abs(floats(made, Element(target)) - before).reshape(-1, 32)
    assert (errors <= step * np.abs(before).reshape(-1, 32).max(axis=1, keepdims=True) + 1e-9).all()


@pytest.mark.parametrize("width", [32, 64, 128, 256])
def test_a_rotation_is_a_product_with_the_hadamard_matrix(width: int, rows: Floats) -> None:
    made = converted(rows.view(np.uint8), Element("f32"), Element("f32", width)).view(np.float32)
    expected = (rows.reshape(-1, width) @ sylvester(width)).ravel()
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize(("before", "after"), [(64, 0), (0, 64), (64, 128), (128, 64), (256, 32), (64, 64)])
def test_a_rotation_is_undone_before_another(before: int, after: int, rows: Floats) -> None:
    turned = converted(rows.view(np.uint8), Element("f32"), Element("f32", before))
    again = converted(turned, Element("f32", before), Element("f32", after))
    np.testing.assert_allclose(floats(again, Element("f32", after)), rows, atol=1e-4)


def test_a_rotation_spreads_an_outlier(rows: Floats) -> None:
    plain = floats(converted(rows.view(np.uint8), Element("f32"), Element("q4_0")), Element("q4_0"))
    turned = floats(converted(rows.view(np.uint8), Element("f32"), Element("q4_0", 64)), Element("q4_0", 64))
    assert np.square(turned[1] - rows[1]).sum() < 0.5 * np.square(plain[1] - rows[1]).sum()
