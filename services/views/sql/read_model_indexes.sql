-- Lists go newest first by id: ids are UUIDv7, so the primary key is the order
-- of birth and the keyset of every page. These serve the filters.
-- Only the beginning: a long name must not be too long for an index row.
create index sessions_by_client on sessions (left(client, 64), id);
create index sessions_by_ip on sessions (ip_addr, id) where ip_addr is not null;
create index sessions_by_first_ip on sessions (first_ip_addr, id) where first_ip_addr is not null;
create index sessions_by_cause on sessions (ended_cause, id) where ended_cause is not null;
create index revocations_by_time on revocations (requested_at, id);
-- For counting: of many that are over, only those that are not. Neither key nor
-- condition is changed by a refresh.
create index sessions_open on sessions (expires_at) where ended_at is null;
create index accounts_suspended on accounts (id) where state = 'suspended';
create index sessions_ended on sessions (ended_at) where ended_at is not null;
create index sessions_to_forget on sessions using brin (forget_at) with (pages_per_range = 32);
create index history_to_forget on history using brin (forget_at) with (pages_per_range = 32);
