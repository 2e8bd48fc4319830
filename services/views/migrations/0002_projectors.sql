-- What projectors are doing, for operators who ask over HTTP, and the one
-- rebuild that is under way, was asked for, or was the last. All times are by
-- the clock of Postgres. Nothing here decides who projects or rebuilds: that
-- is done by advisory locks.

create table countersign.projectors (
    name text primary key,
    seen_at timestamptz not null
) with (fillfactor = 50);

-- Written by the owner of a shard about once a second.
create table countersign.shard_owners (
    shard smallint primary key check (shard between 0 and 63),
    projector text not null,
    state text not null check (state in ('running', 'waiting', 'failed')),
    events_per_second bigint not null,
    seen_at timestamptz not null
) with (fillfactor = 50);

-- At most one row. Whoever rebuilds writes it about once a second. The error
-- holds no personal data.
create table countersign.rebuild (
    is_only boolean primary key default true check (is_only),
    state text not null check (state in ('requested', 'running', 'done', 'failed')),
    -- Whether a projector was asked for it, and another goes on with it when
    -- that one is lost.
    is_request boolean not null,
    -- How often a projector has taken it up since it was asked for.
    tries smallint not null default 0,
    requested_by uuid,
    runner text,
    generation integer,
    phase text,
    positions bigint[] not null default '{}',
    events_per_second bigint,
    eta_seconds bigint,
    error text,
    changed_at timestamptz not null
) with (fillfactor = 50);
