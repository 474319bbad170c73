"""Names a conversation after what was asked first."""

import re

LONGEST = 48


def title_of(text: str) -> str:
    """Return the first line with words in it, without markdown marks, cut at a word's end."""
    lines = (re.sub(r"^[\s#>*`\-]+|[\s*`]+$", "", line) for line in text.splitlines())
    title = re.sub(r"\s+", " ", next((line for line in lines if line), ""))
    if len(title) <= LONGEST:
        return title
    cut = title[:LONGEST]
    # Scripts without spaces between words are cut where they are.
    return (cut.rsplit(" ", 1)[0] if " " in cut[LONGEST // 2 :] else cut).rstrip(" ,.;:") + "…"
