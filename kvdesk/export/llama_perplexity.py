"""A llama-perplexity command: how well a cache type keeps what a model knows, at the planned memory."""

from kvdesk.export.explain import warning
from kvdesk.export.exporter import Exporter, Flag, Launch, context_tokens
from kvdesk.export.llama_flags import (
    EXPRESSED,
    FIT_OFF,
    batch_outputs_warning,
    command,
    lost_warnings,
    model_flag,
    option_flags,
)
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase

# The program takes as many sequences as contexts fit into a batch, and gives each a part (perplexity.cpp).
WITHOUT = frozenset({"parallel", "kv_unified", "ctx_size"})
TEXT = "text-to-measure.txt"


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of a launch. Raises ExportError as `option_flags` does."""
    tokens = context_tokens(launch)
    context = (Flag(("--ctx-size", str(tokens)), "Tokens of context; this program needs a number."),)
    return (
        model_flag(launch.model),
        Flag(("--file", TEXT), "The text whose perplexity is measured; name yours."),
        *(context if tokens else ()),
        *option_flags(launch, WITHOUT),
        FIT_OFF,
    )


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What a llama-perplexity command cannot say, or does differently."""
    found = [*batch_outputs_warning(launch, "llama-perplexity")]
    tokens = context_tokens(launch)
    if tokens and launch.options.batch_size // tokens > 1:
        found.append(
            warning(
                "batch_size",
                Phrase(
                    "A batch holds {count} contexts, and llama-perplexity keeps a cache for each.",
                    count=launch.options.batch_size // tokens,
                ),
                Phrase("A batch as long as the context keeps one."),
            )
        )
    return (*found, *lost_warnings(launch, "llama-perplexity", EXPORTER.expresses))


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    return command("llama-perplexity", shell, flags(launch), warnings(launch))


EXPORTER = Exporter(
    "llama-perplexity",
    "llama-perplexity (llama.cpp)",
    flags,
    render,
    warnings,
    (EXPRESSED - WITHOUT) | {"ctx_size"},
    group="llama.cpp",
    file_name="llama-perplexity",
    uses_shell=True,
)
