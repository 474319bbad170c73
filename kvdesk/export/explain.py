"""What stands beside an exported command: why each flag is there, and what the target does not do."""

from collections.abc import Sequence

from kvdesk.export.exporter import Flag, Launch
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import OPTIONS
from kvdesk.plan.parse import flag_of, write_value

# Stands for the home directory where nothing expands ~; the reader fills it in.
HOME = "YOUR_HOME"


def comment(mark: str, title: str, flags: Sequence[Flag], warnings: Sequence[Refusal]) -> str:
    """A block of comments: what this is, a table of flags, and the warnings."""
    lines = [
        title,
        *(f"  {line}" for line in table(flags)),
        *(f"Note: {warning.message} {warning.hint}".rstrip() for warning in warnings),
    ]
    return "".join(f"{mark} {line}\n" for line in lines)


def table(flags: Sequence[Flag], widest: int = 26) -> list[str]:
    """A line for each flag: how it is written, in `widest` columns at most, and why it is there."""
    width = min(max((len(" ".join(flag.words)) for flag in flags), default=0), widest)
    return [f"{' '.join(flag.words):<{width}}  {flag.why}" for flag in flags]


def warning(option: str, message: Phrase, hint: Phrase) -> Refusal:
    """One thing that the target does otherwise."""
    return Refusal(option, message, hint, is_warning=True)


def lost(launch: Launch, program: str, expresses: frozenset[str]) -> tuple[Refusal, ...]:
    """Options that were set and that a target has no word for. Outputs count only where they were chosen."""
    return tuple(
        warning(
            row.name,
            Phrase(
                "{program} has nothing for {flag} {value}.", program=program, flag=flag_of(row), value=said
            ),
            Phrase("It does there what it does by itself, and may take other memory."),
        )
        for row in OPTIONS
        if row.name not in expresses
        and (value := getattr(launch.options, row.name)) != row.default
        and (said := write_value(row, value)) is not None
    )


def fill_in_home(launch: Launch, program: str) -> tuple[Refusal, ...]:
    """Say that the reader has to write the home directory, where the model is below it."""
    if not launch.model.startswith(("~/", "~\\")):
        return ()
    return (
        warning(
            "model",
            Phrase("{program} does not know ~ for the home directory.", program=program),
            Phrase("Write yours for {placeholder} in the model's path.", placeholder=HOME),
        ),
    )
