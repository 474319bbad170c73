"""`kvdesk export` and `kvdesk import`: options to a launch command, and a launch command to options."""

import os
import sys
from pathlib import Path

import msgspec
import typer

from kvdesk.cli.printing import print_json, print_pairs
from kvdesk.cli.texts import t
from kvdesk.errors import ExportError, OptionError
from kvdesk.export import TARGETS, target
from kvdesk.export.exporter import Launch, below_home
from kvdesk.export.parse import Imported, parse_text, parse_words
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
    text = exporter.render(launch, shell)
    warnings = exporter.warnings(launch)
    if as_json:
        print_json({"target": name, "shell": shell.name, "text": text, "warnings": list(warnings)})
        return 0
    sys.stdout.write(text)
    for warning in warnings:
        typer.echo(f"{t(warning.message)} {t(warning.hint)}", err=True)
    return 0


def import_command(words: list[str], as_json: bool) -> int:
    """Print the options of a launch command, what was not understood, and what the target does besides."""
    if words == ["-"]:
        imported = parse_text(sys.stdin.read())
    else:
        imported = parse_text(words[0]) if len(words) == 1 else parse_words(words)
    if as_json:
        print_json(
            {
                "target": imported.target,
                "model": imported.model,
                "options": imported.options,
                "unknown": list(imported.unknown),
                "notes": [t(note) for note in imported.notes],
            }
        )
    else:
        _print_imported(imported)
    return 0


def _print_imported(imported: Imported) -> None:
    changed = [
        (flag_of(row), write_value(row, value))
        for name, value in msgspec.structs.asdict(imported.options).items()
        if value != (row := BY_NAME[name]).default
    ]
    print_pairs([(t("program"), imported.target), (t("model"), imported.model or "–"), *changed])
    for word in imported.unknown:
        typer.echo(t("not an option of memory: {word}", word=word))
    for note in imported.notes:
        typer.echo(t(note))


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
