"""The option table as the flags of common/arg.cpp, for every program that reads its arguments with it."""

from collections.abc import Sequence

from kvdesk.errors import ExportError
from kvdesk.export.explain import comment, lost, warning
from kvdesk.export.exporter import Flag, Launch, is_url
from kvdesk.export.shells import Shell, join
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import OPTIONS, OptionRow
from kvdesk.plan.parse import flag_of, write_value

WRITTEN_FOR = "llama.cpp as carried by llama-cpp-python 0.3.36"

# Every option but the outputs, which llama.cpp's programs derive; mmap and mlock are one --load-mode.
EXPRESSED = frozenset(row.name for row in OPTIONS) - {"n_outputs_max"}

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

FIT_OFF = Flag(("--fit", "off"), "Without it the context is lowered or layers are moved to the CPU unasked.")
NO_SHIFT = Flag(
    ("--no-context-shift",), "A full context ends the answer instead of silently dropping its middle."
)

# What llama-server does with memory unasked, switched off: common_params in common/common.h.
PINS: tuple[Flag, ...] = (
    FIT_OFF,
    Flag(("--cache-ram", "0"), "Otherwise up to 8 GiB of host memory keep the prompts of earlier requests."),
    Flag(("--ctx-checkpoints", "0"), "Otherwise up to 32 copies of window and recurrent state a slot."),
    NO_SHIFT,
)

# llama_load_mode by (mmap, mlock); llama.cpp's own default, auto, maps the file wherever a device allows it.
LOAD_MODES: dict[tuple[bool, bool], str] = {
    (True, False): "auto",
    (False, False): "none",
    (True, True): "mmap+mlock",
    (False, True): "mlock",
}


def model_flag(model: str) -> Flag:
    """The flag that names the model."""
    return Flag(("--model-url" if is_url(model) else "--model", model), "The model.")


def option_flags(launch: Launch, without: frozenset[str] = frozenset()) -> tuple[Flag, ...]:
    """The flags of the options: RPC servers first, the option table in its order, then the load mode.

    RPC comes first because llama.cpp looks up the names of -dev and -ot when it reads them.
    Raises ExportError for an override whose pattern llama.cpp would split at its comma.
    """
    options = launch.options
    rows = [row for row in sorted(OPTIONS, key=lambda row: row.name != "rpc") if row.name not in without]
    written = [flag for row in rows if (flag := _flag(row, getattr(options, row.name)))]
    mode = LOAD_MODES[options.mmap, options.mlock]
    if mode != "auto" and not {"mmap", "mlock"} & without:
        written.append(Flag(("--load-mode", mode), "Whether the file is mapped, and locked in memory."))
    return tuple(written)


def server_flags(launch: Launch) -> tuple[Flag, ...]:
    """What llama-server is told apart from its model: all options, and the pins."""
    return (*option_flags(launch), *PINS)


def outputs_warning(launch: Launch, program: str) -> tuple[Refusal, ...]:
    """Programs on the server's context keep the logits of one token a slot (server-context.cpp)."""
    if launch.options.n_outputs_max in {None, launch.options.parallel}:
        return ()
    return (
        warning(
            "n_outputs_max",
            Phrase(
                "{program} keeps the logits of one token a slot; another number cannot be set.",
                program=program,
            ),
            Phrase("Its compute buffer is then smaller than the plan's."),
        ),
    )


def checkpoint_warning(launch: Launch, program: str) -> tuple[Refusal, ...]:
    """Without checkpoints a model with windows or recurrent state cannot go back to an earlier token."""
    if launch.shape is None or not any(
        layer.window_tokens or layer.recurrent_values or layer.conv_values for layer in launch.shape.layers
    ):
        return ()
    return (
        warning(
            "ctx_checkpoints",
            Phrase(
                "After an edit of the conversation {program} reads this model's whole prompt again.",
                program=program,
            ),
            Phrase("--ctx-checkpoints 8 avoids it for some more host memory."),
        ),
    )


def server_warnings(launch: Launch, program: str = "llama-server") -> tuple[Refusal, ...]:
    """What llama-server, or what runs it, cannot be told or does differently."""
    return (*outputs_warning(launch, program), *checkpoint_warning(launch, program))


def batch_outputs_warning(launch: Launch, program: str) -> tuple[Refusal, ...]:
    """Programs that set no number of outputs keep the logits of a whole batch (llama_context)."""
    if launch.options.n_outputs_max == 0:
        return ()
    return (
        warning(
            "n_outputs_max",
            Phrase("{program} keeps the logits of a whole batch.", program=program),
            Phrase("Its compute buffer is larger than the plan's; --n-outputs-max 0 plans it."),
        ),
    )


def command(
    program: str,
    shell: Shell,
    found: Sequence[Flag],
    warnings: Sequence[Refusal],
    flags_of: str = WRITTEN_FOR,
) -> str:
    """A command for a shell, below comments that explain each flag after the first, which is the model."""
    text = comment(shell.comment, f"{program}, flags of {flags_of}.", found[1:], warnings)
    return f"{text}{join(shell, [tuple(program.split()), *(flag.words for flag in found)])}\n"


def lost_warnings(launch: Launch, program: str, expresses: frozenset[str]) -> tuple[Refusal, ...]:
    """What llama.cpp's own programs have no flag for; the outputs have sentences of their own."""
    return lost(launch, program, expresses | {"n_outputs_max"})


def why(row: OptionRow) -> str:
    """The reason for an option's flag: the first sentence of its help."""
    return f"{row.spec.help.split('. ')[0].removesuffix('.')}."


def check_commas(overrides: Sequence[str]) -> None:
    """Raise ExportError for an override that llama.cpp would split at its comma."""
    for item in overrides:
        if "," in item:
            raise ExportError(
                "The override “{item}” has a comma, where llama.cpp splits its list.",
                "Write the pattern without one: (a|b) instead of {{1,2}}.",
                item=item,
            )


def _flag(row: OptionRow, value: object) -> Flag | None:
    if row.spec.is_own or (value == row.default and row.name not in _PINNED):
        return None
    if value == "" or value == ():
        return None  # what stands in the model, or what llama.cpp finds by itself
    if row.name == "override_tensor":
        assert isinstance(value, tuple)
        check_commas(value)
    if row.value_type is not bool:
        return Flag((flag_of(row), write_value(row, value)), why(row))
    if value:
        return Flag((flag_of(row),), why(row))
    return Flag((row.spec.off_flags[-1],), f"Off: {why(row)}") if row.spec.off_flags else None
