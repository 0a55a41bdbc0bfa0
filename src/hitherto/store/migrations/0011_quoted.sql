-- Whether a memory rests on words that the user seems to have quoted, pasted or reported. Such a
-- memory has low trust: it is shown as quoted, and changes nothing that the user said.
alter table memories add column is_quoted ${integer} not null default 0
    check (is_quoted in (0, 1));
