-- What language models cost: a row for each call, and what each project spends in a day. Days are
-- UTC days as `2025-03-14`; money is in billionths of a US dollar, null where no price is known.

create table project_budgets (
    project_id ${text} not null primary key references projects (project_id) on delete cascade,
    project_tokens_per_day ${integer} check (project_tokens_per_day >= 0),
    project_cost_nanos_per_day ${integer} check (project_cost_nanos_per_day >= 0),
    user_tokens_per_day ${integer} check (user_tokens_per_day >= 0),
    user_cost_nanos_per_day ${integer} check (user_cost_nanos_per_day >= 0),
    over_budget ${text} check (over_budget in ('local', 'wait'))
) ${strict};

-- The ledger. No text of a message stands in it. `usage_known` is 0 where the provider did not say
-- what it counted, so that the tokens are those that were reserved.
create table model_calls (
    user_id ${text} not null references users (user_id) on delete cascade,
    call_id ${text} not null,
    project_id ${text} not null,
    session_id ${text},
    merge_conflict_id ${text},
    task ${text} not null,
    provider ${text} not null,
    model ${text} not null,
    prompt_hash ${text} not null,
    input_tokens ${integer} not null,
    output_tokens ${integer} not null,
    cached_tokens ${integer} not null,
    cost_nanos ${integer},
    usage_known ${integer} not null check (usage_known in (0, 1)),
    ms ${integer} not null,
    attempts ${integer} not null,
    outcome ${text} not null check (
        outcome in (
            'ok', 'repaired', 'malformed', 'refused', 'timed_out', 'rate_limited', 'failed',
            'over_budget'
        )
    ),
    day ${text} not null,
    called_at ${integer} not null,
    primary key (user_id, call_id)
) ${strict};

create index model_calls_by_day on model_calls (user_id, day);
create index model_calls_by_session on model_calls (user_id, session_id);
create index model_calls_by_project on model_calls (project_id, called_at, call_id);

-- Room that calls under way hold; what was not settled by `expires_at` holds nothing any more.
create table model_call_reservations (
    user_id ${text} not null references users (user_id) on delete cascade,
    call_id ${text} not null,
    project_id ${text} not null,
    day ${text} not null,
    tokens ${integer} not null,
    cost_nanos ${integer} not null,
    expires_at ${integer} not null,
    primary key (user_id, call_id)
) ${strict};

create index model_call_reservations_by_project on model_call_reservations (project_id, day);

-- The sums of the ledger without its users, which stay when a user is deleted. `unpriced_calls`:
-- those whose tokens have no known price; `refused_calls`: those that no budget had room for.
create table project_usage (
    project_id ${text} not null references projects (project_id) on delete cascade,
    day ${text} not null,
    task ${text} not null,
    provider ${text} not null,
    model ${text} not null,
    calls ${integer} not null,
    refused_calls ${integer} not null,
    unpriced_calls ${integer} not null,
    input_tokens ${integer} not null,
    output_tokens ${integer} not null,
    cached_tokens ${integer} not null,
    cost_nanos ${integer} not null,
    ms ${integer} not null,
    primary key (project_id, day, task, provider, model)
) ${strict};

-- What was done otherwise than asked, because a budget was spent.
alter table sessions add column processing_note ${text};
