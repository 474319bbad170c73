"""`kvdesk estimate`: its figures, its JSON, and what it says about bad models and refused options."""

import shutil
from pathlib import Path

import pytest
from gguf import GGUFWriter

from kvdesk.resources import resolve_model

COLUMNS = {
    "weights_bytes",
    "k_bytes",
    "v_bytes",
    "recurrent_bytes",
    "compute_bytes",
    "output_bytes",
    "total_bytes",
}


def test_the_keys_of_the_contract(kvdesk):
    ran = kvdesk("estimate", "demo", "--json")
    assert ran.status == 0
    found = ran.object
    assert {"model", "degree", "options", "totals", "devices", "items", "refusals", "elapsed_ms"} <= set(
        found
    )
    assert {
        "path",
        "name",
        "architecture",
        "parameters",
        "file_bytes",
        "n_ctx_train",
        "n_layer",
        "n_vocab",
    } <= set(found["model"])
    assert found["degree"] == "estimate"
    assert set(found["totals"]) == COLUMNS
    (cpu,) = found["devices"]
    assert COLUMNS | {"name", "kind", "free_bytes", "margin_bytes", "fits"} <= set(cpu)
    assert all({"kind", "device", "bytes", "exactness", "why"} <= set(item) for item in found["items"])
    assert {"header", "estimate", "dry_run"} <= set(found["elapsed_ms"])


def test_the_columns_add_up(kvdesk):
    found = kvdesk("estimate", "demo", "--json", "--device", "gpu0=1GiB", "-ngl", "3").object
    for key, total in found["totals"].items():
        assert sum(device[key] for device in found["devices"]) == total
    parts = [value for key, value in found["totals"].items() if key != "total_bytes"]
    assert sum(parts) == found["totals"]["total_bytes"]
    assert [device["name"] for device in found["devices"]] == ["gpu0", "CPU"]
    assert found["devices"][0]["k_bytes"] > 0
    assert found["devices"][1]["k_bytes"] > 0


def test_the_cache_of_the_demo_model_to_the_byte(kvdesk):
    # 5 layers, 2 KV heads of 128, 1024 cells of f16; q8_0 stores 32 values in 34 bytes
    found = kvdesk("estimate", "demo", "--json", "-c", "1000", "-ctv", "q8_0").object
    k = next(item for item in found["items"] if item["kind"] == "k")
    assert found["options"]["ctx_size"] == 1024
    assert found["totals"]["v_bytes"] * 64 == found["totals"]["k_bytes"] * 34
    assert k["exactness"] == "exact"
    assert found["options"]["batch_size"] == 1000


def test_a_window_on_other_hardware(kvdesk):
    found = kvdesk("estimate", "demo", "--json", "--device", "RTX 4060 Laptop").object
    gpu = found["devices"][0]
    assert (gpu["name"], gpu["kind"], gpu["free_bytes"]) == ("RTX 4060 Laptop", "gpu", 8 * 2**30)
    assert gpu["fits"] is True
    assert gpu["margin_bytes"] == gpu["free_bytes"] - gpu["needed_bytes"]


def test_two_absent_gpus_share_the_model(kvdesk):
    words = ["--device", "a=1GiB", "--device", "b=1GiB"]
    found = kvdesk("estimate", "demo", "--json", *words).object
    assert [device["name"] for device in found["devices"]] == ["a", "b", "CPU"]
    assert all(device["weights_bytes"] > 0 for device in found["devices"])


def test_a_context_beyond_all_memory_is_an_answer(kvdesk):
    ran = kvdesk("estimate", "demo", "--json", "-c", "100M")
    assert ran.status == 0
    assert ran.object["devices"][0]["fits"] is False
    assert any(
        refusal["option"] == "ctx_size" and refusal["is_warning"] for refusal in ran.object["refusals"]
    )


def test_what_does_not_fit_comes_with_advice(kvdesk, room_for):
    words = ["demo", "--device", f"gpu0={room_for('-c', '2048')}"]
    offers = kvdesk("estimate", *words, "--json").object["advice"]
    assert any(offer["fits"] and offer["gain_bytes"] > 0 for offer in offers)
    assert "makes it fit" in kvdesk("estimate", *words).out
    assert kvdesk("estimate", "demo", "--json").object["advice"] == []


def test_what_llama_cpp_would_refuse_is_printed_with_its_way_out(kvdesk):
    ran = kvdesk("estimate", "demo", "--json", "-ctv", "q8_0", "-fa", "off")
    assert ran.status == 0
    (refusal,) = [each for each in ran.object["refusals"] if not each["is_warning"]]
    assert refusal["option"] == "flash_attn"
    assert refusal["hint"]
    assert refusal["message"] in " ".join(
        kvdesk("estimate", "demo", "-ctv", "q8_0", "-fa", "off").out.split()
    )


@pytest.fixture
def bad_models(tmp_path):
    """Files that are no models, by what is wrong with them."""
    good = Path(resolve_model("demo")).read_bytes()
    made = {
        "missing": None,
        "directory": "dir",
        "empty": b"",
        "text": b"hello, this is no model at all " * 10,
        "truncated": good[:3000],
        "corrupt": good[:8] + b"\xff" * 16 + good[24:],
    }
    paths = {}
    for name, content in made.items():
        path = tmp_path / f"{name}.gguf"
        if content == "dir":
            path.mkdir()
        elif content is not None:
            path.write_bytes(content)
        paths[name] = str(path)
    return paths


@pytest.mark.parametrize("name", ["missing", "directory", "empty", "text", "truncated", "corrupt"])
@pytest.mark.parametrize("command", ["estimate", "fit", "inspect", "export"])
def test_a_bad_model_is_two_lines(kvdesk, bad_models, name, command):
    ran = kvdesk(command, bad_models[name])
    assert ran.status == 2
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 2
    ran = kvdesk(command, bad_models[name], "--json")
    assert ran.object["error"]["kind"] in {
        "GgufError",
        "NotGguf",
        "Truncated",
        "Corrupt",
        "UnsupportedVersion",
    }


def test_several_models_are_an_object_a_line_and_a_bad_one_stands_in_its_place(kvdesk, bad_models, tmp_path):
    copy = shutil.copy(resolve_model("demo"), tmp_path / "copy.gguf")
    ran = kvdesk("estimate", "demo", bad_models["text"], str(copy), "--json")
    assert ran.status == 2
    first, bad, last = ran.objects
    assert first["totals"] == last["totals"]
    assert bad["path"] == bad_models["text"]
    assert bad["error"]["kind"] == "NotGguf"


def test_the_table_is_in_mib_and_within_80_columns(kvdesk):
    out = kvdesk("estimate", "demo", "--device", "RTX 4060 Laptop", "--device", "RTX 4090").out
    assert "8,192" in out
    assert "24,576" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "compute" in out


@pytest.mark.llama
def test_llama_cpp_plans_the_same_cache(kvdesk):
    estimated = kvdesk("estimate", "demo", "--json", "-c", "2048", "-ctk", "q8_0").object
    planned = kvdesk("estimate", "demo", "--json", "-c", "2048", "-ctk", "q8_0", "--dry-run").object
    assert planned["degree"] == "plan"
    assert planned["options"]["ctx_size"] == 2048
    for key in ("k_bytes", "v_bytes", "weights_bytes", "output_bytes"):
        assert planned["totals"][key] == estimated["totals"][key]
    assert planned["elapsed_ms"]["dry_run"] > 0


@pytest.mark.llama
def test_a_dry_run_of_what_llama_cpp_refuses_fails_with_the_way_out(kvdesk):
    ran = kvdesk("estimate", "demo", "-ctv", "q8_0", "-fa", "off", "--dry-run", "--json")
    assert ran.status == 2
    assert ran.object["error"]["kind"] == "OptionError"
    assert "flash attention" in ran.object["error"]["message"]


def test_a_file_without_tensors_is_named_as_such(kvdesk, tmp_path):
    path = tmp_path / "vocabulary.gguf"
    writer = GGUFWriter(path, "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    ran = kvdesk("estimate", str(path))
    assert ran.status == 2
    assert "no tensors" in ran.err
    assert len(ran.err.splitlines()) == 2
