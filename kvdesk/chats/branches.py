"""Keeps a conversation's messages as a tree, so that what was edited or answered again is a branch beside."""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Node:
    id: int
    parent: int | None  # the message before it; None: it begins the conversation
    is_shown: bool
    is_chosen: bool  # among its siblings, the one that was shown last
    is_summary: bool  # stands for others: belongs to one path, and is nobody's sibling


class Tree:
    """The messages of one conversation; the shown ones are a path from a beginning to a leaf."""

    def __init__(self, db: sqlite3.Connection, chat_id: int) -> None:
        rows = db.execute(
            "SELECT id, parent, NOT is_superseded, is_chosen, stands_for != '' FROM messages"
            " WHERE chat_id = ? ORDER BY id",
            (chat_id,),
        )
        nodes = [_Node(row[0], row[1], *map(bool, row[2:])) for row in rows]
        self._nodes = {node.id: node for node in nodes}
        self._children: dict[int | None, list[_Node]] = defaultdict(list)
        for node in nodes:
            self._children[node.parent].append(node)

    def shown(self) -> list[int]:
        """The ids of the shown messages, from the first to the last."""
        depths = self._depths()
        return sorted((node.id for node in self._nodes.values() if node.is_shown), key=depths.__getitem__)

    def siblings(self, message_id: int) -> tuple[int, ...]:
        """The messages that stand in one place, oldest first; () for one that stands alone."""
        node = self._nodes[message_id]
        ids = tuple(other.id for other in self._children[node.parent] if not other.is_summary)
        return ids if len(ids) > 1 and not node.is_summary else ()

    def chosen_path(self) -> list[int]:
        """The ids along the branches that were shown last."""
        path: list[int] = []
        at: int | None = None
        while children := [each for each in self._children[at] if each.is_chosen or not each.is_summary]:
            at = max(children, key=lambda each: (each.is_chosen, each.id)).id
            path.append(at)
        return path

    def _depths(self) -> dict[int, tuple[int, int]]:
        """How many messages are before each, and its id, where a file was put together by another hand."""
        depths: dict[int, tuple[int, int]] = {}
        waiting = [(node, 0) for node in self._nodes.values() if node.parent not in self._nodes]
        while waiting:
            node, depth = waiting.pop()
            depths[node.id] = (depth, node.id)
            waiting += [(child, depth + 1) for child in self._children[node.id]]
        return depths


def choose(db: sqlite3.Connection, chat_id: int, message_id: int) -> None:
    """Make a message the chosen one among its siblings."""
    db.execute(
        "UPDATE messages SET is_chosen = (id = ?) WHERE chat_id = ?"
        " AND parent IS (SELECT parent FROM messages WHERE id = ?)",
        (message_id, chat_id, message_id),
    )


def show_chosen(db: sqlite3.Connection, chat_id: int) -> None:
    """Show the path of the chosen messages, and no other message."""
    db.execute("UPDATE messages SET is_superseded = 1 WHERE chat_id = ? AND NOT is_superseded", (chat_id,))
    db.executemany(
        "UPDATE messages SET is_superseded = 0 WHERE id = ?",
        [(message_id,) for message_id in Tree(db, chat_id).chosen_path()],
    )
