"""Keeps the rows of a conversation in step with the state, touching only what has changed."""

import time
from dataclasses import dataclass, field

from kvdesk.gui.attachment_rows import AttachmentHead, attachment_heads, toggle
from kvdesk.gui.figures import answer_line, place_words, thought_line
from kvdesk.gui.markdown_stream import StreamParser, split_sections
from kvdesk.gui.message_rows import MESSAGE_GAP, BubbleRow, FigureRow, ReasoningHead, WidgetRow
from kvdesk.gui.rows import Part, Row, TextRow, gap_between
from kvdesk.session.state import ChatMessage, Conversation, Streaming

LIVE_ID = -2  # message id of the answer that is being written
_ANSWER_GAP = 4.0  # the room for the question's actions is above it
_AFTER_REASONING = 12.0
_CHEAP_S = 0.01  # what taking a piece may cost without a rest after it
_REST = 4.0  # times the cost, before the next piece is taken
_SEAL_BLOCKS = 12  # stable blocks after which a live row is closed and another begun


@dataclass(slots=True)
class Group:
    """A finished message and its rows."""

    message: ChatMessage
    rows: list[Row] = field(default_factory=list)
    head: ReasoningHead | None = None


class _LiveText:
    """Rows of a text that grows; only the last one changes."""

    def __init__(self, part: Part, top_gap: float) -> None:
        self.text = ""
        self._part: Part = part
        self._parser = StreamParser()
        self._row = TextRow(LIVE_ID, "", part, top_gap, ())
        self.rows: list[TextRow] = [self._row]

    def grow(self, text: str) -> bool:
        """Take the whole text so far; True when it has changed."""
        if len(text) == len(self.text):
            return False
        self._parser.append(text[len(self.text) :])
        self.text = text
        self._show()
        return True

    def finish(self) -> None:
        """Show the last line whatever it is."""
        self._parser.finish()
        self._show()

    def _show(self) -> None:
        stable = self._parser.stable
        if len(stable) >= _SEAL_BLOCKS and self._parser.tail:
            sealed = self._parser.take_stable()
            self._row.set_blocks(sealed)
            gap = gap_between(sealed[-1], self._parser.tail[0])
            self._row = TextRow(LIVE_ID, "", self._part, gap, self._parser.tail)
            self.rows.append(self._row)
        else:
            self._row.set_blocks(stable + self._parser.tail)


class LiveAnswer:
    """The answer that is being written: its reasoning, unfolded while it comes, and its text."""

    def __init__(self) -> None:
        self._reasoning = _LiveText("reasoning", 6.0)
        self._answer = _LiveText("answer", _ANSWER_GAP)
        self._started_s = 0.0
        self._thought_s = 0.0
        self._due_s = 0.0
        self._user_folded: bool | None = None
        self.head: ReasoningHead | None = None
        self.figures = FigureRow(LIVE_ID, "", is_answer=True)

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._answer.text

    @property
    def reasoning(self) -> str:
        """The reasoning so far."""
        return self._reasoning.text

    def accepts(self, streaming: Streaming) -> bool:
        """Whether this is the same answer, grown."""
        return streaming.text.startswith(self.text) and streaming.reasoning.startswith(self.reasoning)

    def grow(self, streaming: Streaming) -> None:
        """Take what has arrived; text that is costly to lay out is taken in larger pieces."""
        if time.monotonic() < self._due_s:
            return
        start_s = time.thread_time()
        if streaming.reasoning and self.head is None:
            self._started_s = time.monotonic()
            self.head = ReasoningHead(LIVE_ID, "", _ANSWER_GAP)
            self._answer.rows[0].top_gap = _AFTER_REASONING
        self._reasoning.grow(streaming.reasoning)
        self._answer.grow(streaming.text)
        if self.head is not None:
            is_thinking = not streaming.text
            if is_thinking:
                self._thought_s = time.monotonic() - self._started_s
            self.head.caption = thought_line(self._thought_s, is_live=is_thinking)
            self.head.is_open = is_thinking if self._user_folded is None else not self._user_folded
        for row in (*self._reasoning.rows, *self._answer.rows):
            row.has_caret = False
        writing = self._reasoning if self.head is not None and not streaming.text else self._answer
        writing.rows[-1].has_caret = True
        if not writing.text:
            writing.rows[-1].release()
        cost_s = time.thread_time() - start_s
        if cost_s > _CHEAP_S:
            self._due_s = time.monotonic() + _REST * cost_s

    def fold(self) -> None:
        """Fold or unfold the reasoning at the user's wish."""
        if self.head is not None:
            self.head.is_open = not self.head.is_open
            self._user_folded = not self.head.is_open

    def rows(self) -> list[Row]:
        """Return the rows as they are shown now."""
        rows: list[Row] = []
        if self.head is not None:
            rows.append(self.head)
            if self.head.is_open:
                rows += self._reasoning.rows
        if self.head is None or self.text or not self.head.is_open:
            rows += self._answer.rows
        rows.append(self.figures)
        return rows

    def finished_as(self, message: ChatMessage) -> Group | None:
        """Turn into the finished message without parsing it again; None when it is another text."""
        whole = Streaming(0, message.content, message.reasoning)
        if not self.accepts(whole):
            return None
        self._due_s = 0.0
        self.grow(whole)  # the last pieces may have come together with the end
        self._answer.finish()
        for row in self._answer.rows:
            row.has_caret = False
            row.message_id = message.id
        head = None
        if self.head is not None:
            head = self.head
            head.message_id = message.id
            head.is_open = False
            head.caption = thought_line(message.reasoning_s or self._thought_s, is_live=False)
        figures = figure_row(message)
        group = Group(message, [*([head] if head else []), *self._answer.rows, figures], head)
        if self._user_folded is False:
            open_reasoning(group)
        return group


class Transcript:
    """The rows of the open conversation, of the live answer, and of a notice after them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.settled: list[Row] = []  # those of finished messages; another list whenever they change
        self.groups: list[Group] = []
        self._is_settled_stale = False
        self.live: LiveAnswer | None = None
        self._chat_id: int | None = None
        self._messages: tuple[ChatMessage, ...] = ()
        self._notice: WidgetRow | None = None

    def show(self, chat: Conversation | None, streaming: Streaming | None) -> bool:
        """Follow the state; True when another conversation is shown now."""
        chat_id = chat.id if chat is not None else None
        is_other = chat_id != self._chat_id
        if is_other:
            self.groups, self.live, self._messages, self._chat_id = [], None, (), chat_id
            self._is_settled_stale = True
        messages = chat.messages if chat is not None else ()
        if messages is not self._messages:
            self._follow_messages(messages)
        if streaming is not None and streaming.chat_id != chat_id:
            streaming = None
        if streaming is None:
            self.live = None
        else:
            if self.live is None or not self.live.accepts(streaming):
                self.live = LiveAnswer()
            self.live.grow(streaming)
        self._flatten()
        return is_other

    def set_notice(self, row: WidgetRow | None) -> None:
        """Put a notice after the last message, or take it away."""
        self._notice = row
        self._flatten()

    def fold(self, head: ReasoningHead) -> None:
        """Fold or unfold reasoning."""
        if self.live is not None and head is self.live.head:
            self.live.fold()
        for group in self.groups:
            if isinstance(head, AttachmentHead) and head in group.rows:
                group.rows = toggle(group.rows, head, split_lines(head.attachment.text))
                self._is_settled_stale = True
            elif group.head is head:
                if head.is_open:
                    close_reasoning(group)
                else:
                    open_reasoning(group)
                self._is_settled_stale = True
        self._flatten()

    def _follow_messages(self, messages: tuple[ChatMessage, ...]) -> None:
        kept = 0
        for known, message in zip(self.groups, messages, strict=False):
            if known.message is not message and known.message != message:
                break
            kept += 1
        del self.groups[kept:]
        for message in messages[kept:]:
            group = self.live.finished_as(message) if self.live and message.role == "assistant" else None
            if group is not None:
                self.live = None
            self.groups.append(group or message_group(message, is_first=not self.groups))
        self._messages = messages
        self._is_settled_stale = True

    def _flatten(self) -> None:
        if self._is_settled_stale:
            self.settled = [row for group in self.groups for row in group.rows]
            self._is_settled_stale = False
        self.rows = [*self.settled]
        if self.live is not None:
            self.rows += self.live.rows()
        if self._notice is not None:
            self.rows.append(self._notice)


def message_group(message: ChatMessage, *, is_first: bool) -> Group:
    """Return a finished message with its rows."""
    gap = 0.0 if is_first else MESSAGE_GAP
    if message.role == "user":
        sections = split_lines(message.content)
        last = len(sections) - 1
        rows: list[Row] = [
            BubbleRow(message.id, text, gap if at == 0 else 0.0, is_first=at == 0, is_last=at == last)
            for at, text in enumerate(sections)
        ]
        if message.attachments:
            rows[0].top_gap = 6.0 if message.content else 0.0
            heads = attachment_heads(message.id, message.attachments, gap)
            rows = [*heads, *(rows if message.content else ())]
        return Group(message, [*rows, figure_row(message)])
    gap = min(gap, _ANSWER_GAP)
    head = None
    if message.reasoning:
        head = ReasoningHead(message.id, thought_line(message.reasoning_s, is_live=False), gap)
        gap = _AFTER_REASONING
    texts: list[Row] = []
    for at, section in enumerate(split_sections(message.content)):
        texts.append(TextRow(message.id, section, top_gap=section_gap(section) if at else gap))
    figures = figure_row(message)
    return Group(message, [*([head] if head else []), *texts, figures], head)


def figure_row(message: ChatMessage) -> FigureRow:
    """Return the row under a message."""
    is_answer = message.role == "assistant"
    line = answer_line(message) if is_answer else place_words(message)
    return FigureRow(message.id, line, is_answer=is_answer, has_siblings=bool(message.siblings))


def section_gap(section: str) -> float:
    """Return the space above a section that follows another: that of its first block."""
    if section.startswith("#"):
        return 20.0
    return 12.0 if section.startswith(("```", "~~~")) else 10.0


def split_lines(text: str, most: int = 3000) -> list[str]:
    """Cut what a user wrote at line ends (a line longer than `most` where it must be)."""
    parts: list[str] = []
    at = 0
    while len(text) - at > most:
        end = text.rfind("\n", at, at + most) + 1
        if end <= at:
            end = text.rfind(" ", at, at + most) + 1
        if end <= at:
            end = at + most
        parts.append(text[at:end])
        at = end
    parts.append(text[at:])
    return parts


def open_reasoning(group: Group) -> None:
    """Show a message's reasoning under its head."""
    if group.head is None:
        return
    group.head.is_open = True
    sections = split_sections(group.message.reasoning)
    rows = [
        TextRow(group.message.id, text, "reasoning", section_gap(text) if at else 6.0)
        for at, text in enumerate(sections)
    ]
    where = group.rows.index(group.head) + 1
    group.rows[where:where] = rows


def close_reasoning(group: Group) -> None:
    """Fold a message's reasoning."""
    if group.head is not None:
        group.head.is_open = False
        group.rows = [row for row in group.rows if row is group.head or row.part != "reasoning"]
