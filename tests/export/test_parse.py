"""Commands as people paste them are read right; what no option stands for is listed."""

import pytest

from kvdesk.errors import ExportError, OptionError
from kvdesk.export.parse import guess_shell, parse_text, parse_words
from kvdesk.plan.options import ALL_LAYERS, LoadOptions


def read(text):
    return parse_text(text + " -np 1")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("llama-server -m a.gguf -c 8192 -ngl 99", {"ctx_size": 8192, "n_gpu_layers": 99}),
        ("llama-server -ngl all --ctx-size=32k", {"ctx_size": 32768, "n_gpu_layers": ALL_LAYERS}),
        ("./build/bin/llama-server.exe -fa -ctk q8_0", {"flash_attn": "on", "cache_type_k": "q8_0"}),
        ("llama-server --flash-attn off", {"flash_attn": "off"}),
        ("llama-server -fa 1 -b 4096", {"flash_attn": "on", "batch_size": 4096}),
        ("-ub 256 --cache_type_v q4_0", {"ubatch_size": 256, "cache_type_v": "q4_0"}),
        (
            "llama-server -nkvo -nr --no-op-offload",
            {"kv_offload": False, "repack": False, "op_offload": False},
        ),
        ("llama-server --no-mmap --mlock", {"mmap": False, "mlock": True}),
        ("llama-server -lm mmap+mlock", {"mlock": True}),
        ("llama-server --load-mode mmap", {}),
        ("llama-server -lm none", {"mmap": False}),
        ("llama-server -ts 3,1 -sm layer -mg 1", {"tensor_split": (3.0, 1.0), "main_gpu": 1}),
        ("llama-server -ot a=CPU -ot b=CUDA0,c=CPU", {"override_tensor": ("a=CPU", "b=CUDA0", "c=CPU")}),
        ("llama-server -t -1 -tb 8", {"threads_batch": 8}),
        ("llama-server -c 4096 -c 8192", {"ctx_size": 8192}),
    ],
)
def test_flags_in_every_form_are_read(text, options):
    imported = read(text)
    assert imported.options == LoadOptions(**options)
    assert imported.unknown == ()


def test_a_quoted_path_continuations_and_comments():
    text = "# my server\nllama-server \\\n  -m '/models/my model.gguf' \\\n  -c 4096 \\\n  -np 1\n"
    imported = parse_text(text)
    assert (imported.model, imported.options.ctx_size) == ("/models/my model.gguf", 4096)
    assert imported.unknown == ()


@pytest.mark.parametrize(
    ("text", "shell"),
    [
        ("llama-server ^\n -c 1", "cmd"),
        ("llama-server -m %USERPROFILE%\\a.gguf", "cmd"),
        ("llama-server `\n -c 1", "powershell"),
        ("& 'C:\\x\\llama-server.exe' -c 1", "powershell"),
        ('llama-server -m "C:\\models\\a.gguf"', "cmd"),
        ("llama-server \\\n -c 1", "bash"),
        ("llama-server -c 1", "bash"),
    ],
)
def test_the_shell_is_told_from_what_only_it_has(text, shell):
    assert guess_shell(text).name == shell


def test_a_windows_path_keeps_its_backslashes():
    assert read('llama-server -m "C:\\my models\\a.gguf"').model == "C:\\my models\\a.gguf"
    assert read("& 'C:\\bin\\llama-server.exe' -m 'C:\\my models\\a.gguf'").model == "C:\\my models\\a.gguf"


def test_what_no_option_stands_for_is_listed_with_its_value():
    imported = read(
        "CUDA_VISIBLE_DEVICES=0 llama-server --host 0.0.0.0 --jinja --temp -1 -hf a/b:Q4 --fit on"
    )
    assert imported.unknown == (
        "CUDA_VISIBLE_DEVICES=0",
        "--host 0.0.0.0",
        "--jinja",
        "--temp -1",
        "-hf a/b:Q4",
        "--fit on",
    )
    assert imported.options == LoadOptions()


def test_nothing_is_executed_or_expanded(tmp_path):
    victim = tmp_path / "made"
    imported = read(f"llama-server -m $(touch {victim}) ; touch {victim} ; `touch {victim}`")
    assert not victim.exists()
    assert imported.unknown


def test_llama_servers_own_choice_of_slots_is_filled_in_and_said():
    imported = parse_text("llama-server -c 8192")
    assert (imported.options.parallel, imported.options.kv_unified) == (4, True)
    assert any("4 slots" in note for note in imported.notes)
    assert parse_text("llama-server -c 8192 -np -1").options.parallel == 4


def test_other_programs_have_one_sequence():
    imported = parse_text("llama-cli -m a.gguf -c 8192")
    assert (imported.target, imported.options.parallel, imported.notes) == ("llama-cli", 1, ())


def test_words_that_a_shell_has_split_already():
    assert parse_words(["llama-server", "-m", "a b.gguf", "-np", "1"]).model == "a b.gguf"


@pytest.mark.parametrize("text", ["llama-server -ctk q3_k", "llama-server -c", "llama-server -c x -np 1"])
def test_values_that_no_option_accepts_are_errors(text):
    with pytest.raises(OptionError):
        parse_text(text)


@pytest.mark.parametrize("text", ["llama-server -m 'a b", 'llama-server -m "a b'])
def test_an_open_quotation_mark_is_an_error(text):
    with pytest.raises(ExportError):
        parse_text(text)


def test_an_empty_command_is_the_defaults_of_the_server():
    assert parse_text("").options == LoadOptions(parallel=4, kv_unified=True)
