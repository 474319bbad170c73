"""Markdown becomes blocks; streamed in any pieces it becomes the same blocks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvdesk.gui.markdown import CodeBlock, RuleBlock, TableBlock, TextBlock, parse
from kvdesk.gui.markdown_stream import StreamParser, split_sections
from kvdesk.gui.spans import Span, spans_text


def test_paragraph_styles() -> None:
    (block,) = parse("One **two** *three* `four` ~~five~~ [six](https://s.example/x)")
    assert isinstance(block, TextBlock)
    assert block.spans == (
        Span("One "),
        Span("two", bold=True),
        Span(" "),
        Span("three", italic=True),
        Span(" "),
        Span("four", code=True),
        Span(" "),
        Span("five", struck=True),
        Span(" "),
        Span("six", href="https://s.example/x"),
    )


def test_headings_rules_and_quotes() -> None:
    heading, rule, quoted = parse("## Title\n\n---\n\n> said\n")
    assert isinstance(heading, TextBlock)
    assert heading.level == 2
    assert isinstance(rule, RuleBlock)
    assert quoted.containers == ("quote",)


def test_lists_are_flat_and_know_their_markers() -> None:
    blocks = parse("3. a\n4. b\n   - c\n     - d\n\n   more of b\n- [x] done\n- [ ] to do\n-\n")
    rows = [(block.marker, block.containers, spans_text(block.spans)) for block in blocks]
    assert rows == [
        ("3.", ("item",), "a"),
        ("4.", ("item",), "b"),
        ("•", ("item", "item"), "c"),
        ("◦", ("item", "item", "item"), "d"),
        ("", ("item",), "more of b"),
        ("☑", ("item",), "done"),
        ("☐", ("item",), "to do"),
        ("•", ("item",), ""),
    ]


def test_tightness_follows_blank_lines() -> None:
    blocks = parse("- a\n- b\n\n- c\n")
    assert [block.is_tight for block in blocks] == [False, True, False]


@pytest.mark.parametrize("text", ["48213.", "-", "7)", "> 12."])
def test_a_marker_alone_is_what_it_says(text: str) -> None:
    (block,) = parse(text)
    assert isinstance(block, TextBlock)
    assert block.marker == ""
    assert spans_text(block.spans) == text.lstrip("> ")
    assert "item" not in block.containers


def test_an_empty_item_among_others_stays_an_item() -> None:
    assert [block.marker for block in parse("1.\n2. two\n")] == ["1.", "2."]


def test_table_has_alignments_and_whole_rows() -> None:
    (table,) = parse("| a | b |\n|:--|--:|\n| 1 |\n| 2 | **3** | 4 |\n")
    assert isinstance(table, TableBlock)
    assert table.alignments == ("left", "right")
    assert [len(row) for row in table.rows] == [2, 2, 2]
    assert table.rows[2][1] == (Span("3", bold=True),)


def test_code_keeps_its_text_and_language() -> None:
    (block,) = parse("```python title=x\n  if a:\n\n    b\n```\n")
    assert block == CodeBlock(code="  if a:\n\n    b", language="python")


def test_nothing_is_fetched_or_interpreted_as_html() -> None:
    (block,) = parse("<b>x</b> ![alt](https://pictures.example/p.png)")
    assert isinstance(block, TextBlock)
    assert block.spans[-1] == Span("▧ alt", href="https://pictures.example/p.png")
    assert spans_text(block.spans).startswith("<b>x</b>")


def test_bare_urls_become_links_without_their_punctuation() -> None:
    (block,) = parse("See https://a.example/b_c?d=1, or (https://e.example).")
    assert isinstance(block, TextBlock)
    assert [span.href for span in block.spans if span.href] == [
        "https://a.example/b_c?d=1",
        "https://e.example",
    ]


def test_stable_blocks_grow_while_the_tail_stays_small() -> None:
    stream = StreamParser()
    for number in range(200):
        stream.append(f"{number}. item with some words\n")
    assert len(stream.stable) >= 198
    assert len(stream.tail) <= 2


def test_an_open_fence_is_not_parsed_again() -> None:
    stream = StreamParser()
    stream.append("Text\n\n```c\n")
    for number in range(100):
        stream.append(f"line {number};\n")
    (block,) = stream.tail
    assert isinstance(block, CodeBlock)
    assert block.code.count("\n") == 99
    stream.append("```\nafter")
    assert stream.stable[-1] == block
    assert spans_text(stream.tail[0].spans) == "after"


@pytest.mark.parametrize("partial", ["-", "--", "=", "#", "``", "1."])
def test_an_undecided_line_is_held_back(partial: str) -> None:
    stream = StreamParser()
    stream.append("A paragraph\n" + partial)
    assert stream.tail == parse("A paragraph")
    stream.finish()
    assert stream.stable + stream.tail == parse("A paragraph\n" + partial)


_LINES = st.sampled_from(
    [
        "",
        "",
        "text of a paragraph",
        "**bold** and `code`",
        "- item",
        "- ",
        " - item",
        "  - nested",
        "    deep",
        "* star",
        "1. one",
        "2. two",
        "7) seven",
        "   - in one",
        "> quote",
        ">> more",
        "> - in quote",
        "```",
        "```py",
        "````",
        "~~~",
        "  ```",
        "- ```",
        "    code",
        "\tcode",
        "# heading",
        "title",
        "===",
        "---",
        "***",
        "| a | b |",
        "|---|---|",
        "a|b",
        "-|-",
        "[x]: https://x.example",
        "[x]",
        "<div>",
        "&amp; \\* x",
        "[ ] task",
        "- [ ] task",
        "$$",
        "$$ a + b",
        "a $$",
        "$$x$$",
        "\\[",
        "\\]",
        "+ $b$",
        "[^1]: a note",
        "[^1]:",
        "said [^1]",
        "\\",
        "x  ",
    ]
)
_TEXTS = st.one_of(
    st.lists(_LINES, max_size=14).map("\n".join),
    st.text(alphabet=st.sampled_from("ab1.)-+*_=#>`~| \n\t\r[]()!<&\\:$^{}"), max_size=60),
)


@settings(max_examples=400, deadline=None)
@given(_TEXTS, st.data())
def test_any_split_gives_the_blocks_of_the_whole(text: str, data: st.DataObject) -> None:
    stream = StreamParser()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        stream.append(text[start:end])
    stream.finish()
    assert stream.stable + stream.tail == parse(text)


@settings(max_examples=300, deadline=None)
@given(_TEXTS, st.integers(0, 40))
def test_sections_alone_mean_what_they_mean_together(text: str, least: int) -> None:
    together = [block for section in split_sections(text, least) for block in parse(section)]
    assert tuple(together) == parse(text)


def test_footnotes_stand_where_they_are_written() -> None:
    said, note, after = parse("Said[^1].\n\n[^1]: The note\n    goes on\n\nAfter")
    assert isinstance(said, TextBlock)
    assert said.spans[1] == Span("1", script=1)
    assert isinstance(note, TextBlock)
    assert (note.marker, note.containers, spans_text(note.spans)) == ("1", ("note",), "The note goes on")
    assert not after.containers


def test_a_footnote_is_known_before_its_note_has_come() -> None:
    stream = StreamParser()
    stream.append("Said[^long].\n\nMore\n\n")
    (said,) = stream.stable
    stream.append("[^long]: The note\n")
    assert stream.stable[0] is said
