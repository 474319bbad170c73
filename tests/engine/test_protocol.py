"""Every message survives its line of JSON."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.engine import protocol
from kvdesk.engine.protocol import Command, Event

COMMANDS = get_args(Command)
EVENTS = get_args(Event)


def messages(kinds: tuple[type, ...]) -> st.SearchStrategy[msgspec.Struct]:
    """Any instance of any of these structs; JSON knows no NaN or infinity, and no lone surrogates."""
    st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
    st.register_type_strategy(str, st.text(st.characters(codec="utf-8")))
    st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))
    return st.one_of([st.from_type(kind) for kind in kinds])


@given(messages(COMMANDS))
def test_every_command_survives_its_line(command: Command) -> None:
    line = protocol.encode(command)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert protocol.decode_command(line) == command


@given(messages(EVENTS))
def test_every_event_survives_its_line(event: Event) -> None:
    line = protocol.encode(event)
    assert line.count(b"\n") == 1
    assert protocol.decode_event(line) == event


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"{}", b'{"command": "fly", "id": 1}', b'{"command": "unload"}', b"\xff\xfe"],
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        protocol.decode_command(line)
    with pytest.raises(msgspec.DecodeError):
        protocol.decode_event(line)


def test_a_command_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        protocol.decode_command(b'{"command": "unload", "id": 1, "force": true}')


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_a_decode_error(line: bytes) -> None:
    try:
        protocol.decode_command(line)
    except msgspec.DecodeError:
        return
