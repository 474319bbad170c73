"""The model card: the facts in the words that people use."""

from dataclasses import replace
from pathlib import Path

import pytest

from kvdesk.memory.shape import LayerShape
from kvdesk.session.arithmetic import identity, open_source
from kvdesk.session.card import anatomy_of, quantisation_of

FULL = LayerShape(0, "full", head_count=32, head_count_kv=8, key_length=128, value_length=128)
SLIDING = replace(FULL, attention="sliding", window_tokens=1024)
RECURRENT = LayerShape(0, "recurrent")


@pytest.mark.parametrize(
    ("layers", "anatomy"),
    [
        ((FULL,) * 36, "36 layers · GQA 32/8 heads · head 128"),
        ((replace(FULL, head_count_kv=32),), "1 layer · MHA 32/32 heads · head 128"),
        ((replace(FULL, head_count_kv=1),), "1 layer · MQA 32/1 heads · head 128"),
        (
            (FULL, *(SLIDING,) * 5) * 2,
            "12 layers · GQA 32/8 heads · head 128 · 10 with a window of 1024",
        ),
        ((FULL, RECURRENT, RECURRENT), "3 layers · GQA 32/8 heads · head 128 · 2 recurrent"),
        ((RECURRENT,) * 4, "4 layers · 4 recurrent"),
        (
            (FULL, replace(FULL, head_count_kv=4), FULL),
            "3 layers · GQA 32/8 heads (varies) · head 128",
        ),
        (
            (replace(FULL, attention="mla", head_count=128, key_length=576, value_length=512),) * 2,
            "2 layers · MLA 128 heads · head 576/512",
        ),
        ((FULL, replace(FULL, attention="shared")), "2 layers · GQA 32/8 heads · head 128 · 1 share a cache"),
    ],
)
def test_anatomy_in_one_line(layers: tuple[LayerShape, ...], anatomy: str):
    assert anatomy_of(layers) == anatomy


def test_the_demo_models_card():
    card = open_source("demo").card
    assert card.name == "KV Desk demo"
    assert (card.n_layer, card.n_vocab, card.n_ctx_train) == (5, 2048, 4096)
    assert card.parameters == 4_984_192
    assert card.file_bytes == Path(card.path).stat().st_size
    assert card.has_template
    assert card.is_verified
    assert all(verdict.k_ok and verdict.v_ok for verdict in card.cache_types)


@pytest.mark.parametrize(
    ("file_type", "name"),
    [(15, "Q4_K_M"), (7, "Q8_0"), (38, "MXFP4"), (4, "F16"), (999, "F16"), ("x", "F16")],
)
def test_the_quantisation_has_its_usual_name_or_that_of_the_weights(file_type: object, name: str):
    header = open_source("demo").header
    changed = replace(header, metadata={**header.metadata, "general.file_type": file_type})
    assert quantisation_of(changed) == name


def test_a_models_identity_is_its_content_not_its_place():
    header = open_source("demo").header
    moved = replace(header, path="/elsewhere/copy.gguf", paths=("/elsewhere/copy.gguf",))
    assert identity(moved) == identity(header)
    other = replace(header, metadata={**header.metadata, "general.name": "another"})
    assert identity(other) != identity(header)
