"""The window's catalogue has every text of the code, translated, with the same fields."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("translations", ROOT / "packaging" / "translations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


tool = load_tool()
MESSAGES = tool.messages()


def test_every_text_of_the_code_is_translated_and_nothing_else_is_in_the_catalogue():
    assert tool.missing() == []


@pytest.mark.parametrize(
    "message", [m for m in MESSAGES if tool.fields(m.source)], ids=lambda message: message.source[:40]
)
def test_a_translation_has_the_fields_of_its_text(message):
    for translation in message.translations:
        assert tool.fields(translation) == tool.fields(message.source)


def test_the_rows_of_tables_and_the_errors_of_every_room_are_collected():
    texts, unreadable = tool.core_texts()
    assert unreadable == []
    assert {
        "GPU layers",  # a label of the option table
        "Memory on each device that plans leave free for other programs.",  # the help of a setting
        "“{name}” is not a GGUF file.",  # an error of the lowest room
        "an old GGML file",  # a phrase that another one is filled with
        "{device} lacks {lacking} even for {tokens} tokens.",  # a reason
        "The disk is full; the conversation could not be saved.",
    } <= texts


def test_no_text_stands_in_an_f_string_where_lupdate_does_not_look():
    hidden = [
        f"{path.name}:{call.lineno}"
        for path in tool.sources()
        for string in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in ("tr", "translate")
    ]
    assert hidden == []


def texts_of(tmp_path, code):
    path = tmp_path / "room.py"
    path.write_text(code, encoding="utf-8")
    return tool.spoken_texts(
        [path], {"Phrase": (0,), "OptionError": (0, 1, "message", "hint")}, root=tmp_path
    )


def test_a_text_is_followed_through_names_choices_and_functions(tmp_path):
    found, unreadable = texts_of(
        tmp_path,
        "OUT = 'Try again.'\n"
        "def refuse(value, words='No.'):\n"
        "    raise OptionError(words, OUT, value=value)\n"
        "refuse(1, 'Not {value}.' if bad else 'Hardly {value}.')\n",
    )
    assert found == {"Try again.", "No.", "Not {value}.", "Hardly {value}."}
    assert unreadable == []


def test_a_text_that_is_put_together_on_the_spot_is_reported(tmp_path):
    _, unreadable = texts_of(tmp_path, "x = 1\nPhrase(f'{x} layers')\nPhrase('a' + name)\n")
    assert [each.line for each in unreadable] == [2, 3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{b} of {a:,}", ["a", "b"]), ("%n of %1", ["%1", "%n"]), ("{{x}} {y}", ["y"]), ("50 %", [])],
)
def test_the_fields_of_a_text(text, expected):
    assert tool.fields(text) == expected


@pytest.mark.parametrize("text", ["{part_0}{between}{part_1}", " · ", "{a} · {b}", ""])
def test_what_has_no_words_needs_no_translation(text):
    assert not tool.is_translatable(text)
