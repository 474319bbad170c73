"""What is written is read back by Python's own TOML reader."""

import math
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from kvdesk.settings.toml_writer import write_toml

TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # lone surrogates are no text in TOML
SCALAR = TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)


@given(st.dictionaries(TEXT, VALUE, max_size=8))
def test_every_table_comes_back(table: dict[str, object]):
    assert tomllib.loads(write_toml(table)) == table


def test_not_a_number_comes_back():
    assert math.isnan(tomllib.loads(write_toml({"x": math.nan}))["x"])


def test_true_is_not_written_as_one():
    assert write_toml({"on": True, "one": 1}) == "on = true\none = 1\n"


def test_tables_follow_the_values():
    text = write_toml({"section": {"inner": {"a": 1}}, "plain": "x"})
    assert text == 'plain = "x"\n\n[section]\ninner = {a = 1}\n'
