"""Whatever people paste is read right, whichever form it has; what is no launch is one clear error."""

import contextlib
import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvdesk.errors import ExportError, OptionError
from kvdesk.export.launches import MOST_CHARACTERS, read_launch
from kvdesk.export.parse import parse_words
from kvdesk.plan.options import ALL_LAYERS, LoadOptions

SERVER = {"parallel": 4, "kv_unified": True}  # what llama-server does unasked


def assert_reads(text, target, model, **options):
    read = read_launch(text)
    assert (read.target, read.model) == (target, model)
    assert read.options == LoadOptions(**options)
    return read


# ---------------------------------------------------------------- commands from public documentation


def test_the_servers_documentation_of_docker_with_cuda():
    """Of tools/server/README.md in llama.cpp."""
    text = (
        "docker run -p 8080:8080 -v /path/to/models:/models --gpus all "
        "ghcr.io/ggml-org/llama.cpp:server-cuda -m models/7B/ggml-model.gguf -c 512 --host 0.0.0.0 "
        "--port 8080 --n-gpu-layers 99"
    )
    read = assert_reads(
        text, "llama-server", "/path/to/models/7B/ggml-model.gguf", ctx_size=512, n_gpu_layers=99, **SERVER
    )
    assert read.unknown == ("--host 0.0.0.0", "--port 8080")


def test_the_servers_documentation_of_compose():
    """Of tools/server/README.md in llama.cpp, with the comment that stands in it."""
    text = """services:
  llamacpp-server:
    image: ghcr.io/ggml-org/llama.cpp:server
    ports:
      - 8080:8080
    volumes:
      - ./models:/models
    environment:
      # alternatively, you can use "LLAMA_ARG_MODEL_URL" to download the model
      LLAMA_ARG_MODEL: /models/my_model.gguf
      LLAMA_ARG_CTX_SIZE: 4096
      LLAMA_ARG_N_PARALLEL: 2
      LLAMA_ARG_ENDPOINT_METRICS: 1
      LLAMA_ARG_PORT: 8080
"""
    read = assert_reads(text, "llama-server", "./models/my_model.gguf", ctx_size=4096, parallel=2)
    assert read.unknown == ("LLAMA_ARG_ENDPOINT_METRICS=1", "LLAMA_ARG_PORT=8080")


def test_the_documentation_of_presets():
    """Of docs/preset.md in llama.cpp."""
    text = """[*]
ctx-size             = 0
mmap                 = 1
kv-unified           = 1
parallel             = 4
spec-default         = 1

[Qwen3.5-4B]
hf                   = unsloth/Qwen3.5-4B-GGUF:Q4_K_M
ctx-size             = 262144
batch-size           = 2048
ubatch-size          = 2048
top-p                = 1.0

[gpt-oss-120b-hf]
hf                   = ggml-org/gpt-oss-120b-GGUF
ctx-size             = 131072
chat-template-kwargs = {"reasoning_effort": "high"}
"""
    read = assert_reads(text, "llama-server", "", ctx_size=262144, ubatch_size=2048, **SERVER)
    assert (read.name, read.names) == ("Qwen3.5-4B", ("Qwen3.5-4B", "gpt-oss-120b-hf"))
    assert set(read.unknown) == {
        "hf = unsloth/Qwen3.5-4B-GGUF:Q4_K_M",
        "spec-default = 1",
        "top-p = 1.0",
    }
    assert read_launch(text, "gpt-oss-120b-hf").options.ctx_size == 131072


def test_the_documentation_of_llama_swap():
    """Of docs/configuration.md in llama-swap: “Advanced control with cmd”."""
    text = """models:
  model1:
    cmd: |
      # support for multi-line
      llama-server --PORT ${PORT}
      -m /path/to/model.gguf
      --ctx-size 8192
      --jinja
      --cache-type-k q8_0
      --cache-type-v q8_0
"""
    read = assert_reads(
        text,
        "llama-server",
        "/path/to/model.gguf",
        ctx_size=8192,
        cache_type_k="q8_0",
        cache_type_v="q8_0",
        **SERVER,
    )
    assert read.unknown == ("--PORT ${PORT}", "--jinja")


def test_the_documentation_of_the_modelfile():
    """Of “Ollama Model File”, “Basic Modelfile”."""
    text = """FROM llama3.2
# sets the temperature to 1 [higher is more creative, lower is more coherent]
PARAMETER temperature 1
# sets the context window size to 4096, this controls how many tokens the LLM can use as context
PARAMETER num_ctx 4096

# sets a custom system message to specify the behavior of the chat assistant
SYSTEM You are Mario from super mario bros, acting as an assistant.
"""
    read = assert_reads(text, "ollama", "llama3.2", ctx_size=4096, batch_size=512)
    assert read.unknown == (
        "PARAMETER temperature 1",
        "SYSTEM You are Mario from super mario bros, acting as an assistant.",
    )


def test_the_documentation_of_llama_bench():
    """Of tools/llama-bench/README.md in llama.cpp: “Different numbers of layers offloaded to the GPU”."""
    read = assert_reads(
        "./llama-bench -ngl 10,20,30,31,32,33,34,35",
        "llama-bench",
        "",
        n_gpu_layers=10,
        ctx_size=512,
        n_outputs_max=0,
    )
    assert "-ngl" in read.notes[0]


def test_the_documentation_of_llama_cpp_pythons_server():
    """Of docs/server.md in llama-cpp-python: “Code Completion”."""
    read = read_launch("python3 -m llama_cpp.server --model <model_path> --n_ctx 16192")
    assert (read.target, read.model, read.options.ctx_size) == ("llama_cpp.server", "<model_path>", 16192)
    assert (read.options.n_gpu_layers, read.options.flash_attn) == (0, "off")


# ------------------------------------------------------------------------------------ programs and shells


@pytest.mark.parametrize(
    "text",
    [
        "LLAMA_ARG_CTX_SIZE=8192 LLAMA_ARG_CACHE_TYPE_K=q8_0 llama-server -m a.gguf -np 1",
        "export LLAMA_ARG_CTX_SIZE=8192\nexport LLAMA_ARG_CACHE_TYPE_K=q8_0\nllama-server -m a.gguf -np 1",
        "export LLAMA_ARG_CTX_SIZE=8192 LLAMA_ARG_CACHE_TYPE_K=q8_0 && llama-server -m a.gguf -np 1",
        "$env:LLAMA_ARG_CTX_SIZE = '8192'; $env:LLAMA_ARG_CACHE_TYPE_K='q8_0'\nllama-server -m a.gguf -np 1",
        'set LLAMA_ARG_CTX_SIZE=8192\nset "LLAMA_ARG_CACHE_TYPE_K=q8_0"\r\nllama-server -m a.gguf -np 1',
        "docker run --rm -e LLAMA_ARG_CTX_SIZE=8192 --env=LLAMA_ARG_CACHE_TYPE_K=q8_0 "
        "llama.cpp:server -m a.gguf -np 1",
        "llama-server -np 1 --cache-type-k=q8_0 \\\n  --ctx_size=8192 \\\n  -m a.gguf",
        "& 'C:\\l\\llama-server.exe' -np 1 `\n  -ctk q8_0 -c 8k `\n  -m a.gguf",
        "C:\\l\\llama-server.exe -np 1 ^\n  -ctk q8_0 -c 8k ^\n  -m a.gguf",
        '[Unit]\nDescription=x\n[Service]\nEnvironment="LLAMA_ARG_CTX_SIZE=8192"\n'
        "ExecStart=/usr/bin/llama-server -m a.gguf \\\n  -ctk q8_0 -np 1\nRestart=always\n",
    ],
)
def test_one_launch_in_many_hands(text):
    read = assert_reads(text, "llama-server", "a.gguf", ctx_size=8192, cache_type_k="q8_0")
    assert read.unknown == ()


def test_flags_overrule_variables_and_a_negative_variable_needs_no_value():
    text = "LLAMA_ARG_CTX_SIZE=1024 LLAMA_ARG_NO_KV_OFFLOAD=1 LLAMA_ARG_FIT=off llama-server -c 2048 -np 1"
    read = read_launch(text)
    assert read.options == LoadOptions(ctx_size=2048, kv_offload=False)
    assert not any("--fit" in note for note in read.notes)


def test_llama_bench_takes_values_where_others_have_switches():
    read = read_launch(
        "llama-bench -m a.gguf -p 512 -n 128 -d 0,7680 -nkvo 1 -nopo 0 -fa 1 -ctk q8_0 -ts 3/1 "
        "-ot 'a=CPU;b=CUDA0' -dev CUDA0/CUDA1 -r 3"
    )
    assert read.options == LoadOptions(
        ctx_size=8192,
        kv_offload=False,
        flash_attn="on",
        cache_type_k="q8_0",
        tensor_split=(3.0, 1.0),
        override_tensor=("a=CPU", "b=CUDA0"),
        device=("CUDA0", "CUDA1"),
        n_outputs_max=0,
    )
    assert read.unknown == ("-r 3",)


def test_llama_perplexity_fills_a_batch_with_chunks():
    read = read_launch("llama-perplexity -m a.gguf -f wiki.test.raw")
    assert (read.options.ctx_size, read.options.parallel) == (2048, 4)
    assert "4 chunks of 512" in read.notes[-1]
    assert read_launch("llama-perplexity -m a.gguf -c 4096").options.parallel == 1
    with pytest.raises(OptionError):
        read_launch("llama-perplexity -m a.gguf -c 0")


def test_koboldcpp_on_the_command_line():
    read = read_launch(
        "koboldcpp.exe --usecublas lowvram 0 mmq --gpulayers 33 --contextsize 16384 --flashattention "
        "--quantkv 1 --tensor_split 7 3 --blasbatchsize 1024 --moecpu --ropeconfig 0.25 10000 "
        "C:\\models\\a.gguf 5001 --port 5001"
    )
    assert (read.target, read.model) == ("koboldcpp", "C:\\models\\a.gguf")
    assert read.options == LoadOptions(
        ctx_size=16384,
        n_gpu_layers=33,
        flash_attn="on",
        cache_type_k="q8_0",
        cache_type_v="q8_0",
        tensor_split=(7.0, 3.0),
        batch_size=1024,
        ubatch_size=1024,
        cpu_moe=True,
        rope_freq_scale=0.25,
        rope_freq_base=10000.0,
        kv_offload=False,
        device=("CUDA0",),
        mmap=False,
        swa_full=True,
    )
    assert read.unknown == ("5001", "--port 5001")


def test_koboldcpps_file_and_its_own_defaults():
    text = json.dumps(
        {
            "model": None,
            "model_param": "/m/a.gguf",
            "port_param": 5001,
            "contextsize": 8192,
            "gpulayers": -1,
            "quantkv": 2,
            "flashattention": False,
            "usecuda": ["normal", "mmq"],
            "usemmap": True,
            "tensor_split": None,
            "ropeconfig": [0.0, 10000.0],
            "useswa": True,
            "moecpu": 0,
            "threads": -1,
        }
    )
    read = read_launch(text)
    assert (read.target, read.model) == ("koboldcpp", "/m/a.gguf")
    assert read.options == LoadOptions(
        ctx_size=8192, cache_type_k="q4_0", flash_attn="off", batch_size=512, n_gpu_layers=ALL_LAYERS
    )
    assert any("K cache alone" in note for note in read.notes)
    assert read.unknown == ("port_param: 5001",)


def test_koboldcpps_later_versions_name_the_type_and_have_flash_attention_on():
    read = read_launch("koboldcpp --model a.gguf --contextsize 4096 --quantkv q5_1")
    assert (read.options.flash_attn, read.options.cache_type_v) == ("on", "q5_1")
    read = read_launch(
        '{"model_param": "a.gguf", "contextsize": 4096, "flashattention": false, "noflashattention": false}'
    )
    assert read.options.flash_attn == "on"
    read = read_launch("koboldcpp --model a.gguf --quantkv 3 -nofa")
    assert (read.options.flash_attn, read.options.cache_type_k) == ("off", "bf16")
    assert read.options.cache_type_v == "bf16"
    with pytest.raises(OptionError, match="q9"):
        read_launch("koboldcpp --model a.gguf --quantkv q9")


def test_llama_cpp_pythons_server_has_numbers_for_types_and_variables_for_all():
    read = read_launch(
        "N_CTX=4096 FLASH_ATTN=true python -m llama_cpp.server --model a.gguf --type_k 8 --type_v=8 "
        "--n_gpu_layers -1 --use_mlock false --tensor_split 3 1 --chat_format chatml"
    )
    assert read.options == LoadOptions(
        ctx_size=4096,
        batch_size=512,
        flash_attn="on",
        cache_type_k="q8_0",
        cache_type_v="q8_0",
        tensor_split=(3.0, 1.0),
        n_outputs_max=0,
    )
    assert read.unknown == ("--chat_format chatml",)
    with pytest.raises(OptionError, match="77"):
        read_launch("python -m llama_cpp.server --model a.gguf --type_k 77")


def test_ollamas_variables_are_the_servers():
    read = read_launch(
        "# OLLAMA_KV_CACHE_TYPE=q8_0\nexport OLLAMA_FLASH_ATTENTION=1\nOLLAMA_NUM_PARALLEL=2\n"
        'FROM ./a.gguf\nPARAMETER num_ctx 8192\nPARAMETER num_gpu 20\nTEMPLATE """{{ .Prompt }}\nFROM b"""\n'
    )
    assert read.model == "./a.gguf"
    assert read.options == LoadOptions(
        ctx_size=16384,
        parallel=2,
        cache_type_k="q8_0",
        cache_type_v="q8_0",
        flash_attn="on",
        batch_size=512,
        n_gpu_layers=20,
    )
    off = read_launch("FROM a.gguf\nOLLAMA_KV_CACHE_TYPE=q8_0\nOLLAMA_FLASH_ATTENTION=0")
    assert off.options.cache_type_k == "f16"
    assert any("keeps the cache at f16" in note for note in off.notes)


def test_llama_swaps_macros_variables_and_names():
    text = """
macros:
  server: "llama-server --port ${PORT}"
  base: ${server} -m /m
models:
  one:
    env: ["LLAMA_ARG_CTX_SIZE=1024"]
    cmd: ${base}/one.gguf -np 1
  two:
    macros: {length: 2048}
    cmd: |
      ${base}/two.gguf -np 1
      -c ${length}
"""
    assert read_launch(text).options.ctx_size == 1024
    two = read_launch(text, "two")
    assert (two.model, two.options.ctx_size, two.names) == ("/m/two.gguf", 2048, ("one", "two"))
    with pytest.raises(ExportError, match="three"):
        read_launch(text, "three")


def test_a_compose_service_with_a_command_an_anchor_and_a_service_of_something_else():
    text = """
x-base: &base
  image: ghcr.io/ggml-org/llama.cpp:server-cuda
  volumes: ["/data/models:/models:ro"]
services:
  proxy:
    image: nginx
  llm:
    <<: *base
    environment:
      - LLAMA_ARG_FLASH_ATTN=on
    command: -m /models/a.gguf -c 4096 --parallel 1
"""
    read = assert_reads(text, "llama-server", "/data/models/a.gguf", ctx_size=4096, flash_attn="on")
    assert read.name == "llm"


def test_a_full_image_names_its_program_and_an_entrypoint_does_too():
    run = "docker run -v C:\\models:/models ghcr.io/ggml-org/llama.cpp:full --run -m /models/a.gguf -c 1024"
    assert read_launch(run).target == "llama-cli"
    assert read_launch(run).model == "C:\\models/a.gguf"
    light = "podman run -it --entrypoint /app/llama-bench llama.cpp:light -m a.gguf -d 512"
    assert read_launch(light).target == "llama-bench"


# ------------------------------------------------------------------------------------ what is no launch


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "hello, how are you?",
        "GGUF\x03\x00\x00",
        "llama-server " + "x" * MOST_CHARACTERS,
        "llama-server -m " + "x" * 5000,
        "llama-server -c " + "9" * 5000,
        "llama-server -c " + "9" * 4000,
        "llama-server -ot 'a{99999999999}=CPU'",
        "llama-server -ot '" + "(" * 2000 + "=CPU'",
        "{" * 100_000,
        '{"a": ' * 5000,
        '{"a": 1}',
        '{"contextsize": "x"}',
        '{"contextsize": {"a": 1}}',
        "models:\n" + "  - [" * 500,
        "models:\n  a:\n" + "[" * 50_000,
        "models:\n  a: " + "{a: " * 5000,
        "models: \n",
        "models:\n  a:\n    cmd: 'llama-server -m \"a'",
        "models:\n  a: &a [*a]\n  b: *a",
        "services:\n  a:\n    image: nginx",
        "services:\n  a: &a\n    <<: *a\n    image: x",
        "docker run --rm -it",
        "[Service]\nType=simple",
        "FROM a.gguf\nPARAMETER num_ctx many",
        "[a]\nno value here\n",
        "llama-server --rope-scale nan",
        "llama-server -m 'a",
    ],
)
def test_what_is_no_launch_is_one_sentence_and_a_hint(text):
    with pytest.raises((ExportError, OptionError)) as caught:
        read_launch(text)
    assert str(caught.value.message).endswith(".")
    assert "\n" not in str(caught.value.message)


def test_aliases_of_aliases_do_not_grow():
    levels = "\n".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    with pytest.raises(ExportError):
        read_launch(f"models:\n  a0: &a0 [x, x, x]\n{levels}\n")


def test_macros_of_macros_do_not_grow():
    macros = "\n".join(f"  m{n}: {' '.join([f'${{m{n + 1}}}'] * 9)}" for n in range(12))
    with pytest.raises(ExportError, match="too long"):
        read_launch(f"macros:\n{macros}\n  m12: x\nmodels:\n  a:\n    cmd: llama-server ${{m0}}\n")


_SCRAPS = [
    *("llama-server", "-c", "8k", "=", "-ot", "docker run", "-e", "A=1", "models:", "services:", "[a]", "\n"),
    *("FROM", "PARAMETER", "num_ctx", '"', "'", "\\", "^", "`", "{", "}", "<<: *a", "&a", "koboldcpp", "-m"),
    *("--quantkv", "llama_cpp.server", "llama-bench", "-p", "1-2", "${a}", "  "),
]


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=300),
        st.lists(
            st.sampled_from(_SCRAPS),
            max_size=25,
        ).map(" ".join),
        st.text(string.printable, max_size=300).map("models:\n  a:\n    cmd: ".__add__),
    )
)
def test_no_text_is_more_than_one_of_our_errors(text):
    with contextlib.suppress(ExportError, OptionError):
        read_launch(text)


def test_words_that_a_shell_has_split_may_hold_blanks():
    assert parse_words(["koboldcpp", "--model", "a b.gguf"]).model == "a b.gguf"
