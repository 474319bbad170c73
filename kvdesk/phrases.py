"""Sentences for people: English, with a memory of how they were made, so that they can be said in another
language wherever they end up.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Self


class Phrase(str):
    """A sentence in English, filled in; `template` and `values` are what it was made from.

    Whoever wants text has text. Whoever speaks another language looks the template up, `{name}` fields and
    all, and fills it again (`spoken`). A template that is a phrase already stays what it is.
    """

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """Fill the template's fields; without values it is taken as it stands, braces and all."""
        if isinstance(template, cls):
            return template
        phrase = super().__new__(cls, fill(template, values))
        phrase.template = template
        phrase.values = values
        return phrase


def fill(template: str, values: Mapping[str, object]) -> str:
    """Fill `{name}` fields; a template without values is returned as it is, braces and all."""
    return template.format(**values) if values else template


def spoken(text: str, translate: Callable[[str], str]) -> str:
    """Say a text in another language: its template translated, then filled with its values.

    Values that are phrases are translated likewise.
    """
    if not text:
        return ""  # gettext and Qt keep something else under the empty text
    if not isinstance(text, Phrase):
        return translate(text)
    values = {
        name: spoken(value, translate) if isinstance(value, Phrase) else value
        for name, value in text.values.items()
    }
    return fill(translate(text.template), values)


def joined(parts: Iterable[str], separator: str = ", ") -> Phrase:
    """One phrase of several, and of a separator that other languages write otherwise."""
    values = {f"part_{place}": part for place, part in enumerate(parts)}
    return Phrase("{between}".join(f"{{{name}}}" for name in values), **values, between=Phrase(separator))


def to_wire(phrase: object) -> object:
    """What msgspec writes for a phrase: its template and values. Raises NotImplementedError for others."""
    if not isinstance(phrase, Phrase):
        raise NotImplementedError(type(phrase))
    values = {
        name: value if isinstance(value, str | int | float) else str(value)
        for name, value in phrase.values.items()
    }
    return [phrase.template, values] if values else phrase.template


def from_wire(kind: type, written: object) -> object:
    """Read what `to_wire` wrote, or plain text. Raises NotImplementedError for another kind."""
    if kind is not Phrase:
        raise NotImplementedError(kind)
    match written:
        case str():
            return Phrase(written)
        case [str() as template, dict() as values]:
            return Phrase(template, **{name: _value(value) for name, value in values.items()})
        case _:
            raise ValueError("neither a text nor a template with its values")


def _value(written: object) -> object:
    return from_wire(Phrase, written) if isinstance(written, list) else written
