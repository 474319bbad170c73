"""`kvdesk lens`: a row for each way, as a table with bars and as JSON."""

from kvdesk.cli.lens import bar


def test_each_way_is_a_row_with_a_bar(kvdesk):
    ran = kvdesk("lens", "demo")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    (q8,) = (line for line in lines if "q8_0 / q8_0" in line)
    assert "1.33" in q8  # KiB: five layers of 2 heads of 64, K and V, 34 bytes for 32
    assert "8.5" in q8
    assert "█" in q8
    assert any(line.startswith("LightLLM: ") for line in lines)


def test_the_rows_as_json(kvdesk):
    found = kvdesk("lens", "demo", "--json").object
    assert found["model"]["name"] == "KV Desk demo"
    first = found["rows"][0]
    assert (first["engine"], first["mode"], first["bytes_per_token"]) == ("llama.cpp", "f32 / f32", 5120)
    assert first["tokens_per_gib"] == (1 << 30) // 5120
    assert {row["engine"] for row in found["rows"]} == {
        "llama.cpp",
        "LMDeploy",
        "LightLLM",
        "ExLlamaV2",
        "transformers",
    }


def test_a_model_that_is_not_there_is_two_lines(kvdesk):
    ran = kvdesk("lens", "nowhere.gguf")
    assert ran.status == 2
    assert "nowhere.gguf" in ran.err


def test_bars_have_eighths():
    assert bar(1, 2) == "██"
    assert bar(0.5, 1) == "▌"
    assert bar(0) == ""
