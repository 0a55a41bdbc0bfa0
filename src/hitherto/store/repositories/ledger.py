"""Ledger of model calls: budgets, reservations, calls and their sums."""

from dataclasses import dataclass
from datetime import date, datetime

from hitherto.core.spending import Amount, to_nanos, to_usd
from hitherto.errors import ProjectNotFoundError
from hitherto.models import CallOutcome, OverBudget
from hitherto.models.usage import Budgets, ModelCall, UsageCounts, UsageOfTask, UsageOfUser
from hitherto.store import rows
from hitherto.store.database import Row, Run
from hitherto.store.repositories.user import UserRows
from hitherto.store.repositories.users import ProjectUsers


@dataclass(frozen=True, slots=True)
class CallRow:
    """A model call with the internal ids of its project and user.

    call.user_id: ours, not the application's. cost_nanos: None where no price is is_project.
    """

    project_id: str
    day: str
    call: ModelCall
    cost_nanos: int | None


@dataclass(frozen=True, slots=True)
class Paid:
    """Tokens spent on a session on a day and on the days before."""

    today: int
    before: int


class LedgerRows:
    """Budgets, calls and sums of all projects."""

    def __init__(self, run: Run) -> None:
        self._run = run

    # Budgets

    def budgets(self, project_id: str) -> Budgets:
        """Return the budgets that a project has set; all None at first."""
        records = self._run("get_project_budgets", project_id=project_id)
        return _budgets(records[0]) if records else Budgets()

    def replace_budgets(self, project_id: str, budgets: Budgets) -> None:
        """Replace the budgets of a project."""
        over = budgets.over_budget
        self._run(
            "replace_project_budgets",
            project_id=project_id,
            project_tokens_per_day=budgets.project_tokens_per_day,
            project_cost_nanos_per_day=_nanos(budgets.project_usd_per_day),
            user_tokens_per_day=budgets.user_tokens_per_day,
            user_cost_nanos_per_day=_nanos(budgets.user_usd_per_day),
            over_budget=None if over is None else over.value,
        )

    def resume_waiting(self, project_id: str, now: datetime) -> None:
        """Make the sessions due that wait for the project's budgets."""
        self._run("queue_waiting_users", project_id=project_id, now=rows.to_micros(now))
        self._run("resume_waiting_sessions", project_id=project_id, now=rows.to_micros(now))

    def require_project(self, project_id: str) -> None:
        """Raise ProjectNotFoundError unless the project is there."""
        is_project = rows.is_storable(project_id) and self._run(
            "get_project", project_id=project_id
        )
        if not is_project:
            raise ProjectNotFoundError(f"Project {project_id!a} not found")

    def hold_project(self, project_id: str) -> None:
        """Decide alone about what the project may spend."""
        self._run("hold_project", project_id=project_id)

    def user(self, project_id: str, custom_user_id: str) -> UserRows:
        """A user of a project. Raises UserNotFoundError."""
        return ProjectUsers(self._run, project_id).user(custom_user_id)

    # What is taken

    def taken_by_project(self, project_id: str, day: str, now: datetime) -> Amount:
        """Return what a project has spent and reserved on a day."""
        spent = self._run("project_day_spent", project_id=project_id, day=day)
        reserved = self._run(
            "project_day_reserved", project_id=project_id, day=day, now=rows.to_micros(now)
        )
        return _amount(spent[0]) + _amount(reserved[0])

    def taken_by_user(self, user_id: str, day: str, now: datetime) -> Amount:
        """Return what was spent and is reserved for a user on a day."""
        spent = self._run("user_day_spent", user_id=user_id, day=day)
        reserved = self._run("user_day_reserved", user_id=user_id, day=day, now=rows.to_micros(now))
        return _amount(spent[0]) + _amount(reserved[0])

    def paid_for(self, user_id: str, session_id: str, day: str) -> Paid:
        """Return what a session has cost until the end of a day."""
        records = self._run("paid_for_session", user_id=user_id, session_id=session_id, day=day)[0]
        return Paid(records["today"], records["earlier"])

    # Calls

    def is_user(self, user_id: str) -> bool:
        """Return whether a user (internal id) exists."""
        return bool(self._run("get_user_row", user_id=user_id))

    def reserve(self, row: CallRow, wanted: Amount, expires_at: datetime) -> None:
        """Hold room for a call until it is settled or the time is over."""
        called_at = rows.to_micros(row.call.called_at)
        self._run("lapse_reservations", project_id=row.project_id, now=called_at)
        self._run(
            "insert_reservation",
            user_id=row.call.user_id,
            call_id=row.call.call_id,
            project_id=row.project_id,
            day=row.day,
            tokens=wanted.tokens,
            cost_nanos=wanted.cost_nanos,
            expires_at=rows.to_micros(expires_at),
        )

    def record(self, row: CallRow, oldest: str) -> None:
        """Record a call, release its reservation, and delete the user's calls before a day.

        oldest: that day, as `2025-03-14`. Of a user deleted meanwhile only the project's sums stay.
        """
        call = row.call
        counted = {
            "project_id": row.project_id,
            "day": row.day,
            "task": call.task,
            "provider": call.provider,
            "model": call.model,
            "input_tokens": call.input_tokens,
            "output_tokens": call.output_tokens,
            "cached_tokens": call.cached_tokens,
            "ms": call.ms,
        }
        self._run("delete_reservation", user_id=call.user_id, call_id=call.call_id)
        if self.is_user(call.user_id):
            self._run(
                "insert_model_call",
                **counted,
                user_id=call.user_id,
                call_id=call.call_id,
                session_id=call.session_id,
                merge_conflict_id=call.merge_conflict_id,
                prompt_hash=call.prompt_hash,
                cost_nanos=row.cost_nanos,
                usage_known=int(call.usage_known),
                attempts=call.attempts,
                outcome=call.outcome.value,
                called_at=rows.to_micros(call.called_at),
            )
            self._run("delete_old_model_calls", user_id=call.user_id, oldest=oldest)
        refused = call.outcome is CallOutcome.OVER_BUDGET
        self._run(
            "add_project_usage",
            **counted,
            cost_nanos=row.cost_nanos or 0,
            calls=int(not refused),
            refused_calls=int(refused),
            unpriced_calls=int(row.cost_nanos is None and not refused),
        )

    # What was used

    def project_usage(self, project_id: str, since: str) -> list[UsageOfTask]:
        """A project's sums from a day on, those of deleted users too."""
        return [
            _of_task(row)
            for row in self._run("list_project_usage", project_id=project_id, since=since)
        ]

    def user_usage(self, user: UserRows, since: str) -> list[UsageOfTask]:
        """A user's sums from a day on."""
        records = self._run("list_user_usage", user_id=user.user_id, since=since)
        return [_of_task(row) for row in records]

    def users_usage(self, project_id: str, since: str, limit: int) -> list[UsageOfUser]:
        """Return the users with the highest usage since a day."""
        records = self._run("list_users_usage", project_id=project_id, since=since, limit=limit)
        return [UsageOfUser(row["custom_user_id"], _counts(row)) for row in records]

    def project_calls(
        self, project_id: str, offset: int, limit: int
    ) -> tuple[list[ModelCall], int]:
        """A page of a project's calls, newest first, and how many there are."""
        total = self._run("count_project_calls", project_id=project_id)[0]["total"]
        records = self._run("page_project_calls", project_id=project_id, offset=offset, limit=limit)
        return [_call(row, row["custom_user_id"]) for row in records], total

    def user_calls(self, user: UserRows, offset: int, limit: int) -> tuple[list[ModelCall], int]:
        """A page of a user's calls, newest first, and how many there are."""
        total = self._run("count_user_calls", user_id=user.user_id)[0]["total"]
        records = self._run("page_user_calls", user_id=user.user_id, offset=offset, limit=limit)
        return [_call(row, user.model.user_id) for row in records], total


def _budgets(row: Row) -> Budgets:
    over = row["over_budget"]
    return Budgets(
        project_tokens_per_day=row["project_tokens_per_day"],
        project_usd_per_day=_usd(row["project_cost_nanos_per_day"]),
        user_tokens_per_day=row["user_tokens_per_day"],
        user_usd_per_day=_usd(row["user_cost_nanos_per_day"]),
        over_budget=None if over is None else rows.member(OverBudget, over),
    )


def _of_task(row: Row) -> UsageOfTask:
    return UsageOfTask(_day(row["day"]), row["task"], row["provider"], row["model"], _counts(row))


def _counts(row: Row) -> UsageCounts:
    return UsageCounts(
        calls=row["calls"],
        refused_calls=row["refused_calls"],
        unpriced_calls=row["unpriced_calls"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cached_tokens=row["cached_tokens"],
        usd=to_usd(row["cost_nanos"]),
    )


def _call(row: Row, custom_user_id: str) -> ModelCall:
    return ModelCall(
        call_id=row["call_id"],
        user_id=custom_user_id,
        session_id=row["session_id"],
        merge_conflict_id=row["merge_conflict_id"],
        task=row["task"],
        provider=row["provider"],
        model=row["model"],
        prompt_hash=row["prompt_hash"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cached_tokens=row["cached_tokens"],
        usd=_usd(row["cost_nanos"]),
        usage_known=row["usage_known"] == 1,
        ms=row["ms"],
        attempts=row["attempts"],
        outcome=rows.member(CallOutcome, row["outcome"]),
        called_at=rows.from_micros(row["called_at"]),
    )


def _amount(row: Row) -> Amount:
    return Amount(row["tokens"], row["cost_nanos"])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise rows.damaged(f"the day {text!a}") from error


def _usd(cost_nanos: int | None) -> float | None:
    return None if cost_nanos is None else to_usd(cost_nanos)


def _nanos(usd: float | None) -> int | None:
    return None if usd is None else to_nanos(usd)
