"""`kvdesk journal`: a load with its launch and outcome, found by words."""

import pytest

pytestmark = pytest.mark.llama


def test_loads_are_found_by_words_and_their_launch_is_read_back(kvdesk):
    assert kvdesk("journal").out.startswith("No load")
    assert kvdesk("chat", "demo", "-c", "2048", "-ctk", "q8_0", "-p", "Hi", "-n", "2", "--json").status == 0
    (load,) = kvdesk("journal", "demo", "q8_0", "loaded", "--json").object["loads"]
    assert (load["outcome"], load["death"]) == ("loaded", None)
    assert load["took_s"] > 0
    options = kvdesk("import", load["command"], "--json").object["options"]
    assert (options["ctx_size"], options["cache_type_k"], options["parallel"]) == (2048, "q8_0", 1)
    assert load["command"] in kvdesk("journal", "q8_0").out
    assert kvdesk("journal", "q4_0", "--json").object == {"loads": []}


def test_a_load_is_reported_in_a_file(kvdesk, tmp_path):
    path = tmp_path / "report.html"
    assert kvdesk("report", str(path)).status == 2
    assert kvdesk("chat", "demo", "-c", "2048", "-p", "Hi", "-n", "2", "--json").status == 0
    assert kvdesk("report", str(path), "demo").status == 0
    assert "KV Desk demo" in path.read_text(encoding="utf-8")
    markdown = tmp_path / "report.txt"
    assert kvdesk("report", str(markdown), "--markdown").status == 0
    assert markdown.read_text(encoding="utf-8").startswith("# KV Desk demo")
