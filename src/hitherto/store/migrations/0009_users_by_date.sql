-- In the order in which users are listed, so that a filter can read them in parts.
create index users_by_date on users (project_id, created_at, user_id);
