"""A phrase is English text anywhere, and can be told in another language anywhere, over the wire too."""

import copy
import pickle

import msgspec
import pytest

from kvdesk.phrases import Phrase, from_wire, joined, spoken, to_wire

SHOUTED = {"{count} layers": "{count} LAYERS", "{what} of {device}": "{device}: {what}", ", ": " & "}


def shout(text: str) -> str:
    return SHOUTED.get(text, text)


class Told(msgspec.Struct):
    words: Phrase


def over_the_wire(phrase: Phrase) -> Phrase:
    line = msgspec.json.Encoder(enc_hook=to_wire).encode(Told(phrase))
    return msgspec.json.Decoder(Told, dec_hook=from_wire).decode(line).words


def test_a_phrase_is_its_english_text():
    phrase = Phrase("{count} layers", count=3)
    assert phrase == "3 layers"
    assert f"{phrase}!" == "3 layers!"
    assert {phrase: 1}["3 layers"] == 1


def test_it_is_translated_before_its_values_are_filled_in_and_so_are_phrases_among_them():
    layers = Phrase("{count} layers", count="{count} layers")
    phrase = Phrase("{what} of {device}", what=layers, device="a, b")
    assert spoken(phrase, shout) == "a, b: {count} layers LAYERS"


def test_plain_text_is_translated_as_it_stands_and_no_text_stays_none():
    assert spoken(", ", shout) == " & "
    assert spoken("", lambda text: "a catalogue's header") == ""


def test_phrases_are_joined_by_what_the_language_writes_between_them():
    phrase = joined([Phrase("{count} layers", count=2), "f16"])
    assert phrase == "2 layers, f16"
    assert spoken(phrase, shout) == "2 LAYERS & f16"
    assert joined([]) == ""


def test_without_values_braces_are_text():
    assert Phrase("{% if %} is not closed.") == "{% if %} is not closed."


def test_a_phrase_of_a_phrase_is_that_phrase():
    phrase = Phrase("{count} layers", count=3)
    assert Phrase(phrase, count=4) is phrase


@pytest.mark.parametrize(
    "phrase",
    [
        Phrase("plain {braces}"),
        Phrase("{count:,} of {share:.2f}", count=12345, share=0.5),
        Phrase("{what} of {device}", what=Phrase("{count} layers", count=3), device="CPU"),
        joined([Phrase("{count} layers", count=1), "f16"], "; "),
    ],
)
def test_template_and_values_cross_processes(phrase):
    for other in (over_the_wire(phrase), pickle.loads(pickle.dumps(phrase)), copy.deepcopy(phrase)):
        assert (other, other.template, other.values) == (phrase, phrase.template, phrase.values)
    assert spoken(over_the_wire(phrase), shout) == spoken(phrase, shout)


def test_values_that_json_cannot_write_cross_as_text():
    assert over_the_wire(Phrase("{reason}", reason=OSError("no"))) == "no"


@pytest.mark.parametrize("line", [b'{"words":[1,{}]}', b'{"words":["a"]}', b'{"words":{}}'])
def test_what_is_no_phrase_is_refused(line):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.Decoder(Told, dec_hook=from_wire).decode(line)
