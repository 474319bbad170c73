"""Option values from text and back: one reading for the command line, the panel and the exporters."""

import math
import re

import msgspec

from kvdesk.errors import OptionError
from kvdesk.plan.options import ALL_LAYERS, BY_NAME, LoadOptions, OptionRow
from kvdesk.units import parse_tokens

# is_truthy, is_falsey and is_autoy of common/arg.cpp, and what people type besides.
_ON = frozenset({"on", "enabled", "true", "1", "yes"})
_OFF = frozenset({"off", "disabled", "false", "0", "no"})
_AUTO = frozenset({"auto", "-1"})
# llama.cpp's -1 lets it choose and -2 takes all; with --fit off, which every export pins, both are all.
_ALL_LAYERS = frozenset({"all", "auto", "-1", "-2"})

INT32_MAX = 2**31 - 1  # std::stoi in arg.cpp


def read_value(row: OptionRow, text: str) -> object:
    """Read the value of an option as people and launch commands write it.

    Counts accept "32k"; -ngl accepts "all" and "auto"; switches accept on and off, true and false, 1 and 0;
    lists are separated by commas. Raises OptionError naming the flag and what it accepts.
    """
    text = text.strip()
    value = _read(row, text)
    check_value(row, value)
    return value


def write_value(row: OptionRow, value: object) -> str:
    """Write a value so that `read_value` returns it again, in llama.cpp's own spelling."""
    if value is None:
        return "auto"
    if row.name == "n_gpu_layers" and value == ALL_LAYERS:
        return "all"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return _write_float(value)
    if isinstance(value, tuple):
        return ",".join(_write_float(item) if isinstance(item, float) else str(item) for item in value)
    return str(value)


def check_value(row: OptionRow, value: object) -> None:
    """Raise OptionError when a value lies outside what the option accepts."""
    if row.name == "override_tensor" and isinstance(value, tuple):
        for item in value:
            _check_override(row, str(item))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if row.spec.minimum is not None and value < row.spec.minimum:
        raise OptionError(
            "{flag} cannot be {value}.",
            "The smallest value is {limit}.",
            flag=flag_of(row),
            value=write_value(row, value),
            limit=_write_float(row.spec.minimum),
        )
    limit = row.spec.maximum if row.spec.maximum is not None else INT32_MAX
    if value > limit:
        raise OptionError(
            "{flag} cannot be {value}.",
            "The largest value is {limit}.",
            flag=flag_of(row),
            value=write_value(row, value),
            limit=_write_float(limit),
        )


def read_options(texts: dict[str, str], base: LoadOptions | None = None) -> LoadOptions:
    """Read several options by name over `base` (the defaults when None). Raises OptionError."""
    values = {name: read_value(BY_NAME[name], text) for name, text in texts.items()}
    return msgspec.structs.replace(base or LoadOptions(), **values)


def flag_of(row: OptionRow) -> str:
    """The flag that messages name an option by: its long form."""
    return next(flag for flag in row.spec.flags if flag.startswith("--"))


def _read(row: OptionRow, text: str) -> object:
    if row.optional and text.lower() in {"", "auto", "default"}:
        return None
    if row.choices:
        return _read_choice(row, text)
    if row.value_type is bool:
        return _read_switch(row, text)
    if row.value_type is int:
        return _read_count(row, text)
    if row.value_type is float:
        return _read_float(row, text)
    separator = r"[,/]" if row.item_type is float else ","  # -ts takes both in arg.cpp
    parts = [part.strip() for part in re.split(separator, text)] if text else []
    if row.item_type is float:
        return tuple(_read_share(row, part) for part in parts)
    if any(not part for part in parts):
        raise OptionError(
            "“{text}” has an empty entry for {flag}.",
            "Separate the entries with single commas.",
            text=text,
            flag=flag_of(row),
        )
    return tuple(parts)


def _read_choice(row: OptionRow, text: str) -> str:
    word = text.lower()
    if row.name == "flash_attn":
        word = "on" if word in _ON else "off" if word in _OFF else "auto" if word in _AUTO else word
    if word not in row.choices:
        raise OptionError(
            "“{text}” is not a value of {flag}.",
            "Choose one of {choices}.",
            text=text,
            flag=flag_of(row),
            choices=", ".join(choice for choice in row.choices if choice),
        )
    return word


def _read_switch(row: OptionRow, text: str) -> bool:
    word = text.lower()
    if word in _ON:
        return True
    if word in _OFF:
        return False
    raise OptionError("“{text}” is not a value of {flag}.", "Write on or off.", text=text, flag=flag_of(row))


def _read_count(row: OptionRow, text: str) -> int:
    if row.name == "n_gpu_layers" and text.lower() in _ALL_LAYERS:
        return ALL_LAYERS
    if re.fullmatch(r"[+-]?\d{1,100}", text):
        return int(text)
    has_suffix = re.fullmatch(r"[\d.]+", text) is None  # "1.5" tokens are a slip, "1.5k" are 1536
    try:
        if has_suffix:
            return parse_tokens(text)
    except OptionError:
        pass
    raise OptionError(
        "“{text}” is not a value of {flag}.",
        "Write a whole number like 8192 or 32k.",
        text=text,
        flag=flag_of(row),
    )


def _read_float(row: OptionRow, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise OptionError(
            "“{text}” is not a value of {flag}.", "Write a number like 1.5.", text=text, flag=flag_of(row)
        )
    return value


def _read_share(row: OptionRow, text: str) -> float:
    value = _read_float(row, text)
    if value < 0:
        raise OptionError(
            "{flag} cannot have the share {text}.",
            "Shares are proportions such as 3,1; 0 leaves a device out.",
            flag=flag_of(row),
            text=text,
        )
    return value


def _check_override(row: OptionRow, item: str) -> None:
    pattern, _, buffer = item.partition("=")
    if not pattern or not buffer:
        raise OptionError(
            "“{item}” is not a value of {flag}.",
            "Write PATTERN=BUFFER, for example “ffn_.*_exps=CPU”.",
            item=item,
            flag=flag_of(row),
        )
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise OptionError(
            "“{pattern}” of {flag} is not a regular expression ({reason}).",
            "Quote characters such as ( and + with a backslash.",
            pattern=pattern,
            flag=flag_of(row),
            reason=str(error),
        ) from None


def _write_float(value: float) -> str:
    return repr(float(value)).removesuffix(".0")
