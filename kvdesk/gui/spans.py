"""Runs of text in one style: what is inside a paragraph, a heading or a table's cell.

A picture is its description with a link to it; nothing is ever fetched.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it.token import Token

from kvdesk.gui.latex import readable

PICTURE = "▧ "  # stands before the description of a picture that is not fetched
_BARE_URL = re.compile(r"https?://[^\s<>\"“”]+[^\s<>\"“”.,;:!?)\]}'*_]")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one style; `href` is "" where it is no link.

    `script` is 1 for raised text and -1 for lowered; `source` is a formula's LaTeX with its marks.
    """

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False
    code: bool = False
    href: str = ""
    script: int = 0
    source: str = ""


Spans = tuple[Span, ...]


def spans_of(tokens: Sequence[Token]) -> Iterator[Span]:
    """Merge inline tokens into spans, neighbours of the same style into one."""
    pending: Span | None = None
    for span in _raw_spans(tokens):
        if pending is not None and replace(span, text="") == replace(pending, text=""):
            pending = replace(pending, text=pending.text + span.text)
            continue
        if pending is not None:
            yield from _with_bare_urls(pending)
        pending = span
    if pending is not None:
        yield from _with_bare_urls(pending)


def _raw_spans(tokens: Sequence[Token]) -> Iterator[Span]:
    style = Span("")
    for token in tokens:
        opens = token.nesting == 1
        match token.type:
            case "strong_open" | "strong_close":
                style = replace(style, bold=opens)
            case "em_open" | "em_close":
                style = replace(style, italic=opens)
            case "s_open" | "s_close":
                style = replace(style, struck=opens)
            case "link_open" | "link_close":
                style = replace(style, href=str(token.attrGet("href") or "") if opens else "")
            case "math_inline":
                yield from formula_spans(token, style)
            case _:
                found = _leaf(token, style)
                if found.text:
                    yield found


def _leaf(token: Token, style: Span) -> Span:
    """Return the span of a token that holds text."""
    match token.type:
        case "text" | "text_special":
            return replace(style, text=token.content)
        case "code_inline":
            return replace(style, text=token.content, code=True)
        case "softbreak":
            return replace(style, text=" ")
        case "hardbreak":
            return replace(style, text="\n")
        case "image":
            source = str(token.attrGet("src") or "")
            return replace(style, text=f"{PICTURE}{token.content or source}", href=source)
        case "footnote_ref":
            return replace(style, text=str(token.meta["label"]), script=1)
        case _:
            return style


def formula_spans(token: Token, style: Span) -> Iterator[Span]:
    """Turn a formula's token into spans that read well and remember its LaTeX."""
    source = f"{token.markup}{token.content}{token.info}"
    pieces = readable(token.content)
    if not pieces:
        yield replace(style, text=source)
    for piece in pieces:
        yield replace(
            style,
            text=piece.text,
            italic=style.italic or piece.italic,
            bold=style.bold or piece.bold,
            script=piece.script,
            source=source,
        )


def _with_bare_urls(span: Span) -> Iterator[Span]:
    if span.code or span.href or span.source:
        yield span
        return
    at = 0
    for match in _BARE_URL.finditer(span.text):
        if match.start() > at:
            yield replace(span, text=span.text[at : match.start()])
        yield replace(span, text=match.group(), href=match.group())
        at = match.end()
    if at < len(span.text):
        yield replace(span, text=span.text[at:])


def spans_text(spans: Spans) -> str:
    """Return the text of spans without its styles."""
    return "".join(span.text for span in spans)
