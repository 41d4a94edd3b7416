// SPDX-License-Identifier: GPL-3.0-or-later

package moderation

// schema is the history of the tables; a released step never changes. Times are
// Unix milliseconds.
var schema = []string{`
CREATE TABLE comment(
	n       INTEGER PRIMARY KEY AUTOINCREMENT, -- a number is never given twice
	page    TEXT    NOT NULL,
	parent  INTEGER NOT NULL DEFAULT 0,        -- the comment replied to, or 0
	author  TEXT    NOT NULL,
	id      TEXT    NOT NULL DEFAULT '',       -- cryptographic ID; the secret is nowhere
	text    TEXT    NOT NULL,
	at      INTEGER NOT NULL,
	edited  INTEGER NOT NULL DEFAULT 0,
	changed INTEGER NOT NULL,                  -- last change of state or text
	state   TEXT    NOT NULL,
	verdict TEXT    NOT NULL,
	score   REAL    NOT NULL,
	net     TEXT    NOT NULL DEFAULT '',       -- truncated before it came here
	hash    TEXT    NOT NULL,                  -- of the normalised text, for duplicates
	nonce   TEXT    UNIQUE                     -- of the form: one form, one comment
) STRICT;
CREATE INDEX comment_page ON comment(page, state);
CREATE INDEX comment_state ON comment(state, n);
CREATE INDEX comment_at ON comment(at);
CREATE INDEX comment_hash ON comment(hash, at);
CREATE INDEX comment_id ON comment(id);
CREATE TABLE label(                            -- what people said, kept to refit from
	n      INTEGER PRIMARY KEY,
	spam   INTEGER NOT NULL,
	author TEXT    NOT NULL,
	text   TEXT    NOT NULL,                   -- outlives the comment
	at     INTEGER NOT NULL,
	learnt INTEGER NOT NULL DEFAULT 0          -- the running filter knows it
) STRICT;
CREATE INDEX label_learnt ON label(learnt);
CREATE TABLE decision(
	seq      INTEGER PRIMARY KEY,
	command  TEXT    NOT NULL UNIQUE,          -- the same command again changes nothing
	n        INTEGER NOT NULL,
	decision TEXT    NOT NULL,
	was      TEXT    NOT NULL,                 -- state before
	label    TEXT    NOT NULL,                 -- label before, or empty
	at       INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_at ON decision(at);
CREATE TABLE dirty(page TEXT PRIMARY KEY, seq INTEGER NOT NULL DEFAULT 1) STRICT; -- to be put into the page store
CREATE TABLE memo(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
`, `
CREATE TABLE standing(id TEXT PRIMARY KEY, standing TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
`, `
CREATE TABLE suggestion(
	n       INTEGER PRIMARY KEY AUTOINCREMENT,
	page    TEXT    NOT NULL,
	author  TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	note    TEXT    NOT NULL,
	base    TEXT    NOT NULL, -- the source it was made from
	text    TEXT    NOT NULL,
	added   INTEGER NOT NULL,
	removed INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	state   TEXT    NOT NULL,
	net     TEXT    NOT NULL,
	nonce   TEXT    UNIQUE,
	command TEXT,              -- that decided
	decided INTEGER
) STRICT;
CREATE INDEX suggestion_state ON suggestion(state, n);
`, `
ALTER TABLE decision ADD COLUMN subject TEXT NOT NULL DEFAULT ''; -- the ID of a ban; "edit" of a suggestion; else n is a comment
ALTER TABLE decision ADD COLUMN undone TEXT;                      -- the command that took it back
CREATE INDEX decision_undone ON decision(undone);
ALTER TABLE suggestion ADD COLUMN before TEXT; -- the page's source around an accepted edit
ALTER TABLE suggestion ADD COLUMN after TEXT;
`, `
CREATE TABLE letter(
	n      INTEGER PRIMARY KEY AUTOINCREMENT,
	author TEXT    NOT NULL,
	reach  TEXT    NOT NULL,
	text   TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	spam   INTEGER NOT NULL,
	read   INTEGER NOT NULL DEFAULT 0,
	net    TEXT    NOT NULL,
	nonce  TEXT    UNIQUE
) STRICT;
CREATE INDEX letter_read ON letter(read, spam);
ALTER TABLE comment ADD COLUMN signer TEXT NOT NULL DEFAULT ''; -- fingerprint of the SSH key that signed it
`, `
CREATE INDEX comment_signed ON comment(signer, hash) WHERE signer <> '';
CREATE INDEX comment_last ON comment(page, state, at); -- the newest of a page, whatever it has
DROP INDEX comment_page;
`, `
ALTER TABLE label ADD COLUMN seq INTEGER NOT NULL DEFAULT 0; -- counts what people said
`}

// schemaPostgres is the history of the same tables in PostgreSQL, where several
// servers share them. There, label.seq instead of learnt tells each server what
// its filter has not seen yet.
var schemaPostgres = []string{`
CREATE TABLE comment(
	n       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	page    TEXT   NOT NULL,
	parent  BIGINT NOT NULL DEFAULT 0,
	author  TEXT   NOT NULL,
	id      TEXT   NOT NULL DEFAULT '',
	text    TEXT   NOT NULL,
	at      BIGINT NOT NULL,
	edited  BIGINT NOT NULL DEFAULT 0,
	changed BIGINT NOT NULL,
	state   TEXT   NOT NULL,
	verdict TEXT   NOT NULL,
	score   DOUBLE PRECISION NOT NULL,
	net     TEXT   NOT NULL DEFAULT '',
	hash    TEXT   NOT NULL,
	nonce   TEXT   UNIQUE,
	signer  TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX comment_last ON comment(page, state, at);
CREATE INDEX comment_state ON comment(state, n);
CREATE INDEX comment_at ON comment(at);
CREATE INDEX comment_hash ON comment(hash, at);
CREATE INDEX comment_id ON comment(id);
CREATE INDEX comment_signed ON comment(signer, hash) WHERE signer <> '';
CREATE TABLE label(
	n      BIGINT PRIMARY KEY,
	spam   BOOLEAN NOT NULL,
	author TEXT    NOT NULL,
	text   TEXT    NOT NULL,
	at     BIGINT  NOT NULL,
	learnt BOOLEAN NOT NULL DEFAULT FALSE,
	seq    BIGINT  NOT NULL
);
CREATE INDEX label_seq ON label(seq);
CREATE TABLE decision(
	seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	command  TEXT   NOT NULL UNIQUE,
	n        BIGINT NOT NULL,
	decision TEXT   NOT NULL,
	was      TEXT   NOT NULL,
	label    TEXT   NOT NULL,
	at       BIGINT NOT NULL,
	subject  TEXT   NOT NULL DEFAULT '',
	undone   TEXT
);
CREATE INDEX decision_at ON decision(at);
CREATE INDEX decision_undone ON decision(undone);
CREATE TABLE dirty(page TEXT PRIMARY KEY, seq BIGINT NOT NULL DEFAULT 1);
CREATE TABLE memo(key TEXT PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE standing(id TEXT PRIMARY KEY, standing TEXT NOT NULL, at BIGINT NOT NULL);
CREATE TABLE suggestion(
	n       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	page    TEXT   NOT NULL,
	author  TEXT   NOT NULL,
	id      TEXT   NOT NULL,
	note    TEXT   NOT NULL,
	base    TEXT   NOT NULL,
	text    TEXT   NOT NULL,
	added   BIGINT NOT NULL,
	removed BIGINT NOT NULL,
	at      BIGINT NOT NULL,
	state   TEXT   NOT NULL,
	net     TEXT   NOT NULL,
	nonce   TEXT   UNIQUE,
	command TEXT,
	decided BIGINT,
	before  TEXT,
	after   TEXT
);
CREATE INDEX suggestion_state ON suggestion(state, n);
CREATE TABLE letter(
	n      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	author TEXT    NOT NULL,
	reach  TEXT    NOT NULL,
	text   TEXT    NOT NULL,
	at     BIGINT  NOT NULL,
	spam   BOOLEAN NOT NULL,
	read   BOOLEAN NOT NULL DEFAULT FALSE,
	net    TEXT    NOT NULL,
	nonce  TEXT    UNIQUE
);
CREATE INDEX letter_read ON letter(read, spam);
`}
