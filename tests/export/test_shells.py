"""Words survive each shell's quoting, and the shells themselves agree where they are at hand."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvdesk.errors import ExportError
from kvdesk.export.shells import BY_NAME, SHELLS, join, portable_home

_PLAIN = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]), min_size=1
)
_AWKWARD = st.text(" \\\"'`$%^&|<>()~/a‘“!#*?{}[];,=-", min_size=1)
_WORDS = st.lists(_PLAIN | _AWKWARD, min_size=1, max_size=4)


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
@settings(max_examples=300, deadline=None)
@given(words=_WORDS)
def test_words_survive_quoting_and_splitting(shell, words):
    back = shell.split(" ".join(shell.quote(word) for word in words))
    assert [portable_home(word) for word in back] == [portable_home(word) for word in words]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
@settings(max_examples=25, deadline=None)
@given(words=_WORDS)
def test_bash_itself_reads_the_words_that_were_quoted(words):
    words = [word for word in words if not word.startswith("~/")] or ["x"]
    command = "printf '%s\\0' " + " ".join(BY_NAME["bash"].quote(word) for word in words)
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_bash_itself_expands_the_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/an na")
    quoted = BY_NAME["bash"].quote("~/my models/a.gguf")
    done = subprocess.run(["bash", "-c", f"printf %s {quoted}"], capture_output=True, check=True)
    assert done.stdout == b"/home/an na/my models/a.gguf"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("bash", "~/'my models/a.gguf'"),
        ("powershell", '"$HOME/my models/a.gguf"'),
        ("cmd", '"%USERPROFILE%/my models/a.gguf"'),
    ],
)
def test_the_home_directory_has_each_shells_own_name(name, written):
    assert BY_NAME[name].quote("~/my models/a.gguf") == written


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
def test_lines_are_continued_and_joined_again(shell):
    text = join(shell, [("llama-server",), ("--model", "a b.gguf"), ("--mlock",)])
    assert text.count("\n") == 2
    assert shell.split(text) == ["llama-server", "--model", "a b.gguf", "--mlock"]
    assert shell.split(text.replace("\n", "\r\n")) == shell.split(text)


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
def test_a_name_with_a_line_break_is_refused(shell):
    with pytest.raises(ExportError, match="line break"):
        join(shell, [("llama-server", "a\nb")])


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
def test_an_open_quotation_mark_is_named(shell):
    with pytest.raises(ExportError, match="never closed"):
        shell.split('llama-server -m "a b')
