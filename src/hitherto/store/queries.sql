-- Every statement of the store, in the dialect that SQLite and PostgreSQL share.
-- `-- name:` opens a statement; lines of comment below it say what it is for. Statements that touch
-- tables owned by a user name :user_id; a test reads this file to see that they do.

-- name: find_unfinished_copy
select source from unfinished_copies limit 1;

-- name: announce_work
-- Wakes the workers of other processes when the transaction is committed. A file has no way to: its
-- workers look from time to time.
select 1 as told where 1 = 0;

-- name: insert_project
insert into projects (project_id, name, created_at) values (:project_id, :name, :created_at)
on conflict (project_id) do nothing
returning *;

-- name: get_project
select * from projects where project_id = :project_id;

-- name: hold_project
-- Before something is decided by all that a project spends: one such decision at a time.
select project_id from projects where project_id = :project_id;

-- name: list_projects
select * from projects order by created_at, project_id;

-- name: update_project
update projects set name = :name, merge_conflict_enabled = :merge_conflict_enabled
where project_id = :project_id
returning *;

-- name: delete_project
delete from projects where project_id = :project_id;

-- name: insert_key
insert into api_keys (key_id, project_id, name, hint, key_hash, created_at)
values (:key_id, :project_id, :name, :hint, :key_hash, :created_at)
returning *;

-- name: find_key
select * from api_keys where key_hash = :key_hash;

-- name: get_key
select * from api_keys where key_id = :key_id;

-- name: list_keys
select * from api_keys order by created_at, key_id;

-- name: list_project_keys
select * from api_keys where project_id = :project_id order by created_at, key_id;

-- name: revoke_key
update api_keys set revoked_at = :now where key_id = :key_id and revoked_at is null;

-- name: insert_category
insert into categories (category_id, project_id, name, description, created_at)
values (:category_id, :project_id, :name, :description, :created_at)
on conflict (project_id, name) do nothing
returning *;

-- name: get_category
select * from categories where project_id = :project_id and category_id = :category_id;

-- name: find_category
select * from categories where project_id = :project_id and name = :name;

-- name: list_categories
select * from categories where project_id = :project_id order by name, category_id;

-- name: update_category
update categories set name = :name, description = :description
where project_id = :project_id and category_id = :category_id
returning *;

-- name: delete_category
delete from categories where project_id = :project_id and category_id = :category_id;

-- name: replace_generation_preferences
insert into generation_preferences (project_id, preferences)
values (:project_id, :preferences)
on conflict (project_id) do update set preferences = excluded.preferences;

-- name: list_user_ids
select user_id from users where project_id = :project_id;

-- name: count_project_sessions
select s.status, count(*) as total, sum(s.message_count) as messages
from users u join sessions s on s.user_id = u.user_id
where u.project_id = :project_id
group by s.status;

-- name: count_project_memories
-- The current version of each memory counts, the earlier ones do not.
select count(*) as total
from users u join memories m on m.user_id = u.user_id
where u.project_id = :project_id and m.expired_at is null;

-- name: count_project_merge_conflicts
select c.status, count(*) as total
from users u join merge_conflicts c on c.user_id = u.user_id
where u.project_id = :project_id
group by c.status;

-- name: find_user
select * from users where project_id = :project_id and custom_user_id = :custom_user_id;

-- name: get_user_row
select * from users where user_id = :user_id;

-- name: insert_user
insert into users (
    user_id, project_id, custom_user_id, metadata, merge_conflict_enabled, timezone, created_at,
    last_active_at, idempotency_key
) values (
    :user_id, :project_id, :custom_user_id, :metadata, :merge_conflict_enabled, :timezone,
    :created_at, :created_at, :idempotency_key
)
on conflict (project_id, custom_user_id) do nothing
returning *;

-- name: count_users
select count(*) as total from users where project_id = :project_id;

-- name: page_users
select * from users where project_id = :project_id
order by created_at desc, user_id desc limit :limit offset :offset;

-- name: scan_users
select * from users
where project_id = :project_id and (created_at, user_id) < (:created_at, :before_id)
order by created_at desc, user_id desc limit :limit;

-- name: update_user
update users set
    custom_user_id = :custom_user_id, metadata = :metadata,
    merge_conflict_enabled = :merge_conflict_enabled, timezone = :timezone
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
    user_id, session_id, status, metadata, timezone, created_at, recorded_at, auto_process_after_s,
    due_at, idempotency_key
) values (
    :user_id, :session_id, 'pending', :metadata, :timezone, :created_at, :recorded_at,
    :auto_process_after_s, :due_at, :idempotency_key
)
returning *;

-- name: find_repeated_session
select * from sessions where user_id = :user_id and idempotency_key = :idempotency_key;

-- name: get_session
select * from sessions where user_id = :user_id and session_id = :session_id;

-- name: count_sessions
select count(*) as total from sessions where user_id = :user_id;

-- name: page_sessions
select * from sessions where user_id = :user_id
order by created_at desc, session_id desc limit :limit offset :offset;

-- name: scan_sessions
select * from sessions
where user_id = :user_id and (created_at, session_id) < (:created_at, :before_id)
order by created_at desc, session_id desc limit :limit;

-- name: update_session
update sessions set metadata = :metadata, timezone = :timezone
where user_id = :user_id and session_id = :session_id
returning *;

-- name: note_read_in
-- The zone in which a session's days were read; later changes of zones leave them as they are.
update sessions set read_in = :read_in where user_id = :user_id and session_id = :session_id;

-- name: delete_session
delete from sessions where user_id = :user_id and session_id = :session_id;

-- name: make_due
-- Puts a session in line for processing, as if never tried before.
update sessions set
    status = 'processing', due_at = :now, lease_until = 0, lease_token = '', attempts = 0,
    failures = 0, failure_reason = null, processing_note = null
where user_id = :user_id and session_id = :session_id
returning *;

-- name: queue_user
-- Gives a user a place in the queue of workers, unless there is an earlier one.
update users set queued_at = :at
where user_id = :user_id and (queued_at is null or queued_at > :at);

-- name: move_queued_user
update users set queued_at = :at where user_id = :user_id;

-- name: find_next_job
-- When the next job of a user is due, and until when one is leased.
select
    (
        select min(due_at) from sessions where user_id = :user_id and due_at is not null
    ) as session_due_at,
    (
        select min(due_at) from merge_conflicts where user_id = :user_id and due_at is not null
    ) as merge_conflict_due_at,
    (
        select max(lease_until) from sessions where user_id = :user_id and lease_until > 0
    ) as session_leased_until,
    (
        select max(lease_until) from merge_conflicts where user_id = :user_id and lease_until > 0
    ) as merge_conflict_leased_until;

-- name: find_queued_projects
-- The projects with a user whose turn may have come.
select project_id from projects p
where exists (
    select 1 from users u where u.project_id = p.project_id and u.queued_at <= :now
)
order by project_id;

-- name: find_queued_user
-- The user of a project who has waited longest for a turn.
select user_id from users where project_id = :project_id and queued_at <= :now
order by queued_at, user_id
limit 1;

-- name: find_due_session
-- The oldest of a user's due sessions. The plus sign keeps SQLite from sorting all of them.
select session_id from sessions
where user_id = :user_id and due_at is not null and +due_at <= :now
order by created_at, recorded_at, session_id
limit 1;

-- name: take_lease
-- Unless somebody else has taken work of the user since it was found.
update sessions set
    status = 'processing', lease_until = :lease_until, lease_token = :lease_token,
    attempts = attempts + 1
where user_id = :user_id and session_id = :session_id
    and due_at is not null and lease_until <= :now
    and not exists (
        select 1 from sessions busy
        where busy.user_id = :user_id and busy.lease_until > 0 and busy.lease_until > :now
    )
    and not exists (
        select 1 from merge_conflicts busy
        where busy.user_id = :user_id and busy.lease_until > 0 and busy.lease_until > :now
    )
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
-- The start has ended, so it counts as a failure and not as one that never finished.
update sessions set
    due_at = :due_at, lease_until = 0, lease_token = '', attempts = attempts - 1,
    failures = failures + 1, failure_reason = :failure_reason
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
-- When, over all users, somebody's turn comes.
select min(queued_at) as due_at from users where queued_at is not null;

-- name: count_unprocessed
-- Sessions and answered merge conflicts of any user that are in work or wait for it.
select (
    select count(*) from sessions where due_at is not null
        and (status = 'processing' or due_at <= :now)
) + (
    select count(*) from merge_conflicts where due_at is not null
) as total;

-- name: insert_message
insert into messages (user_id, session_id, position, role, content, added_at, idempotency_key)
values (:user_id, :session_id, :position, :role, :content, :added_at, :idempotency_key);

-- name: find_repeated_message
select role, content from messages
where user_id = :user_id and session_id = :session_id and idempotency_key = :idempotency_key;

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
select *, case when :slot = 0 then vector else second_vector end as chosen_vector
from memories where user_id = :user_id and revision > :since
order by added_revision, ordinal, memory_id;

-- name: load_versions
select
    memory_id, session_id, content, event_date_start, event_date_end, created_at, previous_id,
    expired_at, expiration_reason, merge_conflict_id, said_by, is_quoted, confidence, model,
    prompt_hash, doubted_by, doubt_reason, doubted_at
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
select
    session_id, position, ordinal, kind, start_char, end_char,
    case when :slot = 0 then vector else second_vector end as chosen_vector
from passages
where user_id = :user_id and revision > :since
order by revision, session_id, ordinal;

-- name: load_session_messages
-- The messages of the sessions that were processed after a revision.
select m.session_id, m.role, m.content, m.added_at
from summaries s join messages m on m.user_id = s.user_id and m.session_id = s.session_id
where s.user_id = :user_id and s.revision > :since
order by s.revision, m.session_id, m.position;

-- name: load_summaries
select
    s.session_id, s.content, e.created_at, e.read_in,
    case when :slot = 0 then s.vector else s.second_vector end as chosen_vector
from summaries s join sessions e on e.user_id = s.user_id and e.session_id = s.session_id
where s.user_id = :user_id and s.revision > :since
order by s.revision, s.session_id;

-- name: session_summary
select content from summaries where user_id = :user_id and session_id = :session_id;

-- name: session_memories
-- The current memories that a session created, in the order in which it did.
select memory_id, content from memories
where user_id = :user_id and session_id = :session_id and expired_at is null
order by added_revision, ordinal, memory_id;

-- name: load_memory_categories
select m.memory_id, c.name
from memory_categories m join categories c on c.category_id = m.category_id
where m.user_id = :user_id
order by m.memory_id, c.name;

-- name: insert_memory
insert into memories (
    user_id, memory_id, session_id, content, event_date_start, event_date_end, created_at,
    previous_id, expired_at, expiration_reason, merge_conflict_id, reason, vector, second_vector,
    said_by, is_quoted, confidence, model, prompt_hash, added_revision, ordinal, revision
) values (
    :user_id, :memory_id, :session_id, :content, :event_date_start, :event_date_end, :created_at,
    :previous_id, :expired_at, :expiration_reason, :merge_conflict_id, :reason, :vector,
    :second_vector, :said_by, :is_quoted, :confidence, :model, :prompt_hash, :revision, :ordinal,
    :revision
);

-- name: expire_memory
update memories set
    expired_at = :expired_at, expiration_reason = :expiration_reason,
    merge_conflict_id = :merge_conflict_id, revision = :revision
where user_id = :user_id and memory_id = :memory_id;

-- name: revive_memory
update memories set
    expired_at = null, expiration_reason = null, merge_conflict_id = null, revision = :revision
where user_id = :user_id and memory_id = :memory_id;

-- name: doubt_memory
update memories set
    doubted_by = :doubted_by, doubt_reason = :doubt_reason, doubted_at = :doubted_at,
    revision = :revision
where user_id = :user_id and memory_id = :memory_id and expired_at is null;

-- name: lift_doubt
update memories set
    doubted_by = null, doubt_reason = null, doubted_at = null, revision = :revision
where user_id = :user_id and memory_id = :memory_id;

-- name: lift_doubts_by
-- Before a memory goes: what it put in doubt no longer is, and no reason keeps its words.
update memories set doubted_by = null, doubt_reason = null, doubted_at = null
where user_id = :user_id and doubted_by = :memory_id;

-- name: insert_quarantined
insert into quarantine (
    user_id, quarantine_id, session_id, content, kind, reason, said_by, positions, quarantined_at
) values (
    :user_id, :quarantine_id, :session_id, :content, :kind, :reason, :said_by, :positions,
    :quarantined_at
);

-- name: count_quarantined
update sessions set quarantined_count = quarantined_count + :added
where user_id = :user_id and session_id = :session_id;

-- name: list_quarantined
select * from quarantine where user_id = :user_id
order by quarantined_at desc, session_id, quarantine_id
limit :limit offset :offset;

-- name: total_quarantined
select count(*) as total from quarantine where user_id = :user_id;

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
    user_id, session_id, position, ordinal, kind, start_char, end_char, vector, second_vector,
    revision
) values (
    :user_id, :session_id, :position, :ordinal, :kind, :start_char, :end_char, :vector,
    :second_vector, :revision
);

-- name: insert_summary
insert into summaries (user_id, session_id, content, vector, second_vector, revision)
values (:user_id, :session_id, :content, :vector, :second_vector, :revision);

-- name: redact_message
update messages set content = :content
where user_id = :user_id and session_id = :session_id and position = :position;

-- name: delete_passages
delete from passages where user_id = :user_id and session_id = :session_id;

-- name: delete_summary
delete from summaries where user_id = :user_id and session_id = :session_id;

-- name: session_quarantine
select * from quarantine where user_id = :user_id and session_id = :session_id;

-- name: delete_quarantined
delete from quarantine where user_id = :user_id and quarantine_id = :quarantine_id;

-- name: load_unprocessed_messages
select m.session_id, m.position, m.content
from messages m join sessions s on s.user_id = m.user_id and s.session_id = m.session_id
where m.user_id = :user_id and s.status <> 'processed'
order by m.session_id, m.position;

-- name: interrupt_session
-- Whoever works on it has read what it said before, so the work is begun anew; it is not counted as
-- a start that never finished.
update sessions set
    attempts = case when lease_token = '' then attempts else attempts - 1 end,
    lease_until = 0, lease_token = ''
where user_id = :user_id and session_id = :session_id and status = 'processing';

-- name: load_failure_reasons
select session_id, failure_reason from sessions
where user_id = :user_id and failure_reason is not null
order by session_id;

-- name: replace_failure_reason
update sessions set failure_reason = :failure_reason
where user_id = :user_id and session_id = :session_id;

-- name: load_memory_reasons
select memory_id, content, reason, doubt_reason from memories where user_id = :user_id
order by memory_id;

-- name: replace_memory_reasons
update memories set reason = :reason, doubt_reason = :doubt_reason, revision = :revision
where user_id = :user_id and memory_id = :memory_id;

-- name: reword_memory
update memories set
    content = :content, vector = :vector, second_vector = :second_vector, revision = :revision
where user_id = :user_id and memory_id = :memory_id;

-- name: rewrite_merge_conflict
-- As `interrupt_session`.
update merge_conflicts set
    questions = :questions, resolution = :resolution, failure_reason = :failure_reason,
    attempts = case when lease_token = '' then attempts else attempts - 1 end,
    lease_until = 0, lease_token = ''
where user_id = :user_id and merge_conflict_id = :merge_conflict_id;

-- name: forget_merge_conflict
update memories set merge_conflict_id = null
where user_id = :user_id and merge_conflict_id = :merge_conflict_id;

-- name: delete_merge_conflict
delete from merge_conflicts
where user_id = :user_id and merge_conflict_id = :merge_conflict_id;

-- name: count_user_rows
select 1 as users,
    (select count(*) from sessions where user_id = :user_id) as sessions,
    (select count(*) from messages where user_id = :user_id) as messages,
    (select count(*) from memories where user_id = :user_id) as memories,
    (select count(*) from summaries where user_id = :user_id) as summaries,
    (select count(*) from merge_conflicts where user_id = :user_id) as merge_conflicts,
    (select count(*) from quarantine where user_id = :user_id) as quarantined;

-- name: count_session_rows
select 1 as sessions,
    (select count(*) from messages
        where user_id = :user_id and session_id = :session_id) as messages,
    (select count(*) from memories
        where user_id = :user_id and session_id = :session_id) as memories,
    (select count(*) from summaries
        where user_id = :user_id and session_id = :session_id) as summaries,
    (select count(*) from merge_conflicts
        where user_id = :user_id and session_id = :session_id) as merge_conflicts,
    (select count(*) from quarantine
        where user_id = :user_id and session_id = :session_id) as quarantined;

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

-- name: get_merge_conflict
select * from merge_conflicts
where user_id = :user_id and merge_conflict_id = :merge_conflict_id;

-- name: answer_merge_conflict
-- Puts a conflict in line with its answers, unless it has been answered before.
update merge_conflicts set status = 'IN_QUEUE', resolution = :resolution, due_at = :now
where user_id = :user_id and merge_conflict_id = :merge_conflict_id and status = 'PENDING'
returning merge_conflict_id;

-- name: requeue_merge_conflict
-- Puts a failed conflict in line again, as if never tried before.
update merge_conflicts set
    status = 'IN_QUEUE', due_at = :now, attempts = 0, failures = 0, failure_reason = null
where user_id = :user_id and merge_conflict_id = :merge_conflict_id and status = 'FAILED'
returning merge_conflict_id;

-- name: find_due_merge_conflict
-- The next answered merge conflict of a user to settle.
select merge_conflict_id from merge_conflicts
where user_id = :user_id and due_at is not null and due_at <= :now
order by due_at, created_at, merge_conflict_id
limit 1;

-- name: take_merge_conflict_lease
update merge_conflicts set
    status = 'RESOLVING', lease_until = :lease_until, lease_token = :lease_token,
    attempts = attempts + 1
where user_id = :user_id and merge_conflict_id = :merge_conflict_id
    and due_at is not null and lease_until <= :now
    and not exists (
        select 1 from sessions busy
        where busy.user_id = :user_id and busy.lease_until > 0 and busy.lease_until > :now
    )
    and not exists (
        select 1 from merge_conflicts busy
        where busy.user_id = :user_id and busy.lease_until > 0 and busy.lease_until > :now
    )
returning *;

-- name: renew_merge_conflict_lease
update merge_conflicts set lease_until = :lease_until
where user_id = :user_id and merge_conflict_id = :merge_conflict_id
    and lease_token = :lease_token and status = 'RESOLVING'
returning merge_conflict_id;

-- name: release_merge_conflict_lease
-- Gives a conflict back untried: whoever comes next may take it at once.
update merge_conflicts set
    status = 'IN_QUEUE', lease_until = 0, lease_token = '', attempts = attempts - 1
where user_id = :user_id and merge_conflict_id = :merge_conflict_id
    and lease_token = :lease_token and status = 'RESOLVING'
returning merge_conflict_id;

-- name: finish_merge_conflict
update merge_conflicts set
    status = 'RESOLVED', resolved_at = :now, due_at = null, lease_until = 0, lease_token = '',
    failure_reason = null
where user_id = :user_id and merge_conflict_id = :merge_conflict_id
    and lease_token = :lease_token and status = 'RESOLVING'
returning merge_conflict_id;

-- name: retry_merge_conflict
-- As `retry_session`.
update merge_conflicts set
    status = 'IN_QUEUE', due_at = :due_at, lease_until = 0, lease_token = '',
    attempts = attempts - 1, failures = failures + 1, failure_reason = :failure_reason
where user_id = :user_id and merge_conflict_id = :merge_conflict_id
    and lease_token = :lease_token and status = 'RESOLVING'
returning merge_conflict_id;

-- name: fail_merge_conflict
update merge_conflicts set
    status = 'FAILED', due_at = null, lease_until = 0, lease_token = '', failures = failures + 1,
    failure_reason = :failure_reason
where user_id = :user_id and merge_conflict_id = :merge_conflict_id
    and lease_token = :lease_token and status = 'RESOLVING'
returning merge_conflict_id;

-- name: insert_merge_conflict_new_memory
insert into merge_conflict_new_memories (user_id, merge_conflict_id, memory_id)
values (:user_id, :merge_conflict_id, :memory_id);

-- name: forget_merge_conflicts
-- Before a session goes, with the conflicts that it raised: no version keeps pointing at them.
update memories set merge_conflict_id = null
where user_id = :user_id and merge_conflict_id in (
    select merge_conflict_id from merge_conflicts
    where user_id = :user_id and session_id = :session_id
);

-- name: insert_memory_category
-- Nothing happens for a category that was deleted meanwhile.
insert into memory_categories (user_id, memory_id, category_id)
select :user_id, :memory_id, category_id from categories where category_id = :category_id
on conflict (user_id, memory_id, category_id) do nothing;

-- name: get_generation_preferences
select preferences from generation_preferences where project_id = :project_id;

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

-- name: load_merge_conflict_new_memories
select
    c.merge_conflict_id, m.memory_id, m.content, m.event_date_start, m.event_date_end, m.created_at
from merge_conflict_new_memories c
join memories m on m.user_id = c.user_id and m.memory_id = c.memory_id
where c.user_id = :user_id
order by c.merge_conflict_id, m.created_at, m.memory_id;

-- name: insert_webhook
insert into webhooks (webhook_id, project_id, url, event_types, secret, created_at)
values (:webhook_id, :project_id, :url, :event_types, :secret, :created_at)
returning *;

-- name: list_webhooks
select * from webhooks where project_id = :project_id order by created_at, webhook_id;

-- name: get_webhook
select * from webhooks where project_id = :project_id and webhook_id = :webhook_id;

-- name: update_webhook
update webhooks set
    url = :url, event_types = :event_types, enabled = :enabled, disabled_reason = :disabled_reason
where project_id = :project_id and webhook_id = :webhook_id
returning *;

-- name: rotate_webhook_secret
update webhooks set
    previous_secret = secret, previous_until = :previous_until, secret = :secret
where project_id = :project_id and webhook_id = :webhook_id
returning *;

-- name: forget_previous_secrets
update webhooks set previous_secret = null
where previous_secret is not null and previous_until <= :now
returning webhook_id;

-- name: delete_webhook
delete from webhooks where project_id = :project_id and webhook_id = :webhook_id;

-- name: insert_webhook_delivery
insert into webhook_deliveries (
    user_id, event_id, webhook_id, session_id, merge_conflict_id, event_type, created_at, due_at
) values (
    :user_id, :event_id, :webhook_id, :session_id, :merge_conflict_id, :event_type, :now, :now
);

-- name: find_due_webhook_delivery
-- The next delivery, of any user: due, and its webhook not being sent to. One that has failed
-- stands behind those that became due before it is tried again.
select d.user_id, d.event_id, d.webhook_id from webhook_deliveries d
where d.due_at is not null and d.due_at <= :now
    and not exists (
        select 1 from webhook_deliveries busy
        where busy.webhook_id = d.webhook_id and busy.due_at is not null and busy.lease_until > :now
    )
order by d.due_at, d.created_at, d.event_id
limit 1;

-- name: take_webhook_delivery
update webhook_deliveries set
    lease_until = :lease_until, lease_token = :lease_token, attempts = attempts + 1
where user_id = :user_id and event_id = :event_id and webhook_id = :webhook_id
    and due_at is not null and not exists (
        select 1 from webhook_deliveries busy
        where busy.webhook_id = :webhook_id and busy.due_at is not null and busy.lease_until > :now
    )
returning *;

-- name: release_webhook_delivery
-- Gives a delivery back untried: whoever comes next may take it at once.
update webhook_deliveries set lease_until = 0, lease_token = '', attempts = attempts - 1
where user_id = :user_id and event_id = :event_id and webhook_id = :webhook_id
    and lease_token = :lease_token and due_at is not null;

-- name: record_webhook_attempt
-- What came of an attempt; `due_at` is null, and `ended_at` is not, when it was the last one.
update webhook_deliveries set
    status = :status, due_at = :due_at, lease_until = 0, lease_token = '', attempted_at = :now,
    status_code = :status_code, failure_reason = :failure_reason, ended_at = :ended_at
where user_id = :user_id and event_id = :event_id and webhook_id = :webhook_id
    and lease_token = :lease_token and due_at is not null
returning event_id;

-- name: end_webhook_deliveries
-- When a webhook is switched off: what waits for it is not sent any more.
update webhook_deliveries set
    status = 'FAILED', due_at = null, lease_until = 0, lease_token = '',
    failure_reason = :failure_reason, ended_at = :now
where due_at is not null and webhook_id in (
    select webhook_id from webhooks where project_id = :project_id and webhook_id = :webhook_id
);

-- name: count_webhook_deliveries
select count(*) as total
from webhooks w join webhook_deliveries d on d.webhook_id = w.webhook_id
where w.project_id = :project_id and w.webhook_id = :webhook_id;

-- name: page_webhook_deliveries
select
    d.event_id, d.event_type, d.status, d.created_at, d.due_at, d.attempts, d.attempted_at,
    d.status_code, d.failure_reason
from webhooks w join webhook_deliveries d on d.webhook_id = w.webhook_id
where w.project_id = :project_id and w.webhook_id = :webhook_id
order by d.created_at desc, d.event_id desc limit :limit offset :offset;

-- name: delete_ended_webhook_deliveries
delete from webhook_deliveries where ended_at is not null and ended_at < :before;
-- name: get_project_budgets
select * from project_budgets where project_id = :project_id;

-- name: replace_project_budgets
insert into project_budgets (
    project_id, project_tokens_per_day, project_cost_nanos_per_day, user_tokens_per_day,
    user_cost_nanos_per_day, over_budget
) values (
    :project_id, :project_tokens_per_day, :project_cost_nanos_per_day, :user_tokens_per_day,
    :user_cost_nanos_per_day, :over_budget
)
on conflict (project_id) do update set
    project_tokens_per_day = excluded.project_tokens_per_day,
    project_cost_nanos_per_day = excluded.project_cost_nanos_per_day,
    user_tokens_per_day = excluded.user_tokens_per_day,
    user_cost_nanos_per_day = excluded.user_cost_nanos_per_day,
    over_budget = excluded.over_budget;

-- name: project_day_spent
select coalesce(sum(input_tokens + output_tokens), 0) as tokens,
    coalesce(sum(cost_nanos), 0) as cost_nanos
from project_usage where project_id = :project_id and day = :day;

-- name: project_day_reserved
select coalesce(sum(tokens), 0) as tokens, coalesce(sum(cost_nanos), 0) as cost_nanos
from model_call_reservations
where project_id = :project_id and day = :day and expires_at > :now;

-- name: user_day_spent
select coalesce(sum(input_tokens + output_tokens), 0) as tokens,
    coalesce(sum(cost_nanos), 0) as cost_nanos
from model_calls where user_id = :user_id and day = :day;

-- name: user_day_reserved
select coalesce(sum(tokens), 0) as tokens, coalesce(sum(cost_nanos), 0) as cost_nanos
from model_call_reservations
where user_id = :user_id and day = :day and expires_at > :now;

-- name: lapse_reservations
delete from model_call_reservations where project_id = :project_id and expires_at <= :now;

-- name: insert_reservation
insert into model_call_reservations (
    user_id, call_id, project_id, day, tokens, cost_nanos, expires_at
) values (
    :user_id, :call_id, :project_id, :day, :tokens, :cost_nanos, :expires_at
);

-- name: delete_reservation
delete from model_call_reservations where user_id = :user_id and call_id = :call_id;

-- name: insert_model_call
insert into model_calls (
    user_id, call_id, project_id, session_id, merge_conflict_id, task, provider, model,
    prompt_hash, input_tokens, output_tokens, cached_tokens, cost_nanos, usage_known, ms, attempts,
    outcome, day, called_at
) values (
    :user_id, :call_id, :project_id, :session_id, :merge_conflict_id, :task, :provider, :model,
    :prompt_hash, :input_tokens, :output_tokens, :cached_tokens, :cost_nanos, :usage_known, :ms,
    :attempts, :outcome, :day, :called_at
);

-- name: delete_old_model_calls
delete from model_calls where user_id = :user_id and day < :oldest;

-- name: add_project_usage
-- Nothing happens for a project that was deleted meanwhile.
insert into project_usage (
    project_id, day, task, provider, model, calls, refused_calls, unpriced_calls, input_tokens,
    output_tokens, cached_tokens, cost_nanos, ms
)
select project_id, :day, :task, :provider, :model, :calls, :refused_calls, :unpriced_calls,
    :input_tokens, :output_tokens, :cached_tokens, :cost_nanos, :ms
from projects where project_id = :project_id
on conflict (project_id, day, task, provider, model) do update set
    calls = project_usage.calls + excluded.calls,
    refused_calls = project_usage.refused_calls + excluded.refused_calls,
    unpriced_calls = project_usage.unpriced_calls + excluded.unpriced_calls,
    input_tokens = project_usage.input_tokens + excluded.input_tokens,
    output_tokens = project_usage.output_tokens + excluded.output_tokens,
    cached_tokens = project_usage.cached_tokens + excluded.cached_tokens,
    cost_nanos = project_usage.cost_nanos + excluded.cost_nanos,
    ms = project_usage.ms + excluded.ms;

-- name: list_project_usage
select * from project_usage where project_id = :project_id and day >= :since
order by day desc, task, provider, model;

-- name: list_user_usage
select day, task, provider, model,
    sum(case when outcome = 'over_budget' then 0 else 1 end) as calls,
    sum(case when outcome = 'over_budget' then 1 else 0 end) as refused_calls,
    sum(case when cost_nanos is null and outcome <> 'over_budget' then 1 else 0 end)
        as unpriced_calls,
    sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
    sum(cached_tokens) as cached_tokens, coalesce(sum(cost_nanos), 0) as cost_nanos
from model_calls where user_id = :user_id and day >= :since
group by day, task, provider, model
order by day desc, task, provider, model;

-- name: list_users_usage
-- The users of a project for whom models were asked, the one who took most tokens first.
select u.custom_user_id,
    sum(case when c.outcome = 'over_budget' then 0 else 1 end) as calls,
    sum(case when c.outcome = 'over_budget' then 1 else 0 end) as refused_calls,
    sum(case when c.cost_nanos is null and c.outcome <> 'over_budget' then 1 else 0 end)
        as unpriced_calls,
    sum(c.input_tokens) as input_tokens, sum(c.output_tokens) as output_tokens,
    sum(c.cached_tokens) as cached_tokens, coalesce(sum(c.cost_nanos), 0) as cost_nanos
from users u join model_calls c on c.user_id = u.user_id
where u.project_id = :project_id and c.day >= :since
group by u.user_id, u.custom_user_id
order by sum(c.input_tokens + c.output_tokens) desc, u.custom_user_id
limit :limit;

-- name: count_project_calls
select count(*) as total from model_calls where project_id = :project_id;

-- name: page_project_calls
select c.*, u.custom_user_id
from model_calls c join users u on u.user_id = c.user_id
where c.project_id = :project_id
order by c.called_at desc, c.call_id desc limit :limit offset :offset;

-- name: count_user_calls
select count(*) as total from model_calls where user_id = :user_id;

-- name: page_user_calls
select * from model_calls where user_id = :user_id
order by called_at desc, call_id desc limit :limit offset :offset;

-- name: paid_for_session
-- What models took for a session on a day and on the days before.
select
    coalesce(sum(case when day = :day then input_tokens + output_tokens else 0 end), 0) as today,
    coalesce(sum(case when day < :day then input_tokens + output_tokens else 0 end), 0) as earlier
from model_calls where user_id = :user_id and session_id = :session_id;

-- name: wait_session
-- Sets a session aside until the budgets allow it; it counts as untried.
update sessions set
    status = 'insufficient_balance', due_at = :due_at, lease_until = 0, lease_token = '',
    attempts = attempts - 1, failure_reason = :failure_reason
where user_id = :user_id and session_id = :session_id and lease_token = :lease_token
    and status = 'processing'
returning session_id;

-- name: note_processing
update sessions set processing_note = :processing_note
where user_id = :user_id and session_id = :session_id;

-- name: queue_waiting_users
-- The users of a project with sessions that wait for its budget.
update users set queued_at = :now
where project_id = :project_id and (queued_at is null or queued_at > :now) and exists (
    select 1 from sessions s
    where s.user_id = users.user_id and s.status = 'insufficient_balance' and s.due_at is not null
);

-- name: resume_waiting_sessions
-- The sessions of a project that wait for its budget are due now.
update sessions set due_at = :now
where status = 'insufficient_balance' and due_at is not null and user_id in (
    select user_id from users where project_id = :project_id
);

-- Embedders, and the vectors of a coming or going one. A vector that is not there is null in slot 1
-- and empty in slot 0, which was there first and cannot be null.

-- name: list_embedders
select * from embedders order by slot;

-- name: current_embedder
select * from embedders where state = 'current';

-- name: insert_embedder
insert into embedders (slot, identity, state, scale, shift)
values (:slot, :identity, :state, :scale, :shift);

-- name: set_embedder_state
update embedders set state = :state where slot = :slot;

-- name: calibrate_embedder
update embedders set scale = :scale, shift = :shift where slot = :slot;

-- name: delete_embedder
delete from embedders where slot = :slot;

-- name: exclude_other_writers
-- Before something is decided by what all users have: nobody changes anything of any user.
select 1 as alone;

-- name: forget_coming_revisions
update users set coming_revision = -1 where coming_revision <> -1;

-- name: set_coming_revision
update users set coming_revision = :coming_revision where user_id = :user_id;

-- name: find_waiting_user
-- The next user, in the order of ids, some of whose vectors of the coming embedder may be missing.
select user_id from users where user_id > :after and coming_revision <> revision
order by user_id limit 1;

-- name: find_next_user
select user_id from users where user_id > :after order by user_id limit 1;

-- name: count_waiting_users
select count(*) as total from users where coming_revision <> revision;

-- name: rebuild_users
-- Every copy of anything that can be recalled is to be read afresh.
update users set revision = revision + 1, rebuilt_at = revision + 1;

-- name: count_vectors
-- How many vectors there are to be made for an embedder, and how many of them are missing.
select count(*) as total,
    coalesce(sum(case when missing then 1 else 0 end), 0) as missing
from (
    select ((:slot = 0 and length(vector) = 0) or (:slot = 1 and second_vector is null)) as missing
    from passages
    union all
    select ((:slot = 0 and length(vector) = 0) or (:slot = 1 and second_vector is null)) as missing
    from summaries
    union all
    select ((:slot = 0 and length(vector) = 0) or (:slot = 1 and second_vector is null)) as missing
    from memories
) vectors;

-- name: missing_passages
select session_id, position, ordinal, kind, start_char, end_char from passages
where user_id = :user_id
    and ((:slot = 0 and length(vector) = 0) or (:slot = 1 and second_vector is null))
order by session_id, ordinal limit :limit;

-- name: missing_summaries
select session_id, content from summaries
where user_id = :user_id
    and ((:slot = 0 and length(vector) = 0) or (:slot = 1 and second_vector is null))
order by session_id limit :limit;

-- name: missing_memories
select memory_id, content from memories
where user_id = :user_id
    and ((:slot = 0 and length(vector) = 0) or (:slot = 1 and second_vector is null))
order by memory_id limit :limit;

-- name: set_passage_vector
update passages set
    vector = case when :slot = 0 then :vector else vector end,
    second_vector = case when :slot = 1 then :vector else second_vector end
where user_id = :user_id and session_id = :session_id and position = :position
    and ordinal = :ordinal;

-- name: set_summary_vector
update summaries set
    vector = case when :slot = 0 then :vector else vector end,
    second_vector = case when :slot = 1 then :vector else second_vector end
where user_id = :user_id and session_id = :session_id;

-- name: set_memory_vector
update memories set
    vector = case when :slot = 0 then :vector else vector end,
    second_vector = case when :slot = 1 then :vector else second_vector end
where user_id = :user_id and memory_id = :memory_id;

-- name: clear_passage_vectors
update passages set
    vector = case when :slot = 0 then :nothing else vector end,
    second_vector = case when :slot = 1 then null else second_vector end
where user_id = :user_id;

-- name: clear_summary_vectors
update summaries set
    vector = case when :slot = 0 then :nothing else vector end,
    second_vector = case when :slot = 1 then null else second_vector end
where user_id = :user_id;

-- name: clear_memory_vectors
update memories set
    vector = case when :slot = 0 then :nothing else vector end,
    second_vector = case when :slot = 1 then null else second_vector end
where user_id = :user_id;

-- name: sample_passages
-- Chunks that have the vectors of both embedders, in the order in which they were said.
select session_id, position, vector, second_vector from passages
where user_id = :user_id and kind = 'chunk' and length(vector) > 0 and second_vector is not null
order by session_id, ordinal limit :limit;
