"""Formulas become text that can be read, whatever is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.gui.latex import Piece, readable
from kvdesk.gui.markdown import TextBlock, parse
from kvdesk.gui.spans import spans_text


def shown(latex: str) -> str:
    """Return a formula with its raised parts after ^ and its lowered ones after _."""
    return "".join({0: "", 1: "^", -1: "_"}[piece.script] + piece.text for piece in readable(latex))


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}", "x = (−b ± √(b^2 − 4ac))/2a"),
        (r"\sum_{i=1}^{n} i^2", "∑_i_=1^n i^2"),
        (r"e^{i\pi} + 1 = 0", "e^iπ + 1 = 0"),
        (r"\mathbb{E}[X] \le \infty", "𝔼[X] ≤ ∞"),
        (r"\text{softmax}(z)_i", "softmax(z)_i"),
        (r"e^{z_{12}}", "e^z^₁₂"),
        (r"\frac{1}{2} \cdot \dfrac{a}{b+c}", "1⁄2 · a/(b + c)"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "(1, 2; 3, 4)"),
        (r"\begin{aligned} a &= b \\ &= c \end{aligned}", "a = b\n = c"),
        (r"\left( O(n \log n) \right)", "(O(n log n))"),
        (r"\hat{y} = -x", "ŷ = −x"),
        (r"f'(x), \Omega, \lambda", "f′(x), Ω, λ"),
        (r"\unheardof{x}", r"\unheardofx"),
        (r"100\% \text{ of } \$5", "100% of $5"),
    ],
)
def test_formulas_are_readable(latex: str, text: str) -> None:
    assert shown(latex).replace("y\u0302", "ŷ") == text


def test_variables_slant_and_numbers_stand() -> None:
    assert readable("2x") == (Piece("2"), Piece("x", italic=True))


@given(st.text(alphabet=st.sampled_from(r"\{}[]^_&$ abfrcsqtexbgin12+-'"), max_size=60))
def test_nothing_written_is_an_error(latex: str) -> None:
    readable(latex)


def test_deep_nesting_is_shown_and_does_not_overflow() -> None:
    assert "x" in shown("{" * 5000 + "x")
    assert "x" in shown(r"\sqrt{" * 5000 + "x")
    assert shown("^" * 5000 + "x")
    assert shown(r"\begin{matrix}" * 5000)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (r"so $a^2$ is", "so a2 is"),
        (r"so \(a \ne b\) is", "so a ≠ b is"),
        (r"so $$a$$ and \[b\] are", "so a and b are"),
        ("it costs $5 and then $6", "it costs $5 and then $6"),
        ("between US$5 and 6$ or $7/$8", "between US$5 and 6$ or $7/$8"),
        ("run $HOME/$USER", "run $HOME/$USER"),
        (r"\$a\$", "$a$"),
        ("`$a$`", "$a$"),
    ],
)
def test_formulas_are_told_from_money(text: str, seen: str) -> None:
    (block,) = parse(text)
    assert isinstance(block, TextBlock)
    assert spans_text(block.spans) == seen


@pytest.mark.parametrize("text", ["$$\na\n- b\n$$", "\\[\na\n- b\n\\]", "$$a\n- b$$"])
def test_a_displayed_formula_is_one_block(text: str) -> None:
    before, formula, after = parse(f"It is\n{text}\n\nthen")
    assert isinstance(formula, TextBlock)
    assert formula.containers == ("math",)
    assert spans_text(formula.spans) == "a − b"
    assert all(span.source == text for span in formula.spans) or "\n" in text
    assert not before.containers
    assert not after.containers


def test_a_formula_that_never_ends_stays_as_written() -> None:
    block, after = parse("$$ a = \\b\n\nmore")
    assert isinstance(block, TextBlock)
    assert spans_text(block.spans) == "$$ a = \\b"
    assert isinstance(after, TextBlock)
