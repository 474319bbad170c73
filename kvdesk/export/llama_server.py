"""A llama-server command that uses the memory that was planned, whatever that program's defaults are."""

from kvdesk.errors import ExportError
from kvdesk.export.exporter import Exporter, Flag, Launch
from kvdesk.export.shells import Shell, join
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import OPTIONS, OptionRow
from kvdesk.plan.parse import flag_of, write_value

WRITTEN_FOR = "llama.cpp as carried by llama-cpp-python 0.3.36"

# Written even at their defaults: the target chooses some of them itself (four slots, a unified cache), reads
# others from its configuration files or environment, and all of them decide how much memory it takes.
_PINNED = frozenset(
    {
        "ctx_size",
        "cache_type_k",
        "cache_type_v",
        "n_gpu_layers",
        "flash_attn",
        "batch_size",
        "ubatch_size",
        "parallel",
        "kv_unified",
        "kv_offload",
    }
)

# What llama-server does with memory unasked, switched off: common_params in common/common.h.
PINS: tuple[Flag, ...] = (
    Flag(("--fit", "off"), "Without it llama-server lowers the context or moves layers to the CPU unasked."),
    Flag(("--cache-ram", "0"), "Otherwise up to 8 GiB of host memory keep the prompts of earlier requests."),
    Flag(("--ctx-checkpoints", "0"), "Otherwise up to 32 copies of window and recurrent state a slot."),
    Flag(("--no-context-shift",), "A full context ends the answer instead of silently dropping its middle."),
)

# llama_load_mode by (mmap, mlock); llama.cpp's own default, auto, maps the file wherever a device allows it.
LOAD_MODES: dict[tuple[bool, bool], str] = {
    (True, False): "auto",
    (False, False): "none",
    (True, True): "mmap+mlock",
    (False, True): "mlock",
}


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of a launch: RPC servers first, the option table in its order, then the pins.

    RPC comes first because llama.cpp looks up the names of -dev and -ot when it reads them.
    Raises ExportError for an override whose pattern llama.cpp would split at its comma.
    """
    options = launch.options
    model = "--model-url" if launch.model.startswith(("http://", "https://")) else "--model"
    written = [Flag((model, launch.model), "The model.")]
    rows = sorted(OPTIONS, key=lambda row: row.name != "rpc")
    written += [flag for row in rows if (flag := _flag(row, getattr(options, row.name)))]
    if (mode := LOAD_MODES[options.mmap, options.mlock]) != "auto":
        written.append(Flag(("--load-mode", mode), "Whether the file is mapped, and locked in memory."))
    return (*written, *PINS)


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What a llama-server command cannot say, or does differently."""
    options = launch.options
    found: list[Refusal] = []
    if options.n_outputs_max not in {None, options.parallel}:
        found.append(
            Refusal(
                "n_outputs_max",
                Phrase("llama-server keeps the logits of one token a slot; another number cannot be set."),
                Phrase("Its compute buffer is then smaller than the plan's."),
                is_warning=True,
            )
        )
    if launch.shape is not None and any(
        layer.window_tokens or layer.recurrent_values or layer.conv_values for layer in launch.shape.layers
    ):
        found.append(
            Refusal(
                "ctx_checkpoints",
                Phrase(
                    "After an edit of the conversation llama-server reads this model's whole prompt again."
                ),
                Phrase("--ctx-checkpoints 8 avoids it for some more host memory."),
                is_warning=True,
            )
        )
    return tuple(found)


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    found = flags(launch)
    width = min(max(len(" ".join(flag.words)) for flag in found[1:]), 26)
    lines = [
        f"llama-server, flags of {WRITTEN_FOR}.",
        *(f"  {' '.join(flag.words):<{width}}  {flag.why}" for flag in found[1:]),
        *(f"Note: {warning.message} {warning.hint}" for warning in warnings(launch)),
    ]
    comments = "\n".join(f"{shell.comment} {line}" for line in lines)
    return f"{comments}\n{join(shell, [('llama-server',), *(flag.words for flag in found)])}\n"


def _flag(row: OptionRow, value: object) -> Flag | None:
    if row.spec.is_own or (value == row.default and row.name not in _PINNED):
        return None
    if value == "" or value == ():
        return None  # what stands in the model, or what llama.cpp finds by itself
    if row.name == "override_tensor":
        _check_commas(value)
    why = f"{row.spec.help.split('. ')[0].removesuffix('.')}."
    if row.value_type is not bool:
        return Flag((flag_of(row), write_value(row, value)), why)
    if value:
        return Flag((flag_of(row),), why)
    return Flag((row.spec.off_flags[-1],), f"Off: {why}") if row.spec.off_flags else None


def _check_commas(overrides: object) -> None:
    assert isinstance(overrides, tuple)
    for item in overrides:
        if "," in item:
            raise ExportError(
                "The override “{item}” has a comma, where llama.cpp splits its list.",
                "Write the pattern without one: (a|b) instead of {{1,2}}.",
                item=item,
            )


EXPORTER = Exporter("llama-server", "llama-server (llama.cpp)", flags, render, warnings)
