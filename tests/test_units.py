"""Sizes are read and printed the same way everywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.errors import OptionError
from kvdesk.units import (
    GIB,
    MIB,
    format_bytes,
    format_duration,
    format_mib,
    format_parameters,
    format_tokens,
    parse_bytes,
    parse_tokens,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8192", 8192),
        ("6GiB", 6 * GIB),
        ("6000MiB", 6000 * MIB),
        ("1.5g", 3 * GIB // 2),
        (" 2 KB ", 2048),
        ("7b", 7),
    ],
)
def test_sizes_are_powers_of_1024(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1", "6 GiBs", "1e9", "six", "0x10", "1,5g"])
def test_what_is_no_size_is_said(text):
    with pytest.raises(OptionError) as caught:
        parse_bytes(text)
    assert text in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(("text", "tokens"), [("8192", 8192), ("32k", 32768), ("1M", 1 << 20), ("0.5k", 512)])
def test_contexts(text, tokens):
    assert parse_tokens(text) == tokens


@pytest.mark.parametrize("text", ["", "k", "-4k", "32kb", "many"])
def test_what_is_no_context_is_said(text):
    with pytest.raises(OptionError):
        parse_tokens(text)


@given(st.integers(0, 1 << 60))
def test_plain_numbers_of_bytes_come_back(size):
    assert parse_bytes(str(size)) == pytest.approx(size, rel=1e-15)


def test_missing_readings_are_a_dash_and_never_zero():
    assert format_mib(None) == format_bytes(None) == format_tokens(None) == format_parameters(None) == "–"
    assert format_mib(0) == "0"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (17 * GIB, "17.0 GiB"),
        (1224 * MIB, "1,224 MiB"),
        (9 * MIB, "9.0 MiB"),
        (96 * 1024, "96 KiB"),
        (5, "5 B"),
    ],
)
def test_bytes_are_printed_with_the_unit_that_keeps_the_figures(size, text):
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("count", "text"), [(8_030_261_248, "8.03 B"), (494_000_000, "494 M"), (4_980_000, "4.98 M"), (12, "12")]
)
def test_parameters_are_printed_as_models_are_named(count, text):
    assert format_parameters(count) == text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0.0004, "0.01 s"),
        (0.256, "0.26 s"),
        (3.44, "3.4 s"),
        (42.4, "42 s"),
        (240, "4 min"),
        (4800, "1 h 20 min"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert format_duration(seconds) == said
