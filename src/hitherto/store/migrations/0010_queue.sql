-- The row of a user is a place in the queue of workers: `queued_at` is the instant from which a job
-- of the user may be claimed (null: no job). It may be too early, which the next claim corrects, and
-- is never too late. So no claim looks through the jobs of a user who has many.
alter table users add column queued_at ${integer};

update users set queued_at = 0 where user_id in (
    select user_id from sessions where due_at is not null
    union
    select user_id from merge_conflicts where due_at is not null
);

create index users_queued on users (queued_at) where queued_at is not null;
create index users_queued_by_project on users (project_id, queued_at, user_id)
    where queued_at is not null;

drop index if exists sessions_due;
create index sessions_due on sessions (user_id, due_at) where due_at is not null;
create index sessions_due_in_order on sessions (user_id, created_at, recorded_at, session_id)
    where due_at is not null;
create index sessions_leased on sessions (user_id, lease_until) where lease_until > 0;

drop index if exists merge_conflicts_due;
create index merge_conflicts_due on merge_conflicts (user_id, due_at) where due_at is not null;
create index merge_conflicts_leased on merge_conflicts (user_id, lease_until)
    where lease_until > 0;
