"""The database's tables, as the steps that led to them: step N brings a file from version N to N + 1."""

import sqlite3

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE chats (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL DEFAULT '',
        system_prompt TEXT NOT NULL DEFAULT '',
        sampling TEXT NOT NULL DEFAULT '',
        draft TEXT NOT NULL DEFAULT '',
        model TEXT NOT NULL DEFAULT '',
        tokens INTEGER,
        created_s REAL NOT NULL,
        updated_s REAL NOT NULL
    ) STRICT;
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        content TEXT NOT NULL,
        reasoning TEXT NOT NULL DEFAULT '',
        reasoning_s REAL NOT NULL DEFAULT 0,
        figures TEXT NOT NULL DEFAULT '',
        is_partial INTEGER NOT NULL DEFAULT 0,
        is_superseded INTEGER NOT NULL DEFAULT 0,
        created_s REAL NOT NULL
    ) STRICT;
    CREATE INDEX messages_of_chat ON messages (chat_id, id);
    CREATE INDEX chats_by_time ON chats (updated_s);
    """,
    # A message without a place of its own stands where its id puts it; `stands_for` lists the ids of the
    # messages that a summary was made of.
    """
    ALTER TABLE chats ADD COLUMN overflow TEXT NOT NULL DEFAULT '';
    ALTER TABLE messages ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE messages ADD COLUMN is_dropped INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE messages ADD COLUMN stands_for TEXT NOT NULL DEFAULT '';
    ALTER TABLE messages ADD COLUMN place REAL;
    CREATE TABLE parked (
        chat_id INTEGER PRIMARY KEY REFERENCES chats (id) ON DELETE CASCADE,
        file TEXT NOT NULL,
        model TEXT NOT NULL,
        n_bytes INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        reread_s REAL,
        used_s REAL NOT NULL
    ) STRICT;
    """,
    # Pieces of three characters find words in languages that put no spaces between them, too.
    """
    CREATE VIRTUAL TABLE said
        USING fts5(content, content = 'messages', content_rowid = 'id', tokenize = 'trigram');
    CREATE TRIGGER said_more AFTER INSERT ON messages BEGIN
        INSERT INTO said (rowid, content) VALUES (new.id, new.content);
    END;
    CREATE TRIGGER said_no_more AFTER DELETE ON messages BEGIN
        INSERT INTO said (said, rowid, content) VALUES ('delete', old.id, old.content);
    END;
    CREATE TRIGGER said_otherwise AFTER UPDATE OF content ON messages
        WHEN old.content IS NOT new.content
    BEGIN
        INSERT INTO said (said, rowid, content) VALUES ('delete', old.id, old.content);
        INSERT INTO said (rowid, content) VALUES (new.id, new.content);
    END;
    INSERT INTO said (said) VALUES ('rebuild');
    """,
    # Messages become a tree. Of those that gave way before there was one, the message in front is guessed:
    # the latest earlier one of the other role. A deleted conversation can come back until it is swept away.
    """
    ALTER TABLE messages ADD COLUMN parent INTEGER;
    ALTER TABLE messages ADD COLUMN is_chosen INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE messages ADD COLUMN attachments TEXT NOT NULL DEFAULT '';
    ALTER TABLE chats ADD COLUMN draft_attachments TEXT NOT NULL DEFAULT '';
    ALTER TABLE chats ADD COLUMN folder TEXT NOT NULL DEFAULT '';
    ALTER TABLE chats ADD COLUMN deleted_s REAL;
    UPDATE messages SET parent = before.id FROM (
        SELECT id AS own, lag(id) OVER (PARTITION BY chat_id ORDER BY coalesce(place, id), id) AS id
        FROM messages WHERE NOT is_superseded
    ) AS before WHERE messages.id = before.own;
    UPDATE messages SET is_chosen = 0, parent = (
        SELECT max(before.id) FROM messages AS before
        WHERE before.chat_id = messages.chat_id AND before.id < messages.id
            AND before.role != messages.role AND before.stands_for = ''
    ) WHERE is_superseded;
    CREATE INDEX messages_beside ON messages (chat_id, parent);
    """,
)
VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version that the file says it has; 0 for a new one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the current version; each step is one transaction, its version number included."""
    for number in range(version_of(connection), VERSION):
        script = f"BEGIN IMMEDIATE; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;"
        connection.executescript(script)
