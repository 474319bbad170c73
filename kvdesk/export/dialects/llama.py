"""llama.cpp's own flags, environment variables and preset keys, as common/arg.cpp and common/preset.cpp read
them.
"""

from collections.abc import Iterable, Mapping

from kvdesk.errors import OptionError
from kvdesk.export.dialects.imported import Imported, Reading, is_flag
from kvdesk.export.llama_flags import LOAD_MODES, PINS
from kvdesk.phrases import Phrase
from kvdesk.plan.options import BY_NAME, OPTIONS, OptionRow
from kvdesk.plan.parse import flag_of, read_value

_MODEL_FLAGS = frozenset({"-m", "--model", "-mu", "--model-url"})
_LOAD_MODE_FLAGS = frozenset({"-lm", "--load-mode"})
_MINUS_ONE_CHOOSES = frozenset({"parallel", "threads", "threads_batch"})
_PINS = frozenset(flag.words for flag in PINS)
_PIN_ALIASES = {
    "-fit": "--fit",
    "-cram": "--cache-ram",
    "-ctxcp": "--ctx-checkpoints",
    "--swa-checkpoints": "--ctx-checkpoints",
}
_ROWS = {flag: row for row in OPTIONS for flag in (*row.spec.flags, *row.spec.off_flags)}

# The flag that a variable stands for; set_env in arg.cpp. Most are named after the field.
_NO_VARIABLE = frozenset({"threads_batch", "op_offload", "n_outputs_max"})
_OTHER_NAMES = {
    "batch_size": "BATCH",
    "ubatch_size": "UBATCH",
    "parallel": "N_PARALLEL",
    "rope_scaling": "ROPE_SCALING_TYPE",
}
VARIABLES: dict[str, str] = {
    f"LLAMA_ARG_{_OTHER_NAMES.get(row.name, row.name.upper())}": flag_of(row)
    for row in OPTIONS
    if row.name not in _NO_VARIABLE
} | {
    "LLAMA_ARG_MODEL": "--model",
    "LLAMA_ARG_MODEL_URL": "--model-url",
    "LLAMA_ARG_HF_REPO": "--hf-repo",
    "LLAMA_ARG_LOAD_MODE": "--load-mode",
    "LLAMA_ARG_FIT": "--fit",
    "LLAMA_ARG_CACHE_RAM": "--cache-ram",
    "LLAMA_ARG_CTX_CHECKPOINTS": "--ctx-checkpoints",
    "LLAMA_ARG_CONTEXT_SHIFT": "--context-shift",
}
_KNOWN_FLAGS = {flag.lstrip("-"): flag for flag in (*_ROWS, *_MODEL_FLAGS, *_LOAD_MODE_FLAGS, *_PIN_ALIASES)}
_SWITCHES = {"--context-shift": "--no-context-shift", "--no-context-shift": "--context-shift"}
_FALSE = frozenset({"off", "disabled", "false", "0", "no"})


def read_words(target: str, words: Iterable[str], variables: Mapping[str, str]) -> Imported:
    """Read a command's words after its program; what the environment says is overruled by them."""
    said, foreign = words_of_variables(variables)
    reading = Reading.of([*said, *words])
    reading.unknown += foreign
    while reading.words:
        _read_word(reading)
    if target == "llama-server":
        _as_server(reading)
    elif target == "llama-perplexity":
        _as_perplexity(reading)
    elif target == "llama-box":
        reading.default(flash_attn="off")  # a switch there
        reading.as_every_layer()
    return reading.imported(target)


def words_of_variables(variables: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The flags that the variables stand for, and those that are none of llama.cpp's."""
    words: list[str] = []
    foreign: list[str] = []
    for name, value in variables.items():
        positive = name.replace("LLAMA_ARG_NO_", "LLAMA_ARG_", 1)
        if name in VARIABLES:
            words += _words_of(VARIABLES[name], value)
        elif positive != name and positive in VARIABLES:
            words += _words_of(VARIABLES[positive], "0")  # get_value_from_env: whatever its value
        else:
            foreign.append(f"{name}={value}")
    return words, foreign


def words_of_preset(keys: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The flags that a preset's keys stand for (flags without dashes, or variables), and the other keys."""
    words: list[str] = []
    foreign: list[str] = []
    for key, value in keys.items():
        flag = _KNOWN_FLAGS.get(key) or next(
            (f"--{name}" for name in ("fit", "cache-ram", "ctx-checkpoints") if key == name), ""
        )
        if not flag and f"--{key}" in _SWITCHES:
            flag = f"--{key}"
        if flag:
            words += _words_of(flag, value)
        elif key.startswith("LLAMA_ARG_"):
            said, others = words_of_variables({key: value})
            words += said
            foreign += others
        else:
            foreign.append(f"{key} = {value}")
    return words, foreign


def _words_of(flag: str, value: str) -> list[str]:
    """A flag and its value as a command has them: a switch is the flag or its negative form alone."""
    row = _ROWS.get(flag)
    is_off = value.strip().lower() in _FALSE
    if flag in _SWITCHES:
        return [_SWITCHES[flag] if is_off else flag]
    if row is None or row.value_type is not bool:
        return [flag, value]
    if flag in row.spec.off_flags:
        return [row.spec.flags[-1] if is_off else flag]
    if not is_off:
        return [flag]
    return [row.spec.off_flags[-1]] if row.spec.off_flags else []


def _read_word(reading: Reading) -> None:
    word = reading.words.popleft()
    if not is_flag(word):
        reading.unknown.append(word)
        return
    flag, has_value, value = word.partition("=")
    if flag.startswith("--"):
        flag = flag.replace("_", "-")  # as common_params_parse_ex does
    if has_value:
        reading.words.appendleft(value)
    if flag in _MODEL_FLAGS:
        reading.model = reading.value(flag)
    elif flag in _LOAD_MODE_FLAGS:
        read_load_mode(reading, flag, reading.value(flag))
    elif flag in _ROWS:
        _read_row(reading, _ROWS[flag], flag, has_value=bool(has_value))
    else:
        _read_other(reading, flag)


def _read_row(reading: Reading, row: OptionRow, flag: str, has_value: bool) -> None:
    value: object
    if flag in row.spec.off_flags:
        value = False
    elif row.value_type is bool and not has_value:
        value = True
    elif row.name == "flash_attn" and not has_value and not _is_value(row, reading.next_words(1)):
        value = "on"  # until August 2025 -fa was a switch
    else:
        text = reading.value(flag)
        if text == "-1" and row.name in _MINUS_ONE_CHOOSES:
            reading.values.pop(row.name, None)  # llama.cpp chooses, as if the flag were not there
            return
        value = read_value(row, text)
    if row.name == "override_tensor" and isinstance(value, tuple):
        before = reading.values.get(row.name)
        value = (*(before if isinstance(before, tuple) else ()), *value)  # llama.cpp adds up every -ot
    reading.values[row.name] = value


def read_load_mode(reading: Reading, flag: str, mode: str) -> None:
    """Take llama.cpp's one word for mapping and locking apart."""
    for (mmap, mlock), name in LOAD_MODES.items():
        if mode in {name, "mmap" if name == "auto" else name}:
            reading.values |= {"mmap": mmap, "mlock": mlock}
            return
    reading.unknown.append(f"{flag} {mode}")


def _read_other(reading: Reading, flag: str) -> None:
    name = _PIN_ALIASES.get(flag, flag)
    for pin in _PINS:
        if pin == (name, *reading.next_words(len(pin) - 1)):
            for _ in pin[1:]:
                reading.words.popleft()
            reading.pins.add(pin)
            return
    takes_value = reading.words and not is_flag(reading.words[0])
    reading.unknown.append(f"{flag} {reading.words.popleft()}" if takes_value else flag)


def _as_server(reading: Reading) -> None:
    """Fill in what llama-server decides by itself, and say what may still differ."""
    if "parallel" not in reading.values:
        reading.default(parallel=4)
        reading.values["kv_unified"] = True  # server.cpp: n_parallel is set to auto
        reading.notes.append(
            Phrase("Without --parallel llama-server takes 4 slots with one cache for all of them.")
        )
    if ("--fit", "off") not in reading.pins:
        reading.notes.append(
            Phrase("Without --fit off llama-server may lower the context or move layers to the CPU.")
        )
    if ("--cache-ram", "0") not in reading.pins:
        reading.notes.append(
            Phrase("Earlier prompts are kept in host memory, by default up to 8 GiB (--cache-ram).")
        )


def _as_perplexity(reading: Reading) -> None:
    """Its context is one chunk; as many as a batch holds are read at once (perplexity.cpp, main)."""
    reading.default(ctx_size=512, batch_size=BY_NAME["batch_size"].default)
    chunk, batch = reading.values["ctx_size"], reading.values["batch_size"]
    assert isinstance(chunk, int)
    assert isinstance(batch, int)
    if chunk == 0:
        raise OptionError("llama-perplexity needs a context.", "Write one with --ctx-size, such as 512.")
    chunks = min(max(1, batch // chunk), 256)
    reading.default(n_outputs_max=0)  # it asks for the scores of every token
    reading.values |= {"parallel": chunks, "ctx_size": chunks * chunk}
    reading.values["batch_size"] = min(batch, chunks * chunk)
    if chunks > 1:
        reading.notes.append(
            Phrase(
                "llama-perplexity reads {count} chunks of {tokens} tokens at once, as many as fill a batch.",
                count=chunks,
                tokens=chunk,
            )
        )


def _is_value(row: OptionRow, words: tuple[str, ...]) -> bool:
    try:
        return bool(words) and read_value(row, words[0]) is not None
    except OptionError:
        return False
