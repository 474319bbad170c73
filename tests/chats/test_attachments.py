"""Texts that go along with a message: read as they are, refused where they are none, fenced in the prompt."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.chats import attachments
from kvdesk.chats.attachments import Attachment, prompt_text, read_attachments, read_file, write_attachments
from kvdesk.errors import StoreError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_is_read_as_it_was_written(tmp_path: Path, encoding: str):
    file = tmp_path / "长.txt"
    file.write_bytes("Grüße\n中文\n".encode(encoding))
    assert read_file(file) == Attachment("长.txt", "Grüße\n中文\n")


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0", b"caf\xe9", b"a\0b"])
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(StoreError, match="not a text file"):
        read_file(tmp_path / "file")


def test_what_cannot_be_read_or_is_too_large_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(StoreError, match="cannot be read"):
        read_file(tmp_path / "none")
    (tmp_path / "long.txt").write_text("12345", encoding="utf-8")
    monkeypatch.setattr(attachments, "LARGEST_BYTES", 4)
    with pytest.raises(StoreError, match="too large"):
        read_file(tmp_path / "long.txt")


def test_without_attachments_the_prompt_is_what_was_written():
    assert prompt_text("Hello\n", ()) == "Hello\n"


@given(st.text(alphabet="`ab\n"))
def test_no_text_closes_its_own_fence(text: str):
    prompt = prompt_text("And?", (Attachment("a", text),))
    fence = re.match("Attached file “a”:\n(`+)\n", prompt)[1]
    assert fence not in text
    assert prompt.endswith(f"\n{fence}\n\nAnd?")


@given(st.lists(st.builds(Attachment, st.text(), st.text(), st.none() | st.integers(0, 10**6))))
def test_what_the_store_keeps_is_read_back(attached: list[Attachment]):
    assert read_attachments(write_attachments(attached)) == tuple(attached)
