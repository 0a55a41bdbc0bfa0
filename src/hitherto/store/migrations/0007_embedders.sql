-- Which embedders made the vectors. A row of passages, summaries or memories has room for two
-- vectors, in the slots 0 (`vector`) and 1 (`second_vector`); the embedder whose state is `current`
-- says which is compared. Beside it another can be `coming`, made while the first is in use, or
-- `going`, of no use any more and being taken away.
create table embedders (
    slot ${integer} not null primary key check (slot in (0, 1)),
    identity ${text} not null,
    state ${text} not null unique check (state in ('current', 'coming', 'going')),
    scale ${real} not null,
    shift ${real} not null
) ${strict};

insert into embedders (slot, identity, state, scale, shift)
select 0, value, 'current', 1.0, 0.0 from properties where name = 'embedder';

drop table properties;

alter table passages add column second_vector ${bytes};
alter table summaries add column second_vector ${bytes};
alter table memories add column second_vector ${bytes};

-- The user's revision up to which all of their vectors of the coming embedder are there.
alter table users add column coming_revision ${integer} not null default -1;
