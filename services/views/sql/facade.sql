-- What queries read: the generation that is active, found through search_path.
-- Dropped and made again, because `create or replace` cannot change columns.
-- Sessions before accounts, as every query names them: the other order could
-- deadlock with a query that has locked the one and waits for the other.
drop view if exists countersign.revocations;
drop view if exists countersign.history;
drop view if exists countersign.sessions;
drop view if exists countersign.accounts;
drop view if exists countersign.clients;
drop view if exists countersign.checkpoints;
create view countersign.history as select * from history;
create view countersign.sessions as select * from sessions;
create view countersign.accounts as select * from accounts;
create view countersign.revocations as select * from revocations;
create view countersign.clients as select * from clients;
create view countersign.checkpoints as select * from checkpoints;
