"""A text-generation-webui command: its own flags, and --extra-flags for the llama-server it starts."""

import shlex

from kvdesk.export.explain import warning
from kvdesk.export.exporter import EVERY_LAYER, Exporter, Flag, Launch, folder_and_file
from kvdesk.export.llama_flags import (
    EXPRESSED,
    FIT_OFF,
    PINS,
    command,
    option_flags,
    server_warnings,
    why,
)
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import BY_NAME
from kvdesk.plan.parse import write_value

# Our name and its flag (modules/shared.py). Everything else goes into --extra-flags, which come last and win.
VALUES: dict[str, str] = {
    "n_gpu_layers": "--gpu-layers",
    "ctx_size": "--ctx-size",
    "batch_size": "--batch-size",
    "ubatch_size": "--ubatch-size",
    "threads": "--threads",
    "threads_batch": "--threads-batch",
    "tensor_split": "--tensor-split",
    "split_mode": "--split-mode",
    "parallel": "--parallel",
}
SWITCHES: dict[str, tuple[object, str]] = {  # our name, the value that needs the switch, the switch
    "cpu_moe": (True, "--cpu-moe"),
    "kv_offload": (False, "--no-kv-offload"),
    "mmap": (False, "--no-mmap"),
    "mlock": (True, "--mlock"),
}
_ALWAYS = frozenset({"n_gpu_layers", "batch_size", "ubatch_size", "parallel"})
_EXTRA = "What its own flags cannot say, for llama-server itself: the last word counts."


def extra(launch: Launch) -> tuple[Flag, ...]:
    """The flags for llama-server itself. Raises ExportError as `option_flags` does."""
    said = frozenset(VALUES) | frozenset(SWITCHES)
    without = said - {"ctx_size"} if not launch.options.ctx_size else said
    pins = tuple(pin for pin in PINS if pin is not FIT_OFF)  # --gpu-layers turns fitting off already
    return (*option_flags(launch, without), *pins)


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of a launch. Raises ExportError as `option_flags` does."""
    options = launch.options
    folder, name = folder_and_file(launch.model)
    found = [Flag(("--model", name), "The model.")]
    if folder:
        found.append(Flag(("--model-dir", folder), "The folder where the model is."))
    found.append(Flag(("--loader", "llama.cpp"), "The loader for GGUF files."))
    for option, flag in VALUES.items():
        row, value = BY_NAME[option], getattr(options, option)
        if option == "n_gpu_layers" and value < 0:
            value = EVERY_LAYER
        if option in _ALWAYS or value != row.default:
            found.append(Flag((flag, write_value(row, value)), why(row)))
    for option, (value, flag) in SWITCHES.items():
        if getattr(options, option) == value:
            found.append(Flag((flag,), why(BY_NAME[option])))
    words = shlex.join(word for flag in extra(launch) for word in flag.words)
    return (*found, Flag(("--extra-flags", words), _EXTRA))


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What its llama-server cannot be told."""
    found = server_warnings(launch)
    if not launch.model.startswith(("http://", "https://")):
        return found
    return (
        *found,
        warning(
            "model",
            Phrase("text-generation-webui takes files of its model folder, not addresses."),
            Phrase("Download the file first."),
        ),
    )


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    return command("python server.py", shell, flags(launch), warnings(launch), "text-generation-webui 4")


EXPORTER = Exporter(
    "text-generation-webui",
    "text-generation-webui",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="text-generation-webui",
    uses_shell=True,
)
