-- The tables of Hitherto. Instants are microseconds since 1970 UTC, flags are 0 or 1, JSON and
-- enumerations are text. Every table that belongs to a user has the user's id first in its primary
-- key, so that it can be partitioned or distributed by user. Types are filled in by the database.

create table properties (
    name ${text} not null primary key,
    value ${text} not null
) ${strict};

create table projects (
    project_id ${text} not null primary key,
    name ${text} not null,
    merge_conflict_enabled ${integer} not null default 0 check (merge_conflict_enabled in (0, 1)),
    created_at ${integer} not null
) ${strict};

-- `revision` grows with every change of what can be recalled; `rebuilt_at` is the revision of the
-- last change that took something away, so that whoever holds an older copy starts afresh.
create table users (
    user_id ${text} not null primary key,
    project_id ${text} not null references projects (project_id) on delete cascade,
    custom_user_id ${text} not null,
    metadata ${text} not null,
    merge_conflict_enabled ${integer} check (merge_conflict_enabled in (0, 1)),
    created_at ${integer} not null,
    last_active_at ${integer} not null,
    revision ${integer} not null default 0,
    rebuilt_at ${integer} not null default 0,
    unique (project_id, custom_user_id)
) ${strict};

-- The session row is the job: `due_at` says when it is to be processed (null: not at all),
-- `lease_until` and `lease_token` who is doing it, `attempts` and `failures` how often it was tried.
create table sessions (
    user_id ${text} not null references users (user_id) on delete cascade,
    session_id ${text} not null,
    status ${text} not null check (
        status in ('pending', 'processing', 'processed', 'failed', 'insufficient_balance')
    ),
    metadata ${text} not null,
    created_at ${integer} not null,
    recorded_at ${integer} not null,
    auto_process_after_s ${integer},
    due_at ${integer},
    lease_until ${integer} not null default 0,
    lease_token ${text} not null default '',
    attempts ${integer} not null default 0,
    failures ${integer} not null default 0,
    failure_reason ${text},
    processed_at ${integer},
    message_count ${integer} not null default 0,
    primary key (user_id, session_id)
) ${strict};

create index sessions_by_date on sessions (user_id, created_at, session_id);
create index sessions_unprocessed on sessions (user_id) where status <> 'processed';
create index sessions_due on sessions (due_at) where due_at is not null;

create table messages (
    user_id ${text} not null,
    session_id ${text} not null,
    position ${integer} not null,
    role ${text} not null check (role in ('user', 'assistant')),
    content ${text} not null,
    added_at ${integer} not null,
    primary key (user_id, session_id, position),
    foreign key (user_id, session_id) references sessions (user_id, session_id) on delete cascade
) ${strict};

create index messages_by_date on messages (user_id, added_at);

-- A passage is a span of a message (`start_char` to `end_char`) or the window around it, embedded.
create table passages (
    user_id ${text} not null,
    session_id ${text} not null,
    position ${integer} not null,
    ordinal ${integer} not null,
    kind ${text} not null check (kind in ('chunk', 'window')),
    start_char ${integer} not null,
    end_char ${integer} not null,
    vector ${bytes} not null,
    revision ${integer} not null,
    primary key (user_id, session_id, position, ordinal),
    foreign key (user_id, session_id, position)
        references messages (user_id, session_id, position) on delete cascade
) ${strict};

create index passages_by_revision on passages (user_id, revision);

create table summaries (
    user_id ${text} not null,
    session_id ${text} not null,
    content ${text} not null,
    vector ${bytes} not null,
    revision ${integer} not null,
    primary key (user_id, session_id),
    foreign key (user_id, session_id) references sessions (user_id, session_id) on delete cascade
) ${strict};

create table merge_conflicts (
    user_id ${text} not null,
    merge_conflict_id ${text} not null,
    session_id ${text} not null,
    status ${text} not null check (
        status in ('PENDING', 'IN_QUEUE', 'RESOLVING', 'RESOLVED', 'FAILED')
    ),
    proposed ${text} not null,
    questions ${text} not null,
    created_at ${integer} not null,
    resolved_at ${integer},
    primary key (user_id, merge_conflict_id),
    foreign key (user_id, session_id) references sessions (user_id, session_id) on delete cascade
) ${strict};

-- Each row is one version of a memory; `previous_id` is the version that it took the place of,
-- `added_revision` the user's revision that brought it, `ordinal` its place in that session, `revision` the last one that changed it.
create table memories (
    user_id ${text} not null,
    memory_id ${text} not null,
    session_id ${text} not null,
    content ${text} not null,
    event_date_start ${integer} not null,
    event_date_end ${integer} not null,
    created_at ${integer} not null,
    previous_id ${text},
    expired_at ${integer},
    expiration_reason ${text} check (
        expiration_reason in
            ('ADDITION_TO_EXISTING_MEMORY', 'TEMPORAL_CONFLICT', 'MERGE_CONFLICT')
    ),
    merge_conflict_id ${text},
    reason ${text} not null,
    vector ${bytes} not null,
    added_revision ${integer} not null,
    ordinal ${integer} not null,
    revision ${integer} not null,
    primary key (user_id, memory_id),
    foreign key (user_id, session_id) references sessions (user_id, session_id) on delete cascade,
    check ((expired_at is null) = (expiration_reason is null))
) ${strict};

create index memories_by_revision on memories (user_id, revision);

create index memories_by_session on memories (user_id, session_id);

create table memory_evidence (
    user_id ${text} not null,
    memory_id ${text} not null,
    session_id ${text} not null,
    position ${integer} not null,
    revision ${integer} not null,
    primary key (user_id, memory_id, session_id, position),
    foreign key (user_id, memory_id) references memories (user_id, memory_id) on delete cascade,
    foreign key (user_id, session_id, position)
        references messages (user_id, session_id, position) on delete cascade
) ${strict};

create index memory_evidence_by_revision on memory_evidence (user_id, revision);

-- Connections are undirected: the smaller id stands first.
create table memory_connections (
    user_id ${text} not null,
    memory_id ${text} not null,
    connected_id ${text} not null,
    revision ${integer} not null,
    primary key (user_id, memory_id, connected_id),
    foreign key (user_id, memory_id) references memories (user_id, memory_id) on delete cascade,
    foreign key (user_id, connected_id) references memories (user_id, memory_id) on delete cascade,
    check (memory_id < connected_id)
) ${strict};

create index memory_connections_by_revision on memory_connections (user_id, revision);

create index memory_connections_back on memory_connections (user_id, connected_id);

create table merge_conflict_memories (
    user_id ${text} not null,
    merge_conflict_id ${text} not null,
    memory_id ${text} not null,
    reason ${text} not null,
    primary key (user_id, merge_conflict_id, memory_id),
    foreign key (user_id, merge_conflict_id)
        references merge_conflicts (user_id, merge_conflict_id) on delete cascade,
    foreign key (user_id, memory_id) references memories (user_id, memory_id) on delete cascade
) ${strict};
