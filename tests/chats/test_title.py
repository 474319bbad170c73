"""Titles of conversations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.chats.title import LONGEST, title_of


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("What is a KV cache?", "What is a KV cache?"),
        ("\n\n  ## A heading  \nand more", "A heading"),
        ("> **quoted**", "quoted"),
        ("- first\n- second", "first"),
        ("```python\nprint()", "python"),
        ("two   spaces\tand a tab", "two spaces and a tab"),
        ("word " * 30, "word word word word word word word word word…"),
        ("长" * 60, "长" * 48 + "…"),
        ("***", ""),
        ("", ""),
    ],
)
def test_titles(text: str, title: str):
    assert title_of(text) == title


@given(st.text())
def test_any_text_gives_one_short_line(text: str):
    title = title_of(text)
    assert len(title) <= LONGEST + 1
    assert "\n" not in title
    assert title == title.strip()
