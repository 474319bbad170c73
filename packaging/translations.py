#!/usr/bin/env python3
"""Brings the translators' file in line with the texts in the code. Standard library, and the .venv's lupdate.

    .venv/bin/python packaging/translations.py            take up new texts, drop those that are gone
    .venv/bin/python packaging/translations.py --check    change nothing; name what is missing

resources/translations/kvdesk_zh_CN.ts has the texts of the window, as Qt's lupdate finds them, and under the
context "core" those that the rooms below hand up: errors, reasons, refusals, notices, and the tables of
options and settings. The command line reads "core" too; its own words are in cli.zh_CN.toml.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import shutil
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kvdesk"
CATALOGUE = ROOT / "resources" / "translations" / "kvdesk_zh_CN.ts"
CORE = "core"
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef

# Whose arguments are shown to people: the places of the texts among them, and their names.
Speakers = Mapping[str, tuple[object, ...]]
_ROWS: Speakers = {
    "Option": ("label", "help", "memory"),
    "SamplerOption": ("label", "help"),
    "Setting": ("label", "help", "words"),
    "Phrase": (0,),
    "joined": (1, "separator"),
    # What the sketch of a graph calls its parts, for the reason of a compute buffer.
    "Tensor": (1,),
    "input": (1, "note"),
}
_SPEAKING_ATTRIBUTE = "phase"  # the same, set as an attribute


@dataclass(frozen=True, order=True)
class Unreadable:
    """A text that is made where it is said, so that no catalogue can have it."""

    path: str
    line: int


class TranslationError(Exception):
    """What keeps the catalogue from being made: one sentence."""


# ------------------------------------------------------------------------------------- texts in the code


def core_texts() -> tuple[set[str], list[Unreadable]]:
    """The texts that every room but the command line hands up, and those that cannot be read."""
    paths = [path for path in sources() if path.relative_to(PACKAGE).parts[0] != "cli"]
    return spoken_texts(paths, {**_ROWS, **_errors(sources())})


def cli_texts() -> set[str]:
    """The texts of the command line itself: those given to t(), and its errors."""
    texts, _ = spoken_texts(
        sorted((PACKAGE / "cli").glob("*.py")), {**_ROWS, **_errors(sources()), "t": (0,)}
    )
    return texts


def sources() -> list[Path]:
    """Every module of the program."""
    return sorted(PACKAGE.rglob("*.py"))


def spoken_texts(
    paths: Iterable[Path], speakers: Speakers, root: Path = ROOT
) -> tuple[set[str], list[Unreadable]]:
    """The literals given to speakers in these files, and the places where something else is given.

    A function that hands a parameter on to a speaker is one too, within its file.
    """
    found: set[str] = set()
    unreadable: list[Unreadable] = []
    for path in paths:
        tree = _tree(path)
        known = {**speakers, **_forwarders(tree, speakers)}
        constants = _assigned(tree)
        for call in _calls(tree):
            for argument in _texts_of(call, known):
                literals = list(_literals(argument, constants))
                found.update(text for text in literals if text is not None and is_translatable(text))
                if None in literals:
                    unreadable.append(Unreadable(str(path.relative_to(root)), argument.lineno))
        found |= {
            node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and getattr(node.targets[0], "attr", "") == _SPEAKING_ATTRIBUTE
            and isinstance(node.value, ast.Constant)
            and node.value.value
        }
    return found, unreadable


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def is_translatable(text: str) -> bool:
    """Whether there is anything to say beside the fields."""
    return bool(re.sub(r"\{[^}]*\}|[\s·]", "", text))


def _errors(paths: Iterable[Path]) -> dict[str, tuple[object, ...]]:
    """The classes of the tree of errors: message and hint are their first two arguments."""
    classes = [n for path in paths for n in ast.walk(_tree(path)) if isinstance(n, ast.ClassDef)]
    names = {"KvDeskError"}
    while True:
        more = {c.name for c in classes if any(getattr(base, "id", "") in names for base in c.bases)} - names
        if not more:
            return dict.fromkeys(names, (0, 1, "message", "hint"))
        names |= more


def _forwarders(tree: ast.AST, speakers: Speakers) -> dict[str, tuple[object, ...]]:
    """The functions whose parameter goes on to a speaker: its place (self aside) and its name."""
    forwarders: dict[str, tuple[object, ...]] = {}
    for function in ast.walk(tree):
        if not isinstance(function, _FUNCTION):
            continue
        parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args) if a.arg != "self"]
        handed = {
            argument.id
            for call in _calls(function)
            for argument in _texts_of(call, speakers)
            if isinstance(argument, ast.Name) and argument.id in parameters
        }
        places: list[object] = []
        for name in sorted(handed):
            places += [parameters.index(name), name]
        if places and function.name not in speakers:
            forwarders[function.name] = tuple(places)
    return forwarders


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _texts_of(call: ast.Call, speakers: Speakers) -> Iterator[ast.expr]:
    places = speakers.get(getattr(call.func, "id", getattr(call.func, "attr", "")), ())
    yield from (argument for place, argument in enumerate(call.args) if place in places)
    yield from (keyword.value for keyword in call.keywords if keyword.arg in places)


def _assigned(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """What each name of a file is given, defaults of parameters included."""
    values: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                values.setdefault(getattr(target, "id", ""), []).append(node.value)
        elif isinstance(node, _FUNCTION):
            parameters = node.args.args[len(node.args.args) - len(node.args.defaults) :]
            for parameter, default in zip(parameters, node.args.defaults, strict=True):
                values.setdefault(parameter.arg, []).append(default)
    return values


def _literals(value: ast.expr, constants: Mapping[str, list[ast.expr]]) -> Iterator[str | None]:
    """The texts an expression may have; None for one that is put together on the spot."""
    match value:
        case ast.Constant(value=str() as text):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _literals(one, constants)
            yield from _literals(other, constants)
        case ast.Tuple(elts=parts):
            for part in parts:
                yield from _literals(part, constants)
        case ast.JoinedStr() | ast.BinOp():
            yield None
        case ast.Name(id=name):
            for assigned in constants.get(name, ()):
                if not isinstance(assigned, ast.Name):
                    yield from _literals(assigned, constants)


# ------------------------------------------------------------------------------------------- the catalogue


@dataclass(frozen=True)
class Message:
    """One entry of the catalogue; `translations` has several where they differ by number."""

    context: str
    source: str
    translations: tuple[str, ...]
    is_finished: bool


def messages(path: Path = CATALOGUE) -> list[Message]:
    """Every entry of a catalogue."""
    found = []
    for context in ElementTree.parse(path).getroot().iter("context"):
        for entry in context.iter("message"):
            translation = entry.find("translation")
            assert translation is not None
            forms = [form.text or "" for form in translation.iter("numerusform")]
            texts = tuple(forms or [translation.text or ""])
            is_finished = translation.get("type") is None and all(texts)
            name, source = context.findtext("name") or "", entry.findtext("source") or ""
            found.append(Message(name, source, texts, is_finished))
    return found


def refresh(target: Path) -> None:
    """Bring a catalogue in line with the code, its translations kept. Raises TranslationError."""
    texts, unreadable = core_texts()
    if unreadable:
        places = ", ".join(f"{each.path}:{each.line}" for each in unreadable)
        raise TranslationError(f"Texts put together where they are said cannot be translated: {places}.")
    lupdate = shutil.which("pyside6-lupdate", path=str(Path(sys.executable).parent))
    if lupdate is None:
        raise TranslationError("pyside6-lupdate is not beside this Python; run this with that of the .venv.")
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "core_texts.py")
        lines = [
            f"translate({json.dumps(CORE)}, {json.dumps(text, ensure_ascii=False)})" for text in sorted(texts)
        ]
        listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
        window = [path for path in sources() if path.relative_to(PACKAGE).parts[0] == "gui"]
        options = ["-silent", "-no-obsolete", "-locations", "none", "-disable-heuristic", "similartext"]
        languages = ["-source-language", "en", "-target-language", "zh_CN"]
        command = [lupdate, *options, *languages, *map(str, (*window, listed)), "-ts", str(target)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise TranslationError(f"lupdate failed: {(ran.stderr or ran.stdout).strip()}")


def fields(text: str) -> list[str]:
    """What a text is filled with: {name}, %1 and %n, in alphabetical order."""
    named = [name for _, name, _, _ in string.Formatter().parse(text) if name]
    return sorted([*named, *re.findall(r"%(?:n|\d)", text)])


def missing(path: Path = CATALOGUE) -> list[str]:
    """What keeps a catalogue from being complete, a line each. Raises TranslationError."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder, path.name)
        shutil.copy(path, fresh)
        refresh(fresh)
        there = {(each.context, each.source) for each in messages(path)}
        due = {(each.context, each.source) for each in messages(fresh)}
    lines = [f"not in the catalogue: {context}: {source}" for context, source in sorted(due - there)]
    lines += [f"no longer in the code: {context}: {source}" for context, source in sorted(there - due)]
    lines += [f"not translated: {m.context}: {m.source}" for m in messages(path) if not m.is_finished]
    return lines


def main(arguments: list[str]) -> int:
    """Refresh, or check; 1 when something is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing; name what is missing")
    try:
        if not parser.parse_args(arguments).check:
            refresh(CATALOGUE)
        lines = missing()
    except TranslationError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines) or "Every text is translated.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
