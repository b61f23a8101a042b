-- +goose Up
-- Times are microseconds since 1970 by the ledger's clock.

create table ledger_meta (
	one       integer primary key check (one = 1),
	key_check bytea not null
);

-- The clock never runs back: it is the server's, or high if that is later.
create table ledger_clock (
	one  integer primary key check (one = 1),
	high bigint not null
);
insert into ledger_clock values (1, 0);

-- +goose StatementBegin
create function ledger_now() returns bigint language sql volatile as $$
	select greatest(high, (extract(epoch from clock_timestamp()) * 1000000)::bigint) from ledger_clock
$$;
-- +goose StatementEnd

create sequence ledger_edge_ids;

create table ledger_edges (
	id         bigint primary key,
	parent     bigint references ledger_edges (id),
	depth      integer not null,
	from_label text not null,
	label      text not null,
	object     text not null,
	steps      bytea not null,
	words      text not null,
	created    bigint not null,
	expires    bigint not null, -- 9223372036854775807: never
	last_used  bigint not null, -- 0: never
	uses       bigint not null,
	max_uses   bigint not null, -- 0: unlimited
	cuts       bigint not null, -- standing revocations
	dropped    bigint not null, -- 0, or when
	held       boolean not null, -- keeps its label from its siblings
	sealed_for bytea,
	hash       bytea,
	mac        bytea not null,
	check (cuts >= 0),
	check (max_uses = 0 or uses <= max_uses),
	check (parent < id)
) with (fillfactor = 90);
create unique index ledger_edges_hash on ledger_edges (hash) where hash is not null;
create unique index ledger_edges_label on ledger_edges (parent, label) where held;
create index ledger_edges_parent on ledger_edges (parent, cuts, dropped, expires) include (id);

create table ledger_revocations (
	id      bigint generated always as identity primary key,
	edge    bigint not null references ledger_edges (id),
	by_edge bigint not null references ledger_edges (id),
	reason  text not null,
	at      bigint not null,
	undone  bigint not null -- 0, or when
);
create index ledger_revocations_edge on ledger_revocations (edge);
create index ledger_revocations_by on ledger_revocations (by_edge);

create table ledger_log (
	id         bigint generated always as identity primary key,
	at         bigint not null,
	verb       integer not null,
	edge       bigint not null references ledger_edges (id),
	by_edge    bigint not null references ledger_edges (id),
	revocation bigint not null,
	reason     text not null
);
create index ledger_log_edge on ledger_log (edge);

-- The order of the feed is the order of commits: whoever appends holds the
-- lock of this row until it commits.
create table ledger_head (
	one integer primary key check (one = 1),
	seq bigint not null
);
insert into ledger_head values (1, 0);

create table ledger_feed (
	seq        bigint primary key,
	at         bigint not null,
	verb       integer not null,
	edge       bigint not null,
	revocation bigint not null,
	reason     text not null
);

create table ledger_vats (
	name  text primary key,
	seq   bigint not null,
	until bigint not null
);

create table ledger_allotments (
	id      bigint generated always as identity primary key,
	edge    bigint not null references ledger_edges (id),
	granted bigint not null,
	until   bigint not null
);

create table ledger_buckets (
	edge  bigint not null references ledger_edges (id),
	idx   integer not null,
	level bigint not null, -- tokens times the period in microseconds
	at    bigint not null,
	primary key (edge, idx)
);
