-- Who is told what, and the telling itself.

-- `secret` signs; so does `previous_secret` until `previous_until`, after the secret was changed.
-- `event_types` is a JSON list.
create table webhooks (
    webhook_id ${text} not null primary key,
    project_id ${text} not null references projects (project_id) on delete cascade,
    url ${text} not null,
    event_types ${text} not null,
    enabled ${integer} not null default 1 check (enabled in (0, 1)),
    disabled_reason ${text},
    secret ${text} not null,
    previous_secret ${text},
    previous_until ${integer} not null default 0,
    created_at ${integer} not null
) ${strict};

create index webhooks_by_project on webhooks (project_id, created_at);

-- The row of a delivery is the job that sends it, as that of a session is, and later its record.
-- What is sent is read from the session or the conflict when it is sent, so that it goes with them.
-- `due_at` says when it is to be sent (null: it is over), `ended_at` since when it is over.
create table webhook_deliveries (
    user_id ${text} not null,
    event_id ${text} not null,
    webhook_id ${text} not null references webhooks (webhook_id) on delete cascade,
    session_id ${text} not null,
    merge_conflict_id ${text},
    event_type ${text} not null,
    status ${text} not null default 'PENDING' check (status in ('PENDING', 'DELIVERED', 'FAILED')),
    created_at ${integer} not null,
    due_at ${integer},
    lease_until ${integer} not null default 0,
    lease_token ${text} not null default '',
    attempts ${integer} not null default 0,
    attempted_at ${integer},
    status_code ${integer},
    failure_reason ${text},
    ended_at ${integer},
    primary key (user_id, event_id, webhook_id),
    foreign key (user_id, session_id) references sessions (user_id, session_id) on delete cascade,
    foreign key (user_id, merge_conflict_id)
        references merge_conflicts (user_id, merge_conflict_id) on delete cascade
) ${strict};

create index webhook_deliveries_by_session on webhook_deliveries (user_id, session_id);
create index webhook_deliveries_by_conflict on webhook_deliveries (user_id, merge_conflict_id)
    where merge_conflict_id is not null;
create index webhook_deliveries_due on webhook_deliveries (due_at) where due_at is not null;
create index webhook_deliveries_in_work on webhook_deliveries (webhook_id, lease_until)
    where due_at is not null;
create index webhook_deliveries_by_webhook on webhook_deliveries (webhook_id, created_at);
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where ended_at is not null;
