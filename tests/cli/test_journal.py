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
