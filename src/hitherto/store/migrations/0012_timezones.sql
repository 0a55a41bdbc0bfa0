-- IANA names. The zone of a session is its own, or else its user's, or else UTC. `read_in` is the one
-- in which the days of a processed session were read (null: none was given). A later change of a zone
-- leaves it alone.
alter table users add column timezone ${text};
alter table sessions add column timezone ${text};
alter table sessions add column read_in ${text};
