-- In the order in which a context shows them, so that no processed session is visited.
drop index sessions_unprocessed;
create index sessions_unprocessed on sessions (user_id, created_at, session_id)
    where status <> 'processed';
