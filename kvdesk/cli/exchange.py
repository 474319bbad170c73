"""`kvdesk export` and `kvdesk import`: options to a launch command, and a launch command to options."""

import errno
import os
import sys
from pathlib import Path

import msgspec
import typer

from kvdesk.cli.printing import print_json, print_pairs
from kvdesk.cli.texts import t
from kvdesk.errors import ExportError, OptionError
from kvdesk.export import TARGETS, target, write
from kvdesk.export.dialects.imported import Imported
from kvdesk.export.explain import table
from kvdesk.export.exporter import Launch, below_home
from kvdesk.export.launches import MOST_CHARACTERS, read_launch
from kvdesk.export.own_command import own_command
from kvdesk.export.parse import parse_words
from kvdesk.export.shells import BY_NAME as SHELLS
from kvdesk.export.shells import Shell
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.options import BY_NAME, LoadOptions
from kvdesk.plan.parse import flag_of, write_value
from kvdesk.resources import resolve_model


def list_command(as_json: bool) -> int:
    """Print the targets' names and titles."""
    if as_json:
        print_json({"targets": [{"name": each.name, "title": each.title} for each in TARGETS]})
    else:
        print_pairs([(each.name, each.title) for each in TARGETS])
    return 0


def export_command(
    model: str | None, options: LoadOptions, name: str, shell_name: str, absolute: bool, as_json: bool
) -> int:
    """Print the launch command for a model that is there, with warnings on stderr."""
    if model is None:
        raise OptionError("No model was named.", "Write a path, an address or “demo” after “export”.")
    exporter, shell = target(name), _shell(shell_name)
    path = resolve_model(model)
    is_url = path.startswith(("http://", "https://"))
    full = path if is_url else str(Path(path).expanduser().absolute())
    launch = Launch(full if absolute else below_home(full), options, _shape(path))
    written = write(exporter, launch, shell)
    if as_json:
        print_json(
            {
                "target": name,
                "shell": shell.name,
                "text": written.text,
                "warnings": list(written.warnings),
                "flags": [{"words": list(flag.words), "why": flag.why} for flag in exporter.flags(launch)],
            }
        )
        return 0
    sys.stdout.write(written.text)
    for line in table(written.unexplained, widest=66):
        typer.echo(line, err=True)
    for warning in written.warnings:
        typer.echo(f"{t(warning.message)} {t(warning.hint)}", err=True)
    return 0


def import_command(words: list[str], name: str, as_json: bool) -> int:
    """Print the options of a launch, what was not understood, and what the target does besides."""
    imported = _read(words, name)
    lines = {
        verb: own_command(verb, imported.model, imported.options, _shell(""))
        for verb in ("estimate", "fit", "chat")
    }
    if as_json:
        print_json(
            {
                "target": imported.target,
                "model": imported.model,
                "options": imported.options,
                "unknown": list(imported.unknown),
                "notes": [t(note) for note in imported.notes],
                "name": imported.name,
                "names": list(imported.names),
                "commands": lines,
            }
        )
    else:
        _print_imported(imported)
        typer.echo()
        for line in lines.values():
            typer.echo(line)
    return 0


def _read(words: list[str], name: str) -> Imported:
    """Read what was given: words, one text, a file that holds one, or standard input. Raises ExportError."""
    if len(words) > 1:
        return parse_words(words)
    if words == ["-"]:
        return read_launch(sys.stdin.read(MOST_CHARACTERS + 1), name)
    path = Path(words[0]).expanduser()
    try:
        if "\n" not in words[0] and path.is_file():
            with path.open("rb") as file:
                return read_launch(file.read(4 * MOST_CHARACTERS + 1).decode("utf-8", "replace"), name)
    except OSError as error:
        if error.errno not in {errno.ENAMETOOLONG, errno.EINVAL}:
            raise ExportError(
                "{path} cannot be read: {reason}.",
                "Check the path, or paste the text itself.",
                path=str(path),
                reason=error.strerror or str(error),
            ) from error
    except ValueError:
        pass  # no path on this system
    return read_launch(words[0], name)


def _print_imported(imported: Imported) -> None:
    changed = [
        (flag_of(row), write_value(row, value))
        for option, value in msgspec.structs.asdict(imported.options).items()
        if value != (row := BY_NAME[option]).default
    ]
    print_pairs([(t("program"), imported.target), (t("model"), imported.model or "–"), *changed])
    for word in imported.unknown:
        typer.echo(t("not an option of memory: {word}", word=word))
    for note in imported.notes:
        typer.echo(t(note))
    if imported.names:
        typer.echo(
            t(
                "This is “{name}” of {names}; --name chooses another.",
                name=imported.name,
                names=", ".join(imported.names),
            )
        )


def _shape(path: str) -> ModelShape:
    from kvdesk.gguf.open import open_model
    from kvdesk.memory.families import shape_of

    return shape_of(open_model(path))


def _shell(name: str) -> Shell:
    name = name or ("powershell" if os.name == "nt" else "bash")
    if name not in SHELLS:
        raise ExportError(
            "“{name}” is not a shell this program writes for.",
            "Choose one of {names}.",
            name=name,
            names=", ".join(SHELLS),
        )
    return SHELLS[name]
