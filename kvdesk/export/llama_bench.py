"""A llama-bench command: the speed of these options at the depth of their whole context."""

from collections.abc import Callable
from typing import Any

from kvdesk.export.explain import warning
from kvdesk.export.exporter import EVERY_LAYER, Exporter, Flag, Launch, context_tokens
from kvdesk.export.llama_flags import (
    LOAD_MODES,
    batch_outputs_warning,
    check_commas,
    command,
    lost_warnings,
    why,
)
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import BY_NAME

PROMPT, ANSWER = 512, 128  # llama-bench's own tests


def _switch(value: bool) -> str:
    return str(int(value))


# Our name, its flag, and how it writes a value: commas separate tests there, so lists have other signs
# (cmd_params and parse_cmd_params in tools/llama-bench/llama-bench.cpp).
FLAGS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("rpc", "--rpc", ",".join),
    ("cache_type_k", "--cache-type-k", str),
    ("cache_type_v", "--cache-type-v", str),
    ("n_gpu_layers", "--n-gpu-layers", lambda layers: str(layers if layers >= 0 else EVERY_LAYER)),
    ("flash_attn", "--flash-attn", str),
    ("batch_size", "--batch-size", str),
    ("ubatch_size", "--ubatch-size", str),
    ("kv_offload", "--no-kv-offload", lambda on: _switch(not on)),
    ("split_mode", "--split-mode", str),
    ("tensor_split", "--tensor-split", lambda shares: "/".join(map(repr, shares))),
    ("main_gpu", "--main-gpu", str),
    ("device", "--device", "/".join),
    ("override_tensor", "--override-tensor", ";".join),
    ("n_cpu_moe", "--n-cpu-moe", str),
    ("op_offload", "--no-op-offload", lambda on: _switch(not on)),
    ("repack", "--repack", _switch),
    ("threads", "--threads", str),
)
_ALWAYS = frozenset(
    {
        "cache_type_k",
        "cache_type_v",
        "n_gpu_layers",
        "flash_attn",
        "batch_size",
        "ubatch_size",
        "kv_offload",
    }
)
EXPRESSED = frozenset(name for name, _, _ in FLAGS) | {"ctx_size", "cpu_moe", "mmap", "mlock"}
NO_TYPE = "f32"  # the one cache type that ggml_type_from_name there does not know


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of a launch. Raises ExportError for an override that llama-bench would split."""
    options = launch.options
    check_commas(options.override_tensor)
    tokens = context_tokens(launch)
    prompt = min(PROMPT, tokens or PROMPT)
    found = [
        Flag(("--model", launch.model), "The model."),
        Flag(("--n-prompt", str(prompt)), "Tokens read in the first test."),
        Flag(("--n-gen", str(min(ANSWER, prompt))), "Tokens written in the second test."),
        Flag(
            ("--n-depth", str(max(0, tokens - prompt))),
            "Tokens in the cache before each test: with those read they make the context.",
        ),
    ]
    for name, flag, write in FLAGS:
        value = getattr(options, name)
        is_default = value == BY_NAME[name].default
        if value == NO_TYPE or (is_default and name not in _ALWAYS):
            continue
        found.append(Flag((flag, write(value)), why(BY_NAME[name])))
    if options.cpu_moe:
        found.append(Flag(("--n-cpu-moe", str(EVERY_LAYER)), why(BY_NAME["cpu_moe"])))
    mode = LOAD_MODES[options.mmap, options.mlock]
    if mode != "auto":
        found.append(Flag(("--load-mode", mode), "Whether the file is mapped, and locked in memory."))
    return tuple(found)


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What a llama-bench command cannot say, or does differently."""
    found = [*batch_outputs_warning(launch, "llama-bench")]
    for name in ("cache_type_k", "cache_type_v"):
        if getattr(launch.options, name) == NO_TYPE:
            found.append(
                warning(
                    name,
                    Phrase("llama-bench does not know the cache type f32."),
                    Phrase("It takes f16, half the memory."),
                )
            )
    return (*found, *lost_warnings(launch, "llama-bench", EXPRESSED))


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    return command("llama-bench", shell, flags(launch), warnings(launch))


EXPORTER = Exporter(
    "llama-bench",
    "llama-bench (llama.cpp)",
    flags,
    render,
    warnings,
    EXPRESSED,
    group="llama.cpp",
    file_name="llama-bench",
    uses_shell=True,
)
