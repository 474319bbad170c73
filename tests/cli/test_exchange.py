"""`kvdesk export` and `kvdesk import` are each other's way back."""

from pathlib import Path

import pytest

from kvdesk.resources import resolve_model


@pytest.mark.parametrize("shell", ["bash", "powershell", "cmd"])
def test_what_was_exported_is_imported_again(kvdesk, shell):
    words = ["-c", "8192", "-ctk", "q8_0", "-ngl", "20", "-ot", r"blk\.(1|2)\.=CPU", "--mlock"]
    exported = kvdesk("export", "demo", "--shell", shell, *words)
    assert exported.status == 0
    imported = kvdesk("import", "-", "--json", stdin=exported.out).object
    assert imported["target"] == "llama-server"
    assert imported["unknown"] == []
    options = imported["options"]
    assert (options["ctx_size"], options["cache_type_k"], options["n_gpu_layers"]) == (8192, "q8_0", 20)
    assert (options["override_tensor"], options["mlock"]) == ([r"blk\.(1|2)\.=CPU"], True)


def test_the_home_directory_is_left_out_unless_asked_for(kvdesk, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    model = tmp_path / "my models" / "a.gguf"
    model.parent.mkdir()
    model.write_bytes(Path(resolve_model("demo")).read_bytes())
    short = kvdesk("export", str(model), "--shell", "bash").out
    assert str(tmp_path) not in short
    assert "--model ~/'my models/a.gguf'" in short
    assert str(tmp_path) in kvdesk("export", str(model), "--shell", "bash", "--absolute").out


def test_the_json_of_an_export(kvdesk):
    found = kvdesk("export", "demo", "--json", "--n-outputs-max", "0").object
    assert found["target"] == "llama-server"
    assert "llama-server" in found["text"]
    assert [warning["option"] for warning in found["warnings"]] == ["n_outputs_max"]


def test_warnings_do_not_mix_with_the_command(kvdesk):
    ran = kvdesk("export", "demo", "--n-outputs-max", "0")
    assert "another number cannot be set" in ran.err
    assert ran.out.splitlines()[0].startswith("#")


def test_targets_are_listed(kvdesk):
    assert kvdesk("export", "--list").out.split()[0] == "llama-server"
    assert kvdesk("export", "--list", "--json").object["targets"][0]["name"] == "llama-server"


def test_a_command_line_is_read_whole_or_in_words(kvdesk):
    whole = kvdesk("import", "llama-server -m 'a b.gguf' -c 32k --jinja", "--json").object
    words = kvdesk("import", "llama-server", "-m", "a b.gguf", "-c", "32k", "--jinja", "--json").object
    assert whole == words
    assert (whole["model"], whole["options"]["ctx_size"], whole["unknown"]) == (
        "a b.gguf",
        32768,
        ["--jinja"],
    )
    before = kvdesk("import", "--json", "llama-server -m 'a b.gguf' -c 32k --jinja").object
    assert before == whole


def test_what_people_see_of_an_import(kvdesk):
    out = kvdesk("import", "llama-server -c 32k --jinja").out
    assert "--ctx-size" in out
    assert "32768" in out
    assert "--jinja" in out
    assert "4 slots" in out
    assert "--cache-type-k" not in out  # defaults are not repeated
