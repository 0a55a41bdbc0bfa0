"""A memory whose inference is charged like a model, and helpers of its tests."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hitherto import MessageRole, Parts, Settings
from hitherto.api import Page
from hitherto.core.reconciliation.doubt import Reviewed
from hitherto.core.reconciliation.reconcile import Plan
from hitherto.engine import DEFAULT_PROJECT_ID
from hitherto.engine.ledger import StoreLedger
from hitherto.inference import LocalInference
from hitherto.inference.ledger import (
    Account,
    CallUsage,
    FinishedCall,
    Ledger,
    PlannedCall,
    Reservation,
    charged_to,
    current_account,
)
from hitherto.models import CallOutcome, Extraction, Message
from hitherto.models.usage import ModelCall
from hitherto.settings import Price
from hitherto.system import System, open_system
from tests import databases
from tests.statement_models import PlainModel

PRICES = {"here:small": Price(input=1, output=2, cached=0.5)}
PLANNED = PlannedCall("extraction", "here", "small", "abc123", 900, 100, timeout_s=30)


def finished(
    input_tokens: int = 900, output_tokens: int = 100, cached_tokens: int = 0, **named: Any
) -> FinishedCall:
    usage = CallUsage(input_tokens, output_tokens, cached_tokens)
    return FinishedCall(CallOutcome.OK, usage, 12.3, **named)


class Unmetered:
    """Allows every call and keeps nothing."""

    async def reserve(self, planned: PlannedCall) -> Reservation:
        try:
            account = current_account()
        except LookupError:
            account = Account(project_id="", user_id="")
        return Reservation("", account, planned, "", datetime.min.replace(tzinfo=UTC))

    async def settle(self, reservation: Reservation, finished: FinishedCall) -> None:
        return None


class MeteredInference(LocalInference):
    """Follows the rules, and charges a call for each step as a model would."""

    def __init__(self) -> None:
        super().__init__(PlainModel())
        self.ledger: Ledger = Unmetered()
        self.planned = PLANNED
        self.asked: list[str] = []
        self.broken = 0

    async def extract(
        self, messages: Sequence[Message], session_date: datetime, **named: Any
    ) -> Extraction:
        await self.charge("extraction")
        if self.broken:
            self.broken -= 1
            raise ValueError("the oracle is silent")
        return await super().extract(messages, session_date, **named)

    async def reconcile(self, *arguments: Any, **named: Any) -> Plan:
        await self.charge("reconciliation")
        return await super().reconcile(*arguments, **named)

    async def review(self, *arguments: Any, **named: Any) -> Reviewed:
        await self.charge("review")
        return await super().review(*arguments, **named)

    async def charge(self, task: str) -> None:
        planned = self.planned
        reserved = await self.ledger.reserve(
            PlannedCall(task, planned.provider, planned.model, "abc123", planned.input_tokens, 100)
        )
        self.asked.append(task)
        await self.ledger.settle(reserved, finished(planned.input_tokens))


class MeteredService:
    """A memory with a metered inference, and what tests do with it."""

    def __init__(self, system: System, path: Path) -> None:
        self.system = system
        self.admin = system.admin
        self.api = system.engine(DEFAULT_PROJECT_ID)
        self.store = system.resources.store
        self.path = path
        resources = system.resources
        self.ledger = StoreLedger(
            resources.store, resources.settings, resources.clock, resources.new_id
        )

    async def account(
        self, user_id: str = "alice", project_id: str = DEFAULT_PROJECT_ID
    ) -> Account:
        """A new user's account."""
        await self.system.engine(project_id).create_user(user_id)
        records = self.rows("select user_id from users where custom_user_id = ?", user_id)
        return Account(project_id, records[-1]["user_id"])

    async def call(self, account: Account, planned: PlannedCall = PLANNED, **named: Any) -> None:
        """Make a call that uses the planned tokens, or the named ones."""
        with charged_to(account):
            reservation = await self.ledger.reserve(planned)
        usage = {"input_tokens": planned.input_tokens, "output_tokens": planned.output_tokens}
        await self.ledger.settle(reservation, finished(**(usage | named)))

    async def calls(self, **named: Any) -> Page[ModelCall]:
        return await self.admin.list_model_calls(DEFAULT_PROJECT_ID, **named)

    async def add_session(self, user_id: str, text: str = "I live in Porto.", day: int = 1) -> str:
        """A session that is due."""
        session = await self.api.create_session(
            user_id, custom_created_at_utc=datetime(2024, 1, day, tzinfo=UTC)
        )
        await self.api.add_message(user_id, session.session_id, MessageRole.USER, text)
        await self.api.process(user_id, session.session_id)
        return session.session_id

    async def until_idle(self) -> None:
        await self.api.wait_until_processed(timeout_s=20)

    def rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        return databases.rows(self.path, sql, *parameters)

    def write(self, sql: str, *parameters: object) -> None:
        """Change the database without the store."""
        databases.change(self.path, sql, *parameters)

    async def limit(self, **named: Any) -> None:
        """Set budgets of the project."""
        await self.admin.update_budgets(DEFAULT_PROJECT_ID, **named)


@asynccontextmanager
async def opened(path: Path, settings: Settings, parts: Parts) -> AsyncIterator[MeteredService]:
    """A place on a file; a metered inference among the parts is charged by its ledger."""
    service = MeteredService(await open_system(path, settings, parts), path)
    if isinstance(parts.inference, MeteredInference):
        parts.inference.ledger = service.ledger
    yield service
    await service.system.close()
