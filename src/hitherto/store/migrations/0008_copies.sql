-- How far a copy into this database is, a row for each table; there are none once it is whole.
-- `last_key` holds the primary key of the last row that came, as JSON; null: none has come.
create table unfinished_copies (
    table_name ${text} not null primary key,
    source ${text} not null,
    last_key ${text},
    copied ${integer} not null
) ${strict};
