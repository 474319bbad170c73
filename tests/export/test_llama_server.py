"""The exported command says everything that decides memory, and reads back as the same options."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings

from kvdesk.errors import ExportError
from kvdesk.export import TARGETS, target
from kvdesk.export.exporter import Launch, below_home
from kvdesk.export.llama_server import EXPORTER
from kvdesk.export.parse import parse_text
from kvdesk.export.shells import BY_NAME, SHELLS
from kvdesk.plan.options import LoadOptions
from tests.plan.strategies import load_options

BASH = BY_NAME["bash"]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
@settings(max_examples=150, deadline=None)
@given(options=load_options(n_outputs_max=None))
def test_options_survive_the_way_out_and_back(shell, options):
    read = parse_text(EXPORTER.render(Launch("~/models/a b.gguf", options), shell))
    assert read.options == options
    assert (read.target, read.model, read.unknown, read.notes) == (
        "llama-server",
        "~/models/a b.gguf",
        (),
        (),
    )


@pytest.mark.parametrize(
    "pin",
    [
        "--fit off",
        "--cache-ram 0",
        "--ctx-checkpoints 0",
        "--no-context-shift",
        "--parallel 1",
        "--no-kv-unified",
        "--flash-attn auto",
        "--ubatch-size 512",
        "--n-gpu-layers all",
        "--cache-type-k f16",
        "--ctx-size 0",
    ],
)
def test_defaults_that_decide_memory_are_written_down(pin):
    assert f"\n  {pin}" in EXPORTER.render(Launch("a.gguf", LoadOptions()), BASH)


def test_flags_that_this_release_no_longer_has_are_not_written():
    text = EXPORTER.render(Launch("a.gguf", LoadOptions(mmap=False, mlock=True, n_outputs_max=1)), BASH)
    command = text[text.index("\nllama-server") :]
    assert "--load-mode mlock" in command
    assert not re.search(r"--(no-)?mmap|--mlock|--n-outputs-max", command)


def test_rpc_servers_are_named_before_their_devices():
    options = LoadOptions(rpc=("box:50052",), device=("RPC0[box:50052]",))
    words = [flag.words[0] for flag in EXPORTER.flags(Launch("a.gguf", options))]
    assert words.index("--rpc") < words.index("--device")


def test_every_flag_is_explained():
    launch = Launch("a.gguf", LoadOptions(swa_full=True, n_cpu_moe=3))
    text = EXPORTER.render(launch, BASH)
    for flag in EXPORTER.flags(launch)[1:]:
        assert flag.why.endswith(".")
        assert re.search(
            rf"^#   {re.escape(' '.join(flag.words))} +{re.escape(flag.why)}$", text, re.MULTILINE
        )


def test_outputs_that_the_server_cannot_set_are_warned_about():
    assert EXPORTER.warnings(Launch("a.gguf", LoadOptions(n_outputs_max=0)))[0].option == "n_outputs_max"
    assert EXPORTER.warnings(Launch("a.gguf", LoadOptions(n_outputs_max=2, parallel=2))) == ()


def test_an_override_that_llama_cpp_would_split_is_refused():
    with pytest.raises(ExportError, match="comma"):
        EXPORTER.flags(Launch("a.gguf", LoadOptions(override_tensor=(r"blk\.\d{1,2}\.=CPU",))))


def test_a_url_is_a_url_there_too():
    flags = EXPORTER.flags(Launch("https://host/a.gguf", LoadOptions()))
    assert flags[0].words == ("--model-url", "https://host/a.gguf")


@pytest.mark.parametrize(
    ("path", "home", "written"),
    [
        ("/home/anna/models/a.gguf", "/home/anna", "~/models/a.gguf"),
        ("/home/annabel/a.gguf", "/home/anna", "/home/annabel/a.gguf"),
        ("C:\\Users\\anna\\a.gguf", "C:\\Users\\anna\\", "~\\a.gguf"),
        ("/srv/a.gguf", "/", "/srv/a.gguf"),
    ],
)
def test_the_users_home_is_not_in_the_command(path, home, written):
    assert below_home(path, home) == written


def test_this_users_home_is_the_default():
    assert (
        below_home(str(Path.home() / "a.gguf")) == "~" + str(Path.home() / "a.gguf")[len(str(Path.home())) :]
    )


def test_targets_are_found_by_name_and_others_refused_with_the_list():
    assert [target(exporter.name) for exporter in TARGETS] == list(TARGETS)
    with pytest.raises(ExportError) as caught:
        target("ollamma")
    assert "llama-server" in caught.value.hint
