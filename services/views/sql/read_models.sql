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
    suspended_note text,
    -- The second factors: credential to {"kind": .., "disabled": ..}.
    factors jsonb not null default '{}',
    password_disabled boolean not null default false,
    recovery_codes_left smallint,
    recovery_disabled boolean not null default false,
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
    -- The account event that ended it, if it was one: what a `continued` event
    -- of the session takes back.
    ended_epoch bigint,
    -- The message that led to the end, if one did: an order to end many.
    ended_cause uuid,
    -- The last such event: it has judged every end of the account before it.
    continued_sequence bigint not null default 0,
    elsewhere_at timestamptz,
    -- What the sign-in was, whatever the session has become since: what an order
    -- to end many selects by must not drift under it.
    first_ip_addr inet,
    first_user_agent text,
    first_acr text not null,
    shard smallint not null,
    started_sequence bigint not null,
    sequence bigint not null
) with (fillfactor = 90);

-- A person's sessions, and among them those a `sessions_ended` event ends: the
-- one index that a rebuild itself needs.
create index sessions_by_account on sessions (account_id, ended_sequence);

-- What happened to a person's account and sessions, without personal data: the
-- details are in the log at the row's position. A row about a session is
-- forgotten when the log forgets its message.
create table history (
    account_id uuid not null,
    shard smallint not null,
    sequence bigint not null,
    index_in_message smallint not null,
    occurred_at timestamptz not null,
    noun text not null,
    subject_id uuid not null,
    name text not null,
    actor_account uuid,
    forget_at timestamptz,
    primary key (shard, sequence, index_in_message)
);

-- A person's history, which is paged by it and deleted by it. All messages of a
-- person are in one shard, so the sequence is the order.
create index history_by_account on history (account_id, sequence, index_in_message);

-- The accounts whose person was forgotten, so that a late message about one of
-- their sessions makes no rows again.
create table erased (
    account_id uuid primary key,
    shard smallint not null,
    sequence bigint not null
);

-- Orders to end every session of a kind. What an order says is in the log,
-- sealed; which sessions it ended, in their rows (`ended_cause`).
create table revocations (
    id uuid primary key,
    -- The message of the order, which the ends name as their cause.
    message uuid not null,
    requested_by text not null,
    requested_by_id uuid,
    requested_at timestamptz not null,
    fence bigint[] not null,
    state text not null default 'requested',
    matched bigint,
    counted_at timestamptz,
    ended bigint,
    already_over bigint,
    failed bigint,
    finished_at timestamptz,
    shard smallint not null,
    sequence bigint not null
);

-- Services that sign in as themselves.
create table clients (
    id uuid primary key,
    name text not null,
    serves text[] not null,
    audiences text[] not null,
    scopes text[] not null,
    -- Secret to {"added": milliseconds, "expires": milliseconds}.
    secrets jsonb not null default '{}',
    jwks text,
    is_disabled boolean not null default false,
    min_epoch bigint not null default 0,
    created_at timestamptz not null,
    shard smallint not null,
    sequence bigint not null
);

create table checkpoints (
    shard smallint primary key,
    sequence bigint not null,
    head bytea not null check (length(head) = 32)
);
