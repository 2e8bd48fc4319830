-- One generation of the read models, created in its own schema with
-- search_path set to it. Change anything here and raise `control::VERSION`.
-- No foreign keys between views; every row carries the position that last
-- wrote it. Secondary indexes are in read_model_indexes.sql, because a rebuild
-- makes them last.

create table accounts (
    id uuid primary key,
    email text,
    email_lower text,
    display_name text,
    display_name_lower text,
    email_verified boolean not null default false,
    roles text[] not null,
    created_at timestamptz not null,
    state text not null default 'active',
    min_epoch bigint not null default 0,
    sessions_ended_at timestamptz,
    sessions_ended_by text,
    sessions_ended_by_id uuid,
    sessions_ended_reason text,
    shard smallint not null,
    sequence bigint not null
);

-- The free tenth of each page keeps a refresh on its own page (a HOT update),
-- so none of the indexes below is written by it.
create table sessions (
    id uuid primary key,
    account_id uuid not null,
    client text not null,
    ip text,
    ip_addr inet,
    user_agent text,
    acr text not null,
    amr text[] not null,
    started_at timestamptz not null,
    auth_time timestamptz not null,
    last_seen_at timestamptz not null,
    idle_expires_at timestamptz not null,
    expires_at timestamptz not null,
    forget_at timestamptz not null,
    generation bigint not null,
    epoch bigint not null,
    ended_at timestamptz,
    ended_by text,
    ended_by_id uuid,
    end_reason text,
    end_note text,
    ended_sequence bigint,
    shard smallint not null,
    started_sequence bigint not null,
    sequence bigint not null
) with (fillfactor = 90);

-- A person's sessions, and among them those a `sessions_ended` event ends: the
-- one index that a rebuild itself needs.
create index sessions_by_account on sessions (account_id, ended_sequence);

create table checkpoints (
    shard smallint primary key,
    sequence bigint not null,
    head bytea not null check (length(head) = 32)
);
