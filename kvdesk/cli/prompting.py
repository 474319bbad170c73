"""Reads what the user types into a chat, and asks short questions."""

import sys


def read_message() -> str:
    """A message; a backslash at the end of a line joins the next one to it. Raises EOFError at the end."""
    prompt = "> " if sys.stdin.isatty() else ""
    lines = [input(prompt)]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1][:-1]
        lines.append(input(". " if prompt else ""))
    return "\n".join(lines)


def agree(question: str, *, when_piped: bool = False, default: bool = True) -> bool:
    """Ask for yes or no; `default` is what Enter means, and `when_piped` the answer where nobody is asked."""
    if not sys.stdin.isatty():
        return when_piped
    try:
        said = input(question).strip().lower()
    except EOFError:
        return False
    return said in {"y", "yes"} or (default and not said)


def say(text: str) -> None:
    """Say something that is no part of an answer."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
