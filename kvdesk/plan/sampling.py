"""How the next token is chosen: one row per sampler setting, with llama.cpp's names and defaults."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, get_args, get_type_hints

import msgspec

from kvdesk.errors import OptionError

SamplerGroup = Literal["choice", "repetition", "answer"]


class SamplerOption(msgspec.Struct, frozen=True, kw_only=True):
    """How a sampler setting is written and explained; name, type and default are the field's own."""

    flags: tuple[str, ...]
    group: SamplerGroup
    label: str
    help: str
    minimum: float
    maximum: float


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """Sampler settings of one chat. Defaults are llama-server's (common_params_sampling)."""

    temperature: Annotated[
        float,
        SamplerOption(
            flags=("--temp", "--temperature"),
            group="choice",
            label="Temperature",
            help="0 always takes the likeliest token.",
            minimum=0,
            maximum=5,
        ),
    ] = 0.8
    top_k: Annotated[
        int,
        SamplerOption(
            flags=("--top-k",),
            group="choice",
            label="Top-k",
            help="Only the k likeliest tokens; 0 for all.",
            minimum=0,
            maximum=1000,
        ),
    ] = 40
    top_p: Annotated[
        float,
        SamplerOption(
            flags=("--top-p",),
            group="choice",
            label="Top-p",
            help="The likeliest tokens that together have this probability.",
            minimum=0,
            maximum=1,
        ),
    ] = 0.95
    min_p: Annotated[
        float,
        SamplerOption(
            flags=("--min-p",),
            group="choice",
            label="Min-p",
            help="Only tokens at least this likely relative to the likeliest.",
            minimum=0,
            maximum=1,
        ),
    ] = 0.05
    typical_p: Annotated[
        float,
        SamplerOption(
            flags=("--typical", "--typical-p"),
            group="choice",
            label="Typical",
            help="Locally typical sampling; 1 turns it off.",
            minimum=0,
            maximum=1,
        ),
    ] = 1.0
    xtc_probability: Annotated[
        float,
        SamplerOption(
            flags=("--xtc-probability",),
            group="choice",
            label="XTC probability",
            help="How often the likeliest tokens are left out; 0 turns it off.",
            minimum=0,
            maximum=1,
        ),
    ] = 0.0
    xtc_threshold: Annotated[
        float,
        SamplerOption(
            flags=("--xtc-threshold",),
            group="choice",
            label="XTC threshold",
            help="Tokens above this probability may be left out.",
            minimum=0,
            maximum=1,
        ),
    ] = 0.1
    dry_multiplier: Annotated[
        float,
        SamplerOption(
            flags=("--dry-multiplier",),
            group="repetition",
            label="DRY",
            help="Penalty for repeating a sequence; 0 turns it off.",
            minimum=0,
            maximum=5,
        ),
    ] = 0.0
    dry_base: Annotated[
        float,
        SamplerOption(
            flags=("--dry-base",),
            group="repetition",
            label="DRY base",
            help="How fast that penalty grows with the sequence's length.",
            minimum=1,
            maximum=4,
        ),
    ] = 1.75
    dry_allowed_length: Annotated[
        int,
        SamplerOption(
            flags=("--dry-allowed-length",),
            group="repetition",
            label="DRY length",
            help="Repeats up to this length are free.",
            minimum=0,
            maximum=100,
        ),
    ] = 2
    dry_penalty_last_n: Annotated[
        int,
        SamplerOption(
            flags=("--dry-penalty-last-n",),
            group="repetition",
            label="DRY range",
            help="How many tokens back it looks; -1 for the context.",
            minimum=-1,
            maximum=1_000_000,
        ),
    ] = -1
    repeat_penalty: Annotated[
        float,
        SamplerOption(
            flags=("--repeat-penalty",),
            group="repetition",
            label="Repeat penalty",
            help="Divides the logits of recent tokens; 1 turns it off.",
            minimum=0,
            maximum=3,
        ),
    ] = 1.0
    presence_penalty: Annotated[
        float,
        SamplerOption(
            flags=("--presence-penalty",),
            group="repetition",
            label="Presence penalty",
            help="Subtracted once for a token that occurred.",
            minimum=-2,
            maximum=2,
        ),
    ] = 0.0
    frequency_penalty: Annotated[
        float,
        SamplerOption(
            flags=("--frequency-penalty",),
            group="repetition",
            label="Frequency penalty",
            help="Subtracted for each time a token occurred.",
            minimum=-2,
            maximum=2,
        ),
    ] = 0.0
    repeat_last_n: Annotated[
        int,
        SamplerOption(
            flags=("--repeat-last-n",),
            group="repetition",
            label="Penalty range",
            help="How many tokens back the penalties look; -1 for the context.",
            minimum=-1,
            maximum=1_000_000,
        ),
    ] = 64
    seed: Annotated[
        int,
        SamplerOption(
            flags=("-s", "--seed"),
            group="answer",
            label="Seed",
            help="The same seed gives the same answer; -1 takes a new one each time.",
            minimum=-1,
            maximum=4_294_967_294,
        ),
    ] = -1
    max_tokens: Annotated[
        int,
        SamplerOption(
            flags=("-n", "--predict"),
            group="answer",
            label="Longest answer",
            help="Tokens; -1 until the model ends or the context is full.",
            minimum=-1,
            maximum=10_000_000,
        ),
    ] = -1


class SamplerRow(msgspec.Struct, frozen=True):
    """One row as its readers see it."""

    name: str
    value_type: type
    default: float
    spec: SamplerOption


def _rows() -> tuple[SamplerRow, ...]:
    hints = get_type_hints(Sampling, include_extras=True)
    return tuple(
        SamplerRow(f.name, *[get_args(hints[f.name])[0], f.default, get_args(hints[f.name])[1]])
        for f in msgspec.structs.fields(Sampling)
    )


SAMPLER_OPTIONS: tuple[SamplerRow, ...] = _rows()


def read_sampler(row: SamplerRow, text: str) -> float:
    """Read a value that was entered. Raises OptionError for what is no number, or beyond the limits."""
    try:
        value = row.value_type(text.strip().replace(",", ""))
    except ValueError:
        value = math.nan
    if not row.spec.minimum <= value <= row.spec.maximum:
        raise OptionError(
            "“{text}” is not a number from {least} to {most}.",
            "",
            text=text,
            least=write_sampler(row.spec.minimum),
            most=write_sampler(row.spec.maximum),
        )
    return value  # type: ignore[no-any-return]  # of the type that its row names


def write_sampler(value: float) -> str:
    """A value as it is shown, and read back."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def changed_values(sampling: Sampling) -> dict[str, float]:
    """What differs from llama.cpp's defaults, by name."""
    values = ((row.name, getattr(sampling, row.name)) for row in SAMPLER_OPTIONS)
    return {name: value for name, value in values if value != getattr(Sampling(), name)}


def sampling_of(changes: Mapping[str, object]) -> Sampling | None:
    """The inverse of `changed_values`; None where a value is not of its row. Other names are left out."""
    try:
        sampling = msgspec.convert(dict(changes), Sampling)
        for row in SAMPLER_OPTIONS:
            read_sampler(row, str(getattr(sampling, row.name)))
    except (msgspec.ValidationError, OptionError):
        return None
    return sampling
