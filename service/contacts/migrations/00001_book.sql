-- +goose Up
CREATE TABLE settings (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT;

CREATE TABLE cards (
	id      INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
	uid     TEXT    NOT NULL UNIQUE,
	name    TEXT    NOT NULL,                  -- as it may be shown to anybody
	vcard   BLOB    NOT NULL,                  -- version 4.0
	blocked INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What is searched, folded.
CREATE TABLE terms (
	card  INTEGER NOT NULL REFERENCES cards(id) ON DELETE CASCADE,
	field INTEGER NOT NULL,
	text  TEXT    NOT NULL,
	PRIMARY KEY (card, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (
	card INTEGER NOT NULL REFERENCES cards(id) ON DELETE CASCADE,
	tag  TEXT    NOT NULL, -- folded
	name TEXT    NOT NULL,
	PRIMARY KEY (card, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tagged ON tags(tag, card);

-- Mails outlive their contacts: whoever sent one must not be able to tell.
CREATE TABLE mails (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	mailer  BLOB    NOT NULL, -- who took it
	client  BLOB    NOT NULL, -- the hash of the sender's key
	content BLOB    NOT NULL, -- its hash
	card    INTEGER NOT NULL,
	tags    TEXT    NOT NULL, -- JSON: groups that the contact must be in
	label   TEXT    NOT NULL,
	subject TEXT    NOT NULL,
	draft   BLOB,             -- JSON; gone once it is of no more use
	answers TEXT    NOT NULL, -- the message id that it answers
	state   INTEGER NOT NULL,
	hold    INTEGER NOT NULL, -- which of its holds is next
	due     INTEGER NOT NULL, -- milliseconds since 1970
	created INTEGER NOT NULL,
	tries   INTEGER NOT NULL DEFAULT 0,
	detail  TEXT    NOT NULL DEFAULT '',
	UNIQUE (mailer, client)
) STRICT;
CREATE INDEX due ON mails(state, due);
CREATE INDEX written ON mails(card, state, due);

CREATE TABLE holds (
	mail     INTEGER NOT NULL REFERENCES mails(id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	queue    BLOB    NOT NULL,
	owner    INTEGER NOT NULL, -- 1: of a book, which may know the name
	decision INTEGER,
	PRIMARY KEY (mail, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX queued ON holds(queue, mail) WHERE decision IS NULL;

CREATE TABLE charges (
	budget BLOB    NOT NULL,
	mail   INTEGER NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (budget, at, mail)
) STRICT, WITHOUT ROWID;

CREATE TABLE replies (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	mail     INTEGER NOT NULL REFERENCES mails(id),
	mailer   BLOB    NOT NULL,
	message  TEXT    NOT NULL, -- its Message-ID
	subject  TEXT    NOT NULL,
	text     TEXT    NOT NULL,
	received INTEGER NOT NULL,
	UNIQUE (mail, message)
) STRICT;
CREATE INDEX answered ON replies(mailer, id);
