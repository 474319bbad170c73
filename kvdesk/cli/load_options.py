"""One flag for every row of the option table, the same in every command that loads or plans a model."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Annotated, Any

import msgspec
import typer

from kvdesk.cli.texts import t
from kvdesk.plan.options import OPTIONS, LoadOptions, OptionRow
from kvdesk.plan.parse import read_value, write_value
from kvdesk.plan.sampling import SAMPLER_OPTIONS, SamplerRow, Sampling

Command = Callable[..., Any]


def with_load_options(*excluded: str) -> Callable[[Command], Command]:
    """Give a command the flags of the table; it receives a `LoadOptions` as `options`.

    A row named in `excluded` is left to the command's own signature.
    """
    rows = [row for row in OPTIONS if row.name not in excluded]

    def collect(given: dict[str, Any]) -> LoadOptions:
        values = {row.name: _value(row, given[row.name]) for row in rows if given[row.name] is not None}
        return msgspec.structs.replace(LoadOptions(), **values)

    return _with_flags("options", [_parameter(row) for row in rows], collect)


def with_sampling() -> Callable[[Command], Command]:
    """Give a command the sampler's flags; it receives a `Sampling` as `sampling`."""

    def collect(given: dict[str, Any]) -> Sampling:
        return msgspec.structs.replace(Sampling(), **_given(given))

    return _with_flags("sampling", [_sampler_parameter(row) for row in SAMPLER_OPTIONS], collect)


def with_sampling_changes() -> Callable[[Command], Command]:
    """The same flags, for a command that begins with a preset: as `sampling` it receives what was given."""
    return _with_flags("sampling", [_sampler_parameter(row) for row in SAMPLER_OPTIONS], _given)


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value is not None}


def _with_flags(
    name: str, parameters: Iterable[inspect.Parameter], collect: Callable[[dict[str, Any]], object]
) -> Callable[[Command], Command]:
    """Replace a command's parameter `name` by `parameters`, from which `collect` makes its value."""
    flags = {parameter.name: parameter for parameter in parameters}

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(**arguments: Any) -> Any:
            given = {flag: arguments.pop(flag) for flag in flags}
            return command(**arguments, **{name: collect(given)})

        kept = [p for p in inspect.signature(command).parameters.values() if p.name != name]
        signature = inspect.Signature([*kept, *flags.values()])
        # typer reads both, and would otherwise follow __wrapped__ to the parameter that was replaced.
        run.__signature__ = signature  # type: ignore[attr-defined]  # functions may have one
        run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        del run.__wrapped__
        return run

    return decorate


def _parameter(row: OptionRow) -> inspect.Parameter:
    spec = row.spec
    is_switch = row.value_type is bool
    words = _switch_words(row) if is_switch else spec.flags
    kind: object = bool | None if is_switch else str | None
    option = typer.Option(
        *words,
        help=f"{t(spec.help)} {_default(row)}".strip(),
        metavar=None if is_switch else _metavar(row),
        show_default=False,
    )
    return _keyword(row.name, Annotated[kind, option])


def _switch_words(row: OptionRow) -> tuple[str, ...]:
    """A switch as typer declares it: "--on/--off" pairs, the long ones first, and " /-x" for a lone off."""
    on, off = row.spec.flags[::-1], row.spec.off_flags[::-1]
    pairs = [f"{positive}/{negative}" for positive, negative in zip(on, off, strict=False)]
    return (*pairs, *on[len(off) :], *(f" /{negative}" for negative in off[len(on) :]))


def _sampler_parameter(row: SamplerRow) -> inspect.Parameter:
    option = typer.Option(
        *row.spec.flags,
        help=f"{t(row.spec.help)} {t('(default: {value})', value=row.default)}",
        min=row.spec.minimum,
        max=row.spec.maximum,
        show_default=False,
    )
    kind: object = int | None if row.value_type is int else float | None
    return _keyword(row.name, Annotated[kind, option])


def _keyword(name: str, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _value(row: OptionRow, given: object) -> object:
    return given if isinstance(given, bool) else read_value(row, str(given))


def _metavar(row: OptionRow) -> str:
    if row.choices:
        return "|".join(choice for choice in row.choices if choice) if len(row.choices) < 5 else "TYPE"
    if row.value_type is tuple:
        return "A,B,..."
    return "N"


def _default(row: OptionRow) -> str:
    if row.default in (None, "", (), 0.0, -1.0) and row.name != "main_gpu":
        return ""  # the help says what happens then
    return t("(default: {value})", value=write_value(row, row.default))
