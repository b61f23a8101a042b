-- +goose Up
-- Times are microseconds since 1970 by the ledger's clock.

create table ledger_meta (
	one       integer primary key check (one = 1),
	key_check blob not null
) strict;

-- The clock never runs back: it is the system's, or high if that is later.
create table ledger_clock (
	one  integer primary key check (one = 1),
	high integer not null
) strict;
insert into ledger_clock values (1, 0);

create table ledger_edges (
	id         integer primary key,
	parent     integer references ledger_edges (id),
	depth      integer not null,
	from_label text not null,
	label      text not null,
	object     text not null,
	steps      blob not null,
	words      text not null,
	created    integer not null,
	expires    integer not null, -- 9223372036854775807: never
	last_used  integer not null, -- 0: never
	uses       integer not null,
	max_uses   integer not null, -- 0: unlimited
	cuts       integer not null, -- standing revocations
	dropped    integer not null, -- 0, or when
	held       integer not null, -- 1: keeps its label from its siblings
	sealed_for blob,
	hash       blob,
	mac        blob not null,
	check (cuts >= 0),
	check (max_uses = 0 or uses <= max_uses),
	check (parent < id)
) strict;
create unique index ledger_edges_hash on ledger_edges (hash) where hash is not null;
create unique index ledger_edges_label on ledger_edges (parent, label) where held;
create index ledger_edges_parent on ledger_edges (parent, cuts, dropped, expires);

create table ledger_revocations (
	id      integer primary key autoincrement,
	edge    integer not null references ledger_edges (id),
	by_edge integer not null references ledger_edges (id),
	reason  text not null,
	at      integer not null,
	undone  integer not null -- 0, or when
) strict;
create index ledger_revocations_edge on ledger_revocations (edge);
create index ledger_revocations_by on ledger_revocations (by_edge);

create table ledger_log (
	id         integer primary key autoincrement,
	at         integer not null,
	verb       integer not null,
	edge       integer not null references ledger_edges (id),
	by_edge    integer not null references ledger_edges (id),
	revocation integer not null,
	reason     text not null
) strict;
create index ledger_log_edge on ledger_log (edge);

create table ledger_head (
	one integer primary key check (one = 1),
	seq integer not null
) strict;
insert into ledger_head values (1, 0);

create table ledger_feed (
	seq        integer primary key,
	at         integer not null,
	verb       integer not null,
	edge       integer not null,
	revocation integer not null,
	reason     text not null
) strict;

create table ledger_vats (
	name  text primary key,
	seq   integer not null,
	until integer not null
) strict;

create table ledger_allotments (
	id      integer primary key autoincrement,
	edge    integer not null references ledger_edges (id),
	granted integer not null,
	until   integer not null
) strict;

create table ledger_buckets (
	edge  integer not null references ledger_edges (id),
	idx   integer not null,
	level integer not null, -- tokens times the period in microseconds
	at    integer not null,
	primary key (edge, idx)
) strict, without rowid;
