"""The catalogue has every text of the command line, with the same fields, and the locale chooses it."""

import ast
import string
import tomllib
from pathlib import Path

import pytest

import kvdesk
from kvdesk import errors
from kvdesk.cli.texts import t
from kvdesk.plan.options import OPTIONS
from kvdesk.plan.sampling import SAMPLER_OPTIONS
from kvdesk.resources import resource_path

PACKAGE = Path(kvdesk.__file__).parent
CATALOGUE = tomllib.loads(resource_path("translations/cli.zh_CN.toml").read_text(encoding="utf-8"))["texts"]
# What these rooms say is seen in the window alone.
OTHER_ROOMS = {"gui", "session", "chats", "settings"}
ERRORS = {name for name, found in vars(errors).items() if isinstance(found, type)} | {
    "UsageError",
    "InternalError",
}


def spoken():
    """Every literal given to t() in the command line, and to an error that it may print."""
    found = {row.spec.help for row in (*OPTIONS, *SAMPLER_OPTIONS)}
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0]
        if room in OTHER_ROOMS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", "")
            arguments = (
                node.args[:1] if name == "t" and room == "cli" else node.args[:2] if name in ERRORS else []
            )
            for argument in arguments:
                literals = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
                found |= {each.value for each in literals if isinstance(each, ast.Constant) and each.value}
    return found


def fields(template):
    return sorted(name for _, name, _, _ in string.Formatter().parse(template) if name)


def test_every_text_is_in_the_catalogue():
    wordless = {
        text
        for text in spoken()
        if not any(c.isalpha() for c in "".join(p[0] for p in string.Formatter().parse(text)))
    }
    assert sorted(spoken() - wordless - CATALOGUE.keys()) == []


@pytest.mark.parametrize("text", sorted(CATALOGUE))
def test_a_translation_has_the_fields_of_its_text(text):
    assert fields(CATALOGUE[text]) == fields(text)


@pytest.mark.parametrize(
    ("variable", "value", "is_chinese"),
    [
        ("LANG", "zh_CN.UTF-8", True),
        ("LC_ALL", "zh_SG", True),
        ("LANGUAGE", "zh:en", True),
        ("LANG", "en_GB.UTF-8", False),
        ("LANG", "C.UTF-8", False),
        ("LANG", "de_DE@euro", False),
        ("LANG", "zh_TW.UTF-8", False),
    ],
)
def test_the_locale_chooses_the_language(monkeypatch, variable, value, is_chinese):
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    assert t("Show every pair.") == ("显示所有组合。" if is_chinese else "Show every pair.")


def test_an_unknown_text_stays_as_it_is_and_is_filled(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    assert t("No such {thing} in the catalogue", thing="text") == "No such text in the catalogue"


def test_errors_are_told_in_the_users_language(kvdesk, monkeypatch):
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    ran = kvdesk("estimate", "nowhere.gguf", "--json")
    assert ran.object["error"]["message"] == "没有文件“nowhere.gguf”。"
    assert ran.object["error"]["kind"] == "GgufError"
