"""`kvdesk ledger`: what chats left in it, as a table, as JSON and as CSV; and what plans make of it."""

import csv

import pytest

from kvdesk.settings.places import find_places

pytestmark = pytest.mark.llama


@pytest.fixture
def loaded(kvdesk):
    """A chat of one turn with the demo model."""
    assert kvdesk("chat", "demo", "-c", "2048", "-ctk", "q8_0", "-p", "Hi", "-n", "2", "--json").status == 0


def test_a_chat_writes_one_load_with_all_three_degrees(kvdesk, loaded):
    found = kvdesk("ledger", "--json").object
    (load,) = found["loads"]
    assert load["model"]["name"] == "KV Desk demo"
    assert (load["options"]["ctx_size"], load["options"]["cache_type_k"]) == (2048, "q8_0")
    assert load["options"]["flash_attn"] == "on"  # normalised
    assert load["library"]
    assert load["process_bytes"] > 0
    assert load["failure"] is None
    (k,) = (each for each in load["buffers"] if each["kind"] == "k")
    assert k["estimated_bytes"] == k["planned_bytes"] == k["measured_bytes"] > 0
    (device,) = load["devices"]
    assert device["name"] == "CPU"
    assert device["planned_bytes"] > 0
    if device["measured_bytes"] is not None:  # Linux tells mapped files apart
        assert device["difference_bytes"] == device["measured_bytes"] - device["planned_bytes"]
        (margin,) = found["margins"]
        assert (margin["bytes"], margin["loads"]) == (max(0, device["difference_bytes"]), 1)


def test_an_answer_of_some_length_tells_how_fast_this_machine_is(kvdesk):
    assert (
        kvdesk("chat", "demo", "-p", "Tell me a story in 4 sentences.", "--temp", "0", "--json").status == 0
    )
    (load,) = kvdesk("ledger", "--json").object["loads"]
    assert load["decode"]["tokens_per_s"] > 0
    assert load["decode"]["read_bytes"]["CPU"] > 0
    best = kvdesk("fit", "demo", "--json").object["pairs"][0]
    assert best["decode_source"] == "measured"


def test_the_next_estimate_and_the_search_add_the_margin(kvdesk, loaded):
    margins = kvdesk("ledger", "--json").object["margins"]
    if not margins:
        pytest.skip("this system does not tell mapped files apart")
    for words in (("estimate", "demo"), ("estimate", "demo", "--dry-run")):
        items = kvdesk(*words, "-c", "2048", "--json").object["items"]
        (item,) = (item for item in items if item["kind"] == "margin")
        assert item["bytes"] == margins[0]["bytes"]
        assert (item["device"], item["exactness"]) == ("CPU", "table")
        assert "from 1 load on this device" in item["why"]
    assert kvdesk("fit", "demo", "--json").status == 0


def test_a_gpu_that_is_not_here_has_no_margin_of_this_machine(kvdesk, loaded):
    items = kvdesk("estimate", "demo", "--device", "gpu0=8GiB", "--json").object["items"]
    assert not [item for item in items if item["kind"] == "margin"]


def test_the_table_is_sane_at_80_columns(kvdesk, loaded):
    ran = kvdesk("ledger")
    assert ran.status == 0
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    for text in ("2,048", "q8_0", "CPU", "Measured"):
        assert text in ran.out
    assert "…" not in ran.out


def test_csv_and_clear(kvdesk, loaded, tmp_path):
    path = tmp_path / "loads.csv"
    assert kvdesk("ledger", "--csv", str(path), "--json").object == {"csv": str(path), "loads": 1}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"total", "weights", "k", "v", "compute"} <= {row["kind"] for row in rows}
    assert kvdesk("ledger", "--csv", str(path), "--clear").status == 2
    assert kvdesk("ledger", "--clear", "--json").object == {"cleared": 1}
    assert kvdesk("ledger", "--json").object == {"loads": [], "margins": []}
    assert "No load has been written down" in kvdesk("ledger").out


def test_a_failed_load_is_in_it(kvdesk, tmp_path):
    from kvdesk.resources import resource_path

    strange = tmp_path / "strange.gguf"  # a header that we can estimate and llama.cpp does not know
    strange.write_bytes(resource_path("demo/demo.f16.gguf").read_bytes().replace(b"qwen3", b"qwen9"))
    ran = kvdesk("chat", str(strange), "-p", "Hi")
    assert ran.status == 2
    (load,) = kvdesk("ledger", "--json").object["loads"]
    assert load["failure"]["kind"]
    assert load["failure"]["message"] in ran.err
    assert load["devices"][0]["measured_bytes"] is None
    assert load["failure"]["kind"] in kvdesk("ledger").out.replace("\n", "")


def test_an_unreadable_ledger_keeps_nobody_from_chatting_or_planning(kvdesk):
    find_places().ledger.mkdir(parents=True)
    ran = kvdesk("estimate", "demo")
    assert ran.status == 0
    assert "ledger" in ran.err
    ran = kvdesk("chat", "demo", "-p", "Hi", "-n", "1")
    assert ran.status == 0
    assert "ledger" in ran.err
    assert kvdesk("ledger").status == 2
