-- Every statement of the store, in the dialect that SQLite and PostgreSQL share.
-- `-- name:` opens a statement; lines of comment below it say what it is for. Statements that touch
-- tables owned by a user name :user_id; a test reads this file to see that they do.

-- name: get_property
select value from properties where name = :name;

-- name: insert_property
insert into properties (name, value) values (:name, :value);

-- name: insert_project
insert into projects (project_id, name, created_at) values (:project_id, :name, :created_at)
on conflict (project_id) do nothing
returning *;

-- name: get_project
select * from projects where project_id = :project_id;

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
    user_id, project_id, custom_user_id, metadata, merge_conflict_enabled, created_at,
    last_active_at, idempotency_key
) values (
    :user_id, :project_id, :custom_user_id, :metadata, :merge_conflict_enabled, :created_at,
    :created_at, :idempotency_key
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
    user_id, session_id, status, metadata, created_at, recorded_at, auto_process_after_s, due_at,
    idempotency_key
) values (
    :user_id, :session_id, 'pending', :metadata, :created_at, :recorded_at, :auto_process_after_s,
    :due_at, :idempotency_key
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
-- and the oldest of its user's due sessions. A user's answered merge conflicts come before: they
-- are about what was said in sessions processed already.
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
    and not exists (
        select 1 from merge_conflicts c
        where c.user_id = s.user_id and c.due_at is not null
            and (c.due_at <= :now or c.lease_until > :now)
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
-- When, over all users, the next session or merge conflict that nobody holds becomes due.
select min(due_at) as due_at from (
    select min(due_at) as due_at from sessions where due_at is not null and lease_until <= :now
    union all
    select min(due_at) as due_at from merge_conflicts
    where due_at is not null and lease_until <= :now
) waiting;

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
    previous_id, expired_at, expiration_reason, merge_conflict_id, reason, vector,
    added_revision, ordinal, revision
) values (
    :user_id, :memory_id, :session_id, :content, :event_date_start, :event_date_end, :created_at,
    :previous_id, :expired_at, :expiration_reason, :merge_conflict_id, :reason, :vector,
    :revision, :ordinal, :revision
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
-- The next answered merge conflict to settle, of any user: due, held by nobody, and its user not
-- being worked for.
select c.user_id, c.merge_conflict_id from merge_conflicts c
where c.due_at is not null and c.due_at <= :now and c.lease_until <= :now
    and not exists (
        select 1 from merge_conflicts busy
        where busy.user_id = c.user_id and busy.due_at is not null and busy.lease_until > :now
    )
    and not exists (
        select 1 from sessions busy
        where busy.user_id = c.user_id and busy.due_at is not null and busy.lease_until > :now
    )
order by c.due_at, c.created_at, c.merge_conflict_id
limit 1;

-- name: take_merge_conflict_lease
update merge_conflicts set
    status = 'RESOLVING', lease_until = :lease_until, lease_token = :lease_token,
    attempts = attempts + 1
where user_id = :user_id and merge_conflict_id = :merge_conflict_id
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
update merge_conflicts set
    status = 'IN_QUEUE', due_at = :due_at, lease_until = 0, lease_token = '',
    failures = failures + 1, failure_reason = :failure_reason
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
where previous_secret is not null and previous_until <= :now;

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
