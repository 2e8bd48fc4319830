-- The control schema: which generation of the read models is served, how far
-- the log has been anchored, and which shards cannot go on. The read models
-- themselves live in one schema a generation (see sql/read_models.sql).

create table countersign.read_models (
    generation integer primary key check (generation > 0),
    version integer not null,
    state text not null check (state in ('filling', 'active', 'standby', 'scratch')),
    created_at timestamptz not null default now(),
    activated_at timestamptz
);

create unique index read_models_one_active
    on countersign.read_models (state) where state = 'active';

-- How far each shard was seen, and the heads that prove what was seen.
create table countersign.anchors (
    shard smallint primary key check (shard between 0 and 63),
    sequence bigint not null check (sequence > 0),
    head bytea not null check (length(head) = 32),
    leaf bytea not null check (length(leaf) = 32)
);

-- The same, kept for every thousandth message.
create table countersign.anchor_checkpoints (
    shard smallint not null check (shard between 0 and 63),
    sequence bigint not null check (sequence > 0),
    head bytea not null check (length(head) = 32),
    leaf bytea not null check (length(leaf) = 32),
    primary key (shard, sequence)
);

-- The event each stopped shard stopped at. No personal data: an error names
-- its kind, never a value.
create table countersign.projection_failures (
    generation integer not null,
    shard smallint not null,
    sequence bigint not null,
    subject text not null,
    error text not null,
    attempts integer not null default 1,
    failed_at timestamptz not null default now(),
    retry_requested boolean not null default false,
    primary key (generation, shard)
);
