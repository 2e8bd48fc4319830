-- What queries read: the generation that is active, found through search_path.
-- Dropped and made again, because `create or replace` cannot change columns.
drop view if exists countersign.accounts, countersign.sessions, countersign.checkpoints;
create view countersign.accounts as select * from accounts;
create view countersign.sessions as select * from sessions;
create view countersign.checkpoints as select * from checkpoints;
