"""Every target writes what its program reads, names what it cannot say, and never the user's home."""

import json
import shlex
import subprocess
import sys

import pytest
import yaml
from hypothesis import event, given, settings

from kvdesk.errors import ExportError
from kvdesk.export import TARGETS, file_name, target, write
from kvdesk.export.exporter import Launch, below_home, context_tokens
from kvdesk.export.shells import BY_NAME, SHELLS
from kvdesk.gguf.open import open_model
from kvdesk.memory.families import shape_of
from kvdesk.plan.options import OPTIONS, LoadOptions
from kvdesk.resources import resolve_model
from tests.plan.strategies import load_options

BASH = BY_NAME["bash"]
MODEL = "~/my models/a.gguf"
MIXED = LoadOptions(ctx_size=4096, cache_type_k="q8_0", cache_type_v="q4_0", flash_attn="on")


def _text(name: str, options: LoadOptions = MIXED, model: str = MODEL) -> str:
    return target(name).render(Launch(model, options), BASH)


def _plain(text: str) -> str:
    return "".join(line + "\n" for line in text.splitlines() if not line.startswith("#"))


def _warned(name: str, options: LoadOptions) -> set[str]:
    return {warning.option for warning in target(name).warnings(Launch(MODEL, options))}


def _llama_words(options: LoadOptions) -> list[str]:
    """What llama-server is told after its model."""
    return [word for flag in target("llama-server").flags(Launch(MODEL, options))[1:] for word in flag.words]


@pytest.mark.parametrize("exporter", TARGETS, ids=lambda exporter: exporter.name)
@settings(max_examples=25)
@given(options=load_options())
def test_every_option_set_is_written_or_refused_with_a_sentence(exporter, options):
    try:
        written = write(exporter, Launch(MODEL, options), BASH)
    except ExportError:
        event("refused")
        return
    assert written.text.endswith("\n")
    assert bool(written.unexplained) is not exporter.has_comments
    for flag in exporter.flags(Launch(MODEL, options)):
        assert flag.why.endswith("."), flag


@pytest.mark.parametrize("exporter", TARGETS, ids=lambda exporter: exporter.name)
@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_what_a_target_does_not_express_is_warned_about(exporter, row):
    """An option that was set is either among those that a target expresses, or a warning names it."""
    other = {int: 7, float: 2.5, str: row.choices[-1] if row.choices else "", tuple: ("x=CPU",)}
    value = not row.default if row.value_type is bool else other[row.value_type]
    if row.item_type is float:
        value = (1.0, 3.0)
    options = LoadOptions(**{row.name: value})
    if row.name in exporter.expresses or exporter.group == "engine" or row.name == "batch_size":
        return
    own = {"cpu_moe"} if exporter.name == "llama-bench" else set()
    assert row.name in _warned(exporter.name, options) | own


@pytest.mark.parametrize("exporter", TARGETS, ids=lambda exporter: exporter.name)
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
def test_the_users_home_is_nowhere(exporter, shell):
    home = "/home/anna"
    launch = Launch(below_home(f"{home}/models/a.gguf", home), MIXED)
    text = exporter.render(launch, shell) + str(exporter.flags(launch)) + str(exporter.warnings(launch))
    assert "anna" not in text


def test_each_has_a_name_of_its_own_and_a_file_name():
    assert len({exporter.name for exporter in TARGETS}) == len(TARGETS)
    assert file_name(target("llama-server"), BY_NAME["cmd"]) == "llama-server.bat"
    assert file_name(target("ollama"), BASH) == "Modelfile"
    assert all(file_name(exporter, BASH) for exporter in TARGETS)


@settings(max_examples=60)
@given(options=load_options(n_outputs_max=None))
def test_files_around_the_server_hold_its_very_words(options):
    words = _llama_words(options)
    swap = yaml.safe_load(_text("llama-swap", options))["models"]["a"]["cmd"]
    assert shlex.split(swap) == [
        "llama-server",
        "--model",
        "${env.HOME}/my models/a.gguf",
        "--port",
        "${PORT}",
        *words,
    ]
    service = yaml.safe_load(_text("docker-compose", options))["services"]["llama-server"]
    assert [word.replace("$$", "$") for word in service["command"]] == ["--model", "/models/a.gguf", *words]
    assert service["volumes"][0]["source"] == "${HOME}/my models"
    parameters = [shlex.split(line)[0] for line in _plain(_text("gpustack", options)).splitlines()]
    assert [part for line in parameters for part in line.split("=", 1)] == words
    unit = _plain(_text("systemd", options))
    command = unit[unit.index("ExecStart=") + 10 : unit.index("\nRestart")].split("\nLimitMEMLOCK")[0]
    read = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(command.replace("\\\n", ""))]
    assert read == ["llama-server", "--model", "%h/my models/a.gguf", *words]


def test_a_preset_has_a_value_for_each_key_and_refuses_what_would_be_cut():
    section, *lines = _plain(_text("llama-server-preset")).strip().splitlines()
    assert section == "[a]"
    assert dict(line.split(" = ", 1) for line in lines)["no-context-shift"] == "true"
    assert "model = YOUR_HOME/my models/a.gguf" in lines
    with pytest.raises(ExportError, match="preset"):
        _text("llama-server-preset", model="/models/a #2.gguf")


def test_a_macro_in_a_name_is_refused_by_llama_swap():
    with pytest.raises(ExportError, match="llama-swap"):
        _text("llama-swap", model="/models/${PORT}.gguf")


@pytest.mark.parametrize(
    ("types", "kept"),
    [
        (("f16", "f16"), "f16"),
        (("q8_0", "q4_0"), "q8_0"),
        (("q4_0", "q4_0"), "q4_0"),
        (("q5_1", "q4_0"), "q8_0"),
        (("f32", "f32"), "f16"),
    ],
)
def test_one_type_for_both_is_never_coarser_than_what_there_is(types, kept):
    options = _types(types)
    assert f"OLLAMA_KV_CACHE_TYPE={kept}" in _text("ollama", options)
    assert "cache_type_k" in _warned("ollama", options)
    assert ("cache_type_v" in _warned("ollama", options)) is (types != (kept, kept))


@pytest.mark.parametrize(
    ("types", "kept"),
    [
        (("bf16", "bf16"), "bf16"),
        (("bf16", "f16"), "f16"),
        (("f32", "f32"), "f16"),
        (("q8_0", "q4_0"), "q8_0"),
        (("q5_0", "q4_0"), "q5_1"),
        (("iq4_nl", "iq4_nl"), "q4_0"),
    ],
)
def test_koboldcpp_takes_the_nearest_type_that_is_not_coarser(types, kept):
    options = _types(types)
    assert json.loads(_text("koboldcpp-settings", options))["quantkv"] == kept
    assert ("cache_type_k" in _warned("koboldcpp", options)) is (types != (kept, kept))


def test_koboldcpp_refuses_longer_contexts_so_the_nearest_is_written():
    options = LoadOptions(ctx_size=1_000_000)
    assert "--contextsize 262144" in _text("koboldcpp", options)
    assert "ctx_size" in _warned("koboldcpp", options)


def _types(types: tuple[str, str]) -> LoadOptions:
    return LoadOptions(ctx_size=4096, cache_type_k=types[0], cache_type_v=types[1])


def test_ollamas_context_is_one_sequences():
    assert "PARAMETER num_ctx 1024\n" in _text("ollama", LoadOptions(ctx_size=4096, parallel=4))
    assert "FROM ~/my models/a.gguf\n" in _text("ollama")


def test_lm_studio_has_a_type_for_k_and_one_for_v():
    fields = json.loads(_text("lm-studio"))["load"]["fields"]
    said = {field["key"]: field["value"] for field in fields}
    assert said["llm.load.llama.kCacheQuantizationType"] == {"checked": True, "value": "q8_0"}
    assert said["llm.load.llama.vCacheQuantizationType"] == {"checked": True, "value": "q4_0"}
    assert said["llm.load.numParallelSessions"] == 1
    assert said["llm.load.llama.acceleration.offloadRatio"] == "max"


def test_what_the_web_ui_has_no_flag_for_goes_to_the_server_itself():
    words = BASH.split(_plain(_text("text-generation-webui")))
    extra = shlex.split(words[words.index("--extra-flags") + 1])
    assert extra[:4] == ["--cache-type-k", "q8_0", "--cache-type-v", "q4_0"]
    assert "--cache-ram" in extra
    assert words[words.index("--model-dir") + 1] == "~/my models"


@pytest.mark.parametrize(
    ("name", "types", "said"),
    [
        ("lmdeploy", ("q8_0", "q8_0"), "--quant-policy 8"),
        ("lmdeploy", ("q4_0", "q4_0"), "--quant-policy 4"),
        ("lmdeploy", ("q4_1", "q4_0"), "--quant-policy 8"),
        ("lmdeploy", ("f16", "f16"), "--quant-policy 0"),
        ("lightllm", ("q4_0", "q8_0"), "--mode triton_int8kv"),
        ("tabbyapi", ("q8_0", "q4_0"), "cache_mode: Q6"),
        ("tabbyapi", ("iq4_nl", "q4_0"), "cache_mode: Q4"),
        ("vllm", ("q8_0", "q8_0"), "--kv-cache-dtype fp8"),
        ("vllm", ("bf16", "bf16"), "--kv-cache-dtype auto"),
        ("transformers", ("q8_0", "q8_0"), "'nbits': 8"),
        ("transformers", ("q4_0", "q4_0"), "'nbits': 4"),
        ("transformers", ("f16", "f16"), "cache_implementation='dynamic'"),
    ],
)
def test_other_engines_get_the_nearest_cache(name, types, said):
    assert said in _plain(_text(name, _types(types)))


def test_other_engines_hold_the_whole_context():
    options = LoadOptions(ctx_size=1000, parallel=2)
    assert "--cache-max-entry-count 16" in _text("lmdeploy", options)  # blocks of 64
    assert "--num-gpu-blocks-override 63" in _text("vllm", options)  # blocks of 16
    assert "cache_size: 1024" in _text("tabbyapi", options)  # a multiple of 256
    assert yaml.safe_load(_text("tabbyapi", options))["model"]["max_seq_len"] == 500
    compile(_text("transformers", options), "generate.py", "exec")


def test_the_trained_context_stands_where_a_number_is_needed():
    path = resolve_model("demo")
    launch = Launch(path, LoadOptions(), shape_of(open_model(path)))
    assert context_tokens(launch) == 4096
    assert "--ctx-size 4096" in target("llama-perplexity").render(launch, BASH)
    assert "--n-depth 3584" in target("llama-bench").render(launch, BASH)


def test_a_batch_of_several_contexts_is_warned_about():
    assert "batch_size" in _warned("llama-perplexity", LoadOptions(ctx_size=512))
    assert "batch_size" not in _warned("llama-perplexity", LoadOptions(ctx_size=2048))


@pytest.mark.llama
@pytest.mark.parametrize(
    "options",
    [
        LoadOptions(ctx_size=2048, parallel=2, n_outputs_max=5),
        LoadOptions(ctx_size=1024, cache_type_k="q8_0", cache_type_v="q4_0", flash_attn="on", mmap=False),
        LoadOptions(ctx_size=512, kv_unified=True, swa_full=True, tensor_split=(1.0, 2.0), threads=1),
    ],
    ids=range(3),
)
def test_the_python_script_runs_and_has_the_context(options, tmp_path):
    script = tmp_path / "launch.py"
    script.write_text(_text("llama-cpp-python", options, resolve_model("demo")), encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert f"context: {options.ctx_size} tokens" in done.stdout
    cache = [line for line in done.stderr.splitlines() if line.startswith("llama_kv_cache: size")]
    assert f"K ({options.cache_type_k})" in cache[0]
    assert f"V ({options.cache_type_v})" in cache[0]
