-- What PostgreSQL is told otherwise than queries.sql says. `-- name:` replaces a statement in every
-- transaction, `-- writing:` only in those that write: there it also locks what it reads, where
-- SQLite has nobody else writing. A user's row is locked before anything of the user is changed, so
-- that the changes of one user come one after the other.

-- name: announce_work
select pg_notify('hitherto_work', current_schema());

-- writing: get_project
select * from projects where project_id = :project_id for update;

-- writing: hold_project
select project_id from projects where project_id = :project_id for no key update;

-- writing: find_user
select * from users where project_id = :project_id and custom_user_id = :custom_user_id
for no key update;

-- writing: get_user_row
select * from users where user_id = :user_id for no key update;

-- name: exclude_other_writers
lock table users in exclusive mode;

-- writing: list_embedders
select * from embedders order by slot for share;

-- writing: list_webhooks
-- So that nothing is noted down for a webhook that is being switched off.
select * from webhooks where project_id = :project_id order by created_at, webhook_id for share;

-- writing: get_webhook
select * from webhooks where project_id = :project_id and webhook_id = :webhook_id
for no key update;

-- writing: find_queued_user
-- A user who is being claimed or changed by somebody else is passed over.
select user_id from users where project_id = :project_id and queued_at <= :now
order by queued_at, user_id
limit 1
for no key update skip locked;

-- writing: find_due_webhook_delivery
-- A delivery to a webhook that is being claimed or changed by somebody else is passed over.
select d.user_id, d.event_id, d.webhook_id
from webhook_deliveries d join webhooks w on w.webhook_id = d.webhook_id
where d.due_at is not null and d.due_at <= :now
    and not exists (
        select 1 from webhook_deliveries busy
        where busy.webhook_id = d.webhook_id and busy.due_at is not null and busy.lease_until > :now
    )
order by d.due_at, d.created_at, d.event_id
limit 1
for no key update of w skip locked;
