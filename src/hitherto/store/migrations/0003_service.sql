-- What a service needs beside the memories: keys, categories, preferences, answers to merge
-- conflicts, and calls that can be made again without being done twice.

-- A key without a project opens the admin API. `key_hash` is the SHA-256 of the key.
create table api_keys (
    key_id ${text} not null primary key,
    project_id ${text} references projects (project_id) on delete cascade,
    name ${text} not null,
    hint ${text} not null,
    key_hash ${bytes} not null unique,
    created_at ${integer} not null,
    revoked_at ${integer}
) ${strict};

create index api_keys_by_project on api_keys (project_id);

create table categories (
    category_id ${text} not null primary key,
    project_id ${text} not null references projects (project_id) on delete cascade,
    name ${text} not null,
    description ${text} not null,
    created_at ${integer} not null,
    unique (project_id, name)
) ${strict};

create table memory_categories (
    user_id ${text} not null,
    memory_id ${text} not null,
    category_id ${text} not null references categories (category_id) on delete cascade,
    primary key (user_id, memory_id, category_id),
    foreign key (user_id, memory_id) references memories (user_id, memory_id) on delete cascade
) ${strict};

create index memory_categories_by_category on memory_categories (category_id);

create table generation_preferences (
    project_id ${text} not null primary key references projects (project_id) on delete cascade,
    preferences ${text} not null
) ${strict};

-- The row of a conflict is the job that applies its answers, as that of a session is.
alter table merge_conflicts add column resolution ${text};
alter table merge_conflicts add column due_at ${integer};
alter table merge_conflicts add column lease_until ${integer} not null default 0;
alter table merge_conflicts add column lease_token ${text} not null default '';
alter table merge_conflicts add column attempts ${integer} not null default 0;
alter table merge_conflicts add column failures ${integer} not null default 0;
alter table merge_conflicts add column failure_reason ${text};

create index merge_conflicts_due on merge_conflicts (due_at) where due_at is not null;

-- The memories that settling a conflict brought.
create table merge_conflict_new_memories (
    user_id ${text} not null,
    merge_conflict_id ${text} not null,
    memory_id ${text} not null,
    primary key (user_id, merge_conflict_id, memory_id),
    foreign key (user_id, merge_conflict_id)
        references merge_conflicts (user_id, merge_conflict_id) on delete cascade,
    foreign key (user_id, memory_id) references memories (user_id, memory_id) on delete cascade
) ${strict};

-- A call that comes again with the key of one that was done is answered, and not done again.
alter table users add column idempotency_key ${text};
alter table sessions add column idempotency_key ${text};
alter table messages add column idempotency_key ${text};

create unique index sessions_by_idempotency_key on sessions (user_id, idempotency_key)
    where idempotency_key is not null;
create unique index messages_by_idempotency_key on messages (user_id, session_id, idempotency_key)
    where idempotency_key is not null;
