"""Teaches the Markdown parser the four ways in which models write formulas: $…$, $$…$$, \\(…\\) and \\[…\\].

A displayed formula ends, as in LaTeX, with its mark or with a blank line. That makes it one unit, decided
line by line, which a streamed answer needs: a mark without its counterpart never swallows what comes later.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_ENDS = {"$$": "$$", r"\[": r"\]"}
_FENCE = re.compile(r"[^`~]*(?:`{3}|~{3})")


def math_plugin(parser: MarkdownIt) -> None:
    """Add tokens `math_inline` and `math_block`; their content is LaTeX, their markup the opening mark."""
    # A formula may follow a line of text at once, and begins no list item by a line such as “- b”.
    parser.block.ruler.before(
        "fence", "math_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.inline.ruler.before("escape", "math_inline", _inline)


def _block(state: StateBlock, first: int, end_line: int, silent: bool) -> bool:
    if state.is_code_block(first):
        return False
    begin = state.bMarks[first] + state.tShift[first]
    mark = state.src[begin : begin + 2]
    line = state.src[begin : state.eMarks[first]].rstrip()
    if mark not in _ENDS:
        return False
    end = _ENDS[mark]
    closes_at = line.find(end, 2)
    if closes_at >= 0 and closes_at + 2 < len(line):
        return False  # text goes on after it: a formula inside a paragraph
    if silent:
        return True
    lines = [line[2:]]
    last = first
    is_closed = closes_at >= 0
    while not is_closed and last + 1 < end_line:
        text = state.src[state.bMarks[last + 1] + state.tShift[last + 1] : state.eMarks[last + 1]].rstrip()
        if not text or state.sCount[last + 1] < state.blkIndent or _FENCE.match(text):
            break
        last += 1
        lines.append(text)
        is_closed = text.endswith(end)
    content = "\n".join(lines)
    state.line = last + 1
    token = state.push("math_block", "", 0)
    token.block = True
    token.markup = mark
    token.map = [first, state.line]
    token.content = content.removesuffix(end).strip() if is_closed else content
    token.info = end if is_closed else ""
    return True


def _inline(state: StateInline, silent: bool) -> bool:
    begin, text = state.pos, state.src
    if text[begin] not in "$\\":
        return False
    for mark, end in (("$$", "$$"), (r"\(", r"\)"), (r"\[", r"\]"), ("$", "$")):
        if not text.startswith(mark, begin):
            continue
        start = begin + len(mark)
        stop = text.find(end, start, state.posMax)
        content = text[start:stop] if stop >= 0 else ""
        if not content.strip() or (mark == "$" and not _is_formula(state, start, stop)):
            continue
        if not silent:
            token = state.push("math_inline", "", 0)
            token.markup, token.info, token.content = mark, end, content
        state.pos = stop + len(end)
        return True
    return False


def _is_formula(state: StateInline, start: int, stop: int) -> bool:
    """Whether single dollars stand for a formula and not for money or a shell's variables."""
    before = state.src[start - 2 : start - 1]
    after = state.src[stop + 1 : stop + 2]
    touches = not state.src[start].isspace() and not state.src[stop - 1].isspace()
    return touches and not before.isalnum() and not after.isalnum() and state.src[stop - 1] != "\\"
