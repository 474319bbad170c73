"""LaTeX's names of signs, as far as models write them; Greek letters are found by their Unicode names."""

# Between two things they have a space on either side.
OPERATORS = "=≠<>≤≥≪≫≈≡∼≃≅∝→←↔⇒⇐⇔↦⟶⟹⟺∈∉∋⊂⊃⊆⊇∪∩∧∨⊕⊗+−±∓×÷·∗∘∣∥⊥⊢⊨≔≺≻∖"

SIGNS = {
    # relations
    "ne": "≠", "neq": "≠", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ll": "≪", "gg": "≫",
    "leqslant": "≤", "geqslant": "≥", "approx": "≈", "equiv": "≡", "sim": "∼", "simeq": "≃", "cong": "≅",
    "propto": "∝", "in": "∈", "notin": "∉", "ni": "∋", "subset": "⊂", "supset": "⊃", "subseteq": "⊆",
    "supseteq": "⊇", "mid": "∣", "parallel": "∥", "perp": "⊥", "vdash": "⊢", "models": "⊨",
    "coloneqq": "≔", "prec": "≺", "succ": "≻", "lt": "<", "gt": ">",
    # arrows
    "to": "→", "rightarrow": "→", "leftarrow": "←", "gets": "←", "leftrightarrow": "↔", "Rightarrow": "⇒",
    "Leftarrow": "⇐", "Leftrightarrow": "⇔", "implies": "⟹", "iff": "⟺", "mapsto": "↦",
    "longrightarrow": "⟶", "uparrow": "↑", "downarrow": "↓",
    # operators
    "cdot": "·", "times": "×", "div": "÷", "pm": "±", "mp": "∓", "ast": "∗", "circ": "∘", "cup": "∪",
    "cap": "∩", "land": "∧", "wedge": "∧", "lor": "∨", "vee": "∨", "oplus": "⊕", "otimes": "⊗", "odot": "⊙",
    "setminus": "∖", "neg": "¬", "lnot": "¬", "star": "⋆", "bullet": "∙",
    # large ones
    "sum": "∑", "prod": "∏", "int": "∫", "iint": "∬", "iiint": "∭", "oint": "∮", "bigcup": "⋃", "bigcap": "⋂",
    "coprod": "∐",
    # single signs
    "infty": "∞", "partial": "∂", "nabla": "∇", "forall": "∀", "exists": "∃", "nexists": "∄",
    "emptyset": "∅", "varnothing": "∅", "aleph": "ℵ", "hbar": "ℏ", "ell": "ℓ", "Re": "ℜ", "Im": "ℑ",
    "prime": "′", "degree": "°", "angle": "∠", "triangle": "△", "square": "□", "blacksquare": "■",
    "checkmark": "✓", "dagger": "†", "therefore": "∴", "because": "∵", "top": "⊤", "bot": "⊥",
    "ldots": "…", "dots": "…", "cdots": "⋯", "vdots": "⋮", "ddots": "⋱", "dotsc": "…", "dotsb": "⋯",
    "colon": ":", "backslash": "\\", "imath": "ı", "jmath": "ȷ",
    # Greek variants
    "varepsilon": "ε", "epsilon": "ϵ", "vartheta": "ϑ", "varphi": "φ", "phi": "ϕ", "varrho": "ϱ",
    "varsigma": "ς", "varpi": "ϖ",
    # brackets
    "{": "{", "}": "}", "lbrace": "{", "rbrace": "}", "langle": "⟨", "rangle": "⟩", "lfloor": "⌊",
    "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "|": "‖", "Vert": "‖", "vert": "|", "lvert": "|", "rvert": "|",
    "lVert": "‖", "rVert": "‖", "lbrack": "[", "rbrack": "]",
    # signs that LaTeX wants escaped
    "%": "%", "$": "$", "#": "#", "&": "&", "_": "_",
}  # fmt: skip

FUNCTIONS = frozenset(
    {
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "log",
        "ln",
        "lg",
        "exp",
        "lim",
        "limsup",
        "liminf",
        "max",
        "min",
        "sup",
        "inf",
        "arg",
        "det",
        "dim",
        "ker",
        "deg",
        "gcd",
        "hom",
        "Pr",
        "argmax",
        "argmin",
        "mod",
    }
)

ACCENTS = {
    "hat": "\u0302", "widehat": "\u0302", "bar": "\u0304", "overline": "\u0305", "tilde": "\u0303",
    "widetilde": "\u0303", "vec": "\u20d7", "dot": "\u0307", "ddot": "\u0308", "underline": "\u0332",
}  # fmt: skip

# What only moves or sizes things: the space it leaves.
UNSEEN = {
    ",": "\u2009", ":": "\u2009", ";": " ", " ": " ", "!": "", "quad": "  ", "qquad": "    ", "\\": "\n",
    "newline": "\n", "displaystyle": "", "textstyle": "", "scriptstyle": "", "limits": "", "nolimits": "",
    "big": "", "Big": "", "bigg": "", "Bigg": "", "bigl": "", "bigr": "", "Bigl": "", "Bigr": "", "biggl": "",
    "biggr": "", "middle": "", "nonumber": "", "notag": "", "hline": "", "pmod": "mod ", "bmod": " mod ",
}  # fmt: skip
