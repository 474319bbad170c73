"""Every error a user can meet has a message and can be translated with its values."""

from kvdesk import errors
from kvdesk.errors import Cancelled, KvDeskError, NotGguf


def tree(root: type[KvDeskError]) -> list[type[KvDeskError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in tree(child))]


def test_the_drawing_at_the_top_names_every_error():
    drawn = errors.__doc__ or ""
    assert all(kind.__name__ in drawn for kind in tree(KvDeskError) if kind.__module__ == errors.__name__)


def test_values_fill_the_template_and_the_template_stays_for_translation():
    error = NotGguf("{path} is not a GGUF file.", "It starts with {magic}.", path="a.bin", magic="PK")
    assert (error.kind, error.message, error.hint) == (
        "NotGguf",
        "a.bin is not a GGUF file.",
        "It starts with PK.",
    )
    assert error.message.template == "{path} is not a GGUF file."
    assert str(error) == "a.bin is not a GGUF file. It starts with PK."


def test_braces_without_values_are_text():
    assert KvDeskError("{% if %} is not closed.").message == "{% if %} is not closed."


def test_a_stop_is_no_error():
    assert not issubclass(Cancelled, KvDeskError)
