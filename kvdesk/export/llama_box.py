"""A llama-box command, for GPUStack before its second version; the program is no longer developed."""

from kvdesk.export.explain import lost, warning
from kvdesk.export.exporter import EVERY_LAYER, Exporter, Flag, Launch
from kvdesk.export.llama_flags import check_commas, command, why
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import OPTIONS
from kvdesk.plan.parse import flag_of, write_value

# Flags of llama.cpp's that llama-box took over with their values, and its switches.
VALUES: dict[str, str] = {
    "ctx_size": "--ctx-size",
    "cache_type_k": "--cache-type-k",
    "cache_type_v": "--cache-type-v",
    "n_gpu_layers": "--gpu-layers",
    "batch_size": "--batch-size",
    "ubatch_size": "--ubatch-size",
    "parallel": "--parallel",
    "split_mode": "--split-mode",
    "tensor_split": "--tensor-split",
    "main_gpu": "--main-gpu",
    "override_tensor": "--override-tensor",
    "threads": "--threads",
    "threads_batch": "--threads-batch",
    "rpc": "--rpc",
    **{row.name: flag_of(row) for row in OPTIONS if row.spec.group == "rope"},
}
SWITCHES: dict[str, tuple[object, str]] = {  # our name, the value that needs the switch, the switch
    "flash_attn": ("on", "--flash-attn"),
    "kv_offload": (False, "--no-kv-offload"),
    "swa_full": (True, "--swa-full"),
    "kv_unified": (True, "--kv-unified"),
    "mmap": (False, "--no-mmap"),
    "mlock": (True, "--mlock"),
}
ALWAYS = frozenset(
    {"ctx_size", "cache_type_k", "cache_type_v", "n_gpu_layers", "batch_size", "ubatch_size", "parallel"}
)
EXPRESSED = frozenset(VALUES) | frozenset(SWITCHES)


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of a launch. Raises ExportError for an override that llama.cpp would split."""
    check_commas(launch.options.override_tensor)
    found = [Flag(("--model", launch.model), "The model.")]
    for row in OPTIONS:
        value = getattr(launch.options, row.name)
        if row.name == "n_gpu_layers" and value < 0:
            value = EVERY_LAYER
        if row.name in SWITCHES and value == SWITCHES[row.name][0]:
            found.append(Flag((SWITCHES[row.name][1],), why(row)))
        elif row.name in VALUES and (row.name in ALWAYS or value != row.default):
            found.append(Flag((VALUES[row.name], write_value(row, value)), why(row)))
    return tuple(found)


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What llama-box cannot be told."""
    found = list(lost(launch, "llama-box", EXPRESSED))
    if launch.options.flash_attn == "auto":
        found.append(
            warning(
                "flash_attn",
                Phrase("llama-box has flash attention on or off, and here it is off."),
                Phrase(
                    "Choose on: a quantised V cache needs it, and without it the compute buffer is larger."
                ),
            )
        )
    return tuple(found)


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    return command("llama-box", shell, flags(launch), warnings(launch), "its last releases")


EXPORTER = Exporter(
    "llama-box",
    "llama-box (no longer developed)",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="llama-box",
    uses_shell=True,
)
