"""The command line's texts are in its catalogue or the window's, with the same fields; the locale chooses."""

import tomllib

import pytest

from kvdesk.cli.texts import t
from kvdesk.phrases import Phrase
from kvdesk.resources import resource_path
from tests.architecture.test_translations import tool

CATALOGUE = tomllib.loads(resource_path("translations/cli.zh_CN.toml").read_text(encoding="utf-8"))["texts"]
CORE = {message.source for message in tool.messages() if message.context == "core"}


def test_every_text_is_in_a_catalogue():
    assert sorted(tool.cli_texts() - CATALOGUE.keys() - CORE) == []


def test_no_text_is_in_both_catalogues():
    assert sorted(CORE & CATALOGUE.keys()) == []


@pytest.mark.parametrize("text", sorted(CATALOGUE))
def test_a_translation_has_the_fields_of_its_text(text):
    assert tool.fields(CATALOGUE[text]) == tool.fields(text)


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


def test_a_phrase_is_told_with_the_phrases_inside_it(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    purpose = Phrase("the compute buffer")
    assert t(Phrase("Not enough memory for {purpose}.", purpose=purpose)) == "内存不足，无法用于计算缓冲区。"
