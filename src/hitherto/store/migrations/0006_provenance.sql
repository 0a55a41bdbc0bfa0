-- Who said a memory and what understood it, which memories are in doubt, and what was kept from
-- becoming a memory.

-- `model`: "local" for the rules, or provider:model. `prompt_hash`: of the prompt that it followed.
alter table memories add column said_by ${text} not null default 'user'
    check (said_by in ('user', 'assistant', 'imported'));
alter table memories add column confidence ${real} not null default 1
    check (confidence between 0 and 1);
alter table memories add column model ${text} not null default 'local';
alter table memories add column prompt_hash ${text};

-- A memory is in doubt since the memory `doubted_by` changed what it depended on; the three are set
-- together. No foreign key: the doubt is lifted when that memory is deleted.
alter table memories add column doubted_by ${text};
alter table memories add column doubt_reason ${text};
alter table memories add column doubted_at ${integer};

-- Statements that were found in a session and did not become memories. `kind` says of which sort,
-- `reason` quotes what gave it away, `positions` are those of the session's messages, as JSON.
create table quarantine (
    user_id ${text} not null,
    quarantine_id ${text} not null,
    session_id ${text} not null,
    content ${text} not null,
    kind ${text} not null,
    reason ${text} not null,
    said_by ${text} not null check (said_by in ('user', 'assistant', 'imported')),
    positions ${text} not null,
    quarantined_at ${integer} not null,
    primary key (user_id, quarantine_id),
    foreign key (user_id, session_id) references sessions (user_id, session_id) on delete cascade
) ${strict};

create index quarantine_by_session on quarantine (user_id, session_id);

alter table sessions add column quarantined_count ${integer} not null default 0;
