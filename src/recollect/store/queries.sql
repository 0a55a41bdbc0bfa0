-- Every statement of the store, in the dialect that SQLite and PostgreSQL share.
-- `-- name:` opens a statement; lines of comment below it say what it is for. Statements that touch
-- tables owned by a user name :user_id; a test reads this file to see that they do.

-- name: get_property
select value from properties where name = :name;

-- name: insert_property
insert into properties (name, value) values (:name, :value);

-- name: insert_project
insert into projects (project_id, name, created_at) values (:project_id, :name, :created_at)
on conflict (project_id) do nothing;

-- name: get_project
select merge_conflict_enabled from projects where project_id = :project_id;

-- name: find_user
select * from users where project_id = :project_id and custom_user_id = :custom_user_id;

-- name: get_user_row
select * from users where user_id = :user_id;

-- name: insert_user
insert into users (
    user_id, project_id, custom_user_id, metadata, merge_conflict_enabled, created_at, last_active_at
) values (
    :user_id, :project_id, :custom_user_id, :metadata, :merge_conflict_enabled, :created_at,
    :created_at
)
on conflict (project_id, custom_user_id) do nothing
returning *;

-- name: count_users
select count(*) as total from users where project_id = :project_id;

-- name: page_users
select * from users where project_id = :project_id
order by created_at desc, user_id desc limit :limit offset :offset;

-- name: scan_users
select * from users where project_id = :project_id order by created_at desc, user_id desc;

-- name: update_user
update users set
    custom_user_id = :custom_user_id, metadata = :metadata,
    merge_conflict_enabled = :merge_conflict_enabled
where user_id = :user_id
returning *;

-- name: delete_user
delete from users where user_id = :user_id;

-- name: touch_user
update users set last_active_at = :now where user_id = :user_id and last_active_at < :now;

-- name: advance_revision
update users set revision = revision + 1 where user_id = :user_id returning revision;

-- name: advance_revision_after_removal
update users set revision = revision + 1, rebuilt_at = revision + 1 where user_id = :user_id
returning revision;

-- name: insert_session
insert into sessions (
    user_id, session_id, status, metadata, created_at, recorded_at, auto_process_after_s, due_at
) values (
    :user_id, :session_id, 'pending', :metadata, :created_at, :recorded_at, :auto_process_after_s,
    :due_at
)
returning *;

-- name: get_session
select * from sessions where user_id = :user_id and session_id = :session_id;

-- name: count_sessions
select count(*) as total from sessions where user_id = :user_id;

-- name: page_sessions
select * from sessions where user_id = :user_id
order by created_at desc, session_id desc limit :limit offset :offset;

-- name: scan_sessions
select * from sessions where user_id = :user_id order by created_at desc, session_id desc;

-- name: update_session
update sessions set metadata = :metadata where user_id = :user_id and session_id = :session_id
returning *;

-- name: delete_session
delete from sessions where user_id = :user_id and session_id = :session_id;

-- name: make_due
-- Puts a session in line for processing, as if never tried before.
update sessions set
    status = 'processing', due_at = :now, lease_until = 0, lease_token = '', attempts = 0,
    failures = 0, failure_reason = null
where user_id = :user_id and session_id = :session_id
returning *;

-- name: find_due
-- The next session to process, of any user: due, held by nobody, its user not being worked for,
-- and the oldest of its user's due sessions.
select s.user_id, s.session_id from sessions s
where s.due_at is not null and s.due_at <= :now and s.lease_until <= :now
    and not exists (
        select 1 from sessions busy
        where busy.user_id = s.user_id and busy.due_at is not null and busy.lease_until > :now
    )
    and not exists (
        select 1 from sessions earlier
        where earlier.user_id = s.user_id and earlier.due_at is not null
            and earlier.due_at <= :now
            and (earlier.created_at < s.created_at
                or (earlier.created_at = s.created_at and earlier.recorded_at < s.recorded_at)
                or (earlier.created_at = s.created_at and earlier.recorded_at = s.recorded_at
                    and earlier.session_id < s.session_id))
    )
order by s.due_at, s.created_at, s.recorded_at, s.session_id
limit 1;

-- name: take_lease
update sessions set
    status = 'processing', lease_until = :lease_until, lease_token = :lease_token,
    attempts = attempts + 1
where user_id = :user_id and session_id = :session_id
returning *;

-- name: renew_lease
update sessions set lease_until = :lease_until
where user_id = :user_id and session_id = :session_id and lease_token = :lease_token
    and status = 'processing'
returning session_id;

-- name: release_lease
-- Gives a session back untried: whoever comes next may take it at once.
update sessions set lease_until = 0, lease_token = '', attempts = attempts - 1
where user_id = :user_id and session_id = :session_id and lease_token = :lease_token
    and status = 'processing'
returning session_id;

-- name: finish_session
update sessions set
    status = 'processed', processed_at = :now, due_at = null, lease_until = 0, lease_token = '',
    failure_reason = null
where user_id = :user_id and session_id = :session_id and lease_token = :lease_token
    and status = 'processing'
returning session_id;

-- name: retry_session
update sessions set
    due_at = :due_at, lease_until = 0, lease_token = '', failures = failures + 1,
    failure_reason = :failure_reason
where user_id = :user_id and session_id = :session_id and lease_token = :lease_token
    and status = 'processing'
returning session_id;

-- name: fail_session
update sessions set
    status = 'failed', due_at = null, lease_until = 0, lease_token = '', failures = failures + 1,
    failure_reason = :failure_reason
where user_id = :user_id and session_id = :session_id and lease_token = :lease_token
    and status = 'processing'
returning session_id;

-- name: next_due
-- When, over all users, the next session that nobody holds becomes due.
select min(due_at) as due_at from sessions where due_at is not null and lease_until <= :now;

-- name: count_unprocessed
-- Sessions of any user that are being processed or wait for it.
select count(*) as total from sessions
where due_at is not null and (status = 'processing' or due_at <= :now);

-- name: insert_message
insert into messages (user_id, session_id, position, role, content, added_at)
values (:user_id, :session_id, :position, :role, :content, :added_at);

-- name: count_message
update sessions set message_count = message_count + 1, due_at = :due_at
where user_id = :user_id and session_id = :session_id;

-- name: page_messages
select role, content, added_at from messages where user_id = :user_id and session_id = :session_id
order by position limit :limit offset :offset;

-- name: session_messages
select role, content, added_at from messages where user_id = :user_id and session_id = :session_id
order by position;

-- name: latest_session_messages
select role, content, added_at from messages where user_id = :user_id and session_id = :session_id
order by position desc limit :limit;

-- name: latest_messages
select session_id, role, content, added_at from messages where user_id = :user_id
order by added_at desc, session_id desc, position desc limit :limit;

-- name: latest_messages_except
select session_id, role, content, added_at from messages
where user_id = :user_id and session_id <> :except_session_id
order by added_at desc, session_id desc, position desc limit :limit;

-- name: ongoing_messages
-- Messages of the sessions that are not processed yet, but for the given one. `cross join` makes
-- SQLite start from the few sessions, not from the many messages.
select s.session_id, s.created_at, m.role, m.content, m.added_at
from sessions s cross join messages m
where s.user_id = :user_id and s.status <> 'processed' and s.session_id <> :except_session_id
    and m.user_id = s.user_id and m.session_id = s.session_id
order by s.created_at desc, s.session_id desc, m.position;

-- name: load_memories
select * from memories where user_id = :user_id and revision > :since
order by added_revision, ordinal, memory_id;

-- name: load_versions
select
    memory_id, session_id, content, event_date_start, event_date_end, created_at, previous_id,
    expired_at, expiration_reason, merge_conflict_id
from memories where user_id = :user_id
order by created_at desc, added_revision desc, ordinal desc, memory_id;

-- name: load_evidence
-- In the order of coming, as whoever reads it bit by bit gets it; connections too.
select memory_id, session_id, position from memory_evidence
where user_id = :user_id and revision > :since
order by revision, memory_id, session_id, position;

-- name: load_connections
select memory_id, connected_id from memory_connections
where user_id = :user_id and revision > :since
order by revision, memory_id, connected_id;

-- name: load_passages
select session_id, position, ordinal, kind, start_char, end_char, vector from passages
where user_id = :user_id and revision > :since
order by revision, session_id, ordinal;

-- name: load_session_messages
-- The messages of the sessions that were processed after a revision.
select m.session_id, m.role, m.content, m.added_at
from summaries s join messages m on m.user_id = s.user_id and m.session_id = s.session_id
where s.user_id = :user_id and s.revision > :since
order by s.revision, m.session_id, m.position;

-- name: load_summaries
select s.session_id, s.content, s.vector, e.created_at
from summaries s join sessions e on e.user_id = s.user_id and e.session_id = s.session_id
where s.user_id = :user_id and s.revision > :since
order by s.revision, s.session_id;

-- name: insert_memory
insert into memories (
    user_id, memory_id, session_id, content, event_date_start, event_date_end, created_at,
    previous_id, expired_at, expiration_reason, merge_conflict_id, reason, vector,
    added_revision, ordinal, revision
) values (
    :user_id, :memory_id, :session_id, :content, :event_date_start, :event_date_end, :created_at,
    :previous_id, :expired_at, :expiration_reason, :merge_conflict_id, :reason, :vector,
    :revision, :ordinal, :revision
);

-- name: expire_memory
update memories set
    expired_at = :expired_at, expiration_reason = :expiration_reason, revision = :revision
where user_id = :user_id and memory_id = :memory_id;

-- name: revive_memory
update memories set
    expired_at = null, expiration_reason = null, merge_conflict_id = null, revision = :revision
where user_id = :user_id and memory_id = :memory_id;

-- name: relink_memory
update memories set previous_id = :previous_id, revision = :revision
where user_id = :user_id and memory_id = :memory_id;

-- name: delete_memory
delete from memories where user_id = :user_id and memory_id = :memory_id;

-- name: insert_evidence
insert into memory_evidence (user_id, memory_id, session_id, position, revision)
values (:user_id, :memory_id, :session_id, :position, :revision)
on conflict (user_id, memory_id, session_id, position) do nothing;

-- name: insert_connection
insert into memory_connections (user_id, memory_id, connected_id, revision)
values (:user_id, :memory_id, :connected_id, :revision)
on conflict (user_id, memory_id, connected_id) do nothing;

-- name: insert_passage
insert into passages (
    user_id, session_id, position, ordinal, kind, start_char, end_char, vector, revision
) values (
    :user_id, :session_id, :position, :ordinal, :kind, :start_char, :end_char, :vector, :revision
);

-- name: insert_summary
insert into summaries (user_id, session_id, content, vector, revision)
values (:user_id, :session_id, :content, :vector, :revision);

-- name: insert_merge_conflict
insert into merge_conflicts (
    user_id, merge_conflict_id, session_id, status, proposed, questions, created_at
) values (
    :user_id, :merge_conflict_id, :session_id, 'PENDING', :proposed, :questions, :created_at
);

-- name: insert_merge_conflict_memory
insert into merge_conflict_memories (user_id, merge_conflict_id, memory_id, reason)
values (:user_id, :merge_conflict_id, :memory_id, :reason)
on conflict (user_id, merge_conflict_id, memory_id) do nothing;

-- name: load_merge_conflicts
select * from merge_conflicts where user_id = :user_id
order by created_at desc, merge_conflict_id desc;

-- name: load_merge_conflict_memories
select
    c.merge_conflict_id, c.reason, m.memory_id, m.content, m.event_date_start, m.event_date_end,
    m.created_at
from merge_conflict_memories c
join memories m on m.user_id = c.user_id and m.memory_id = c.memory_id
where c.user_id = :user_id
order by c.merge_conflict_id, m.created_at, m.memory_id;
