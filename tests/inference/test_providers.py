"""Requests to models: guard, repair, fallback, ledger and errors."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from pydantic import BaseModel
from tests.metered import Unmetered
from tests.scripted_model import (
    Chats,
    Closes,
    Fails,
    ModelRequest,
    Refuses,
    Reply,
    Says,
    ScriptedModel,
    Waits,
)

from hitherto.errors import BudgetSpentError, InferenceError, ValidationError
from hitherto.inference import LocalInference, open_inference
from hitherto.inference.ledger import (
    Account,
    FinishedCall,
    PlannedCall,
    Reservation,
    charged_to,
    current_account,
)
from hitherto.inference.providers import Providers, open_providers
from hitherto.inference.tasks import Task
from hitherto.models import CallOutcome
from hitherto.prompts import Prompt, prompt_hash
from hitherto.settings import Settings

PROMPT = Prompt("test", "Give a colour.", prompt_hash("Give a colour."))
ACCOUNT = Account("project", "user")


class Colour(BaseModel):
    """A colour."""

    name: str


BLUE = Says({"name": "blue"})


@dataclass
class Book(Unmetered):
    """Ledger that records its calls."""

    planned: list[PlannedCall] = field(default_factory=list)
    settled: list[FinishedCall] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    spent: bool = False

    async def reserve(self, planned: PlannedCall) -> Reservation:
        if self.spent:
            raise BudgetSpentError("nothing is left")
        self.planned.append(planned)
        self.accounts.append(current_account())
        return await super().reserve(planned)

    async def settle(self, reservation: Reservation, finished: FinishedCall) -> None:
        self.settled.append(finished)

    @property
    def outcomes(self) -> list[str]:
        return [finished.outcome.value for finished in self.settled]


class Stand:
    """Providers over a scripted model, their ledger, and the pauses they made."""

    def __init__(self, model: ScriptedModel) -> None:
        self.model = model
        self.book = Book()
        self.pauses: list[float] = []
        self.opened: list[Providers] = []

    async def open(self, **settings: object) -> Providers:
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        chosen = {"model": "openai:scripted", "model_base_url": self.model.url, **settings}
        providers = await open_providers(
            Settings.model_validate(chosen), self.book, pause=pause, chance=lambda: 1.0
        )
        self.opened.append(providers)
        return providers

    async def ask(self, **settings: object) -> str:
        providers = await self.open(**settings)
        with charged_to(ACCOUNT):
            answer = await providers.ask(Task.PLANNING, PROMPT, "Which one?", Colour)
        return f"{answer.output.name} by {answer.model} after {answer.repairs}"


@pytest.fixture
async def stand(model: ScriptedModel) -> AsyncIterator[Stand]:
    made = Stand(model)
    yield made
    for providers in made.opened:
        await providers.close()


async def test_an_answer_is_of_the_type_and_names_its_model(stand: Stand) -> None:
    stand.model.will(BLUE)
    assert await stand.ask() == "blue by openai:scripted after 0"
    model_request = stand.model.requests[0]
    assert (model_request.instructions, model_request.content) == ("Give a colour.", "Which one?")


@pytest.mark.parametrize(
    "bad", [Says('{"name": '), Says({"colour": 1}), Chats("blue"), Says('{"na', "length")]
)
async def test_what_has_not_the_form_is_repaired_at_most_twice(stand: Stand, bad: Reply) -> None:
    stand.model.will(bad, bad, BLUE)
    assert await stand.ask() == "blue by openai:scripted after 2"
    assert stand.book.outcomes == ["malformed", "malformed", "repaired"]
    assert stand.model.requests[1].complaints != ""
    stand.model.will(bad, bad, bad, BLUE)
    with pytest.raises(InferenceError, match=r"^openai:scripted (gave no answer|broke off)"):
        await stand.ask()
    assert len(stand.model.requests) == 6
    assert stand.book.outcomes[3:] == ["malformed", "malformed", "malformed"]


async def test_what_is_asked_to_be_repaired_is_given_as_it_is_when_tries_are_over(
    stand: Stand,
) -> None:
    providers = await stand.open()
    stand.model.will(BLUE, Says({"name": "red"}))

    def wrong(colour: Colour) -> str | None:
        return None if colour.name == "red" else "Not that one."

    with charged_to(ACCOUNT):
        first = await providers.ask(Task.PLANNING, PROMPT, "?", Colour, check=wrong)
        assert (first.output.name, first.repairs) == ("red", 1)
        assert "Not that one." in stand.model.requests[1].complaints
        stand.model.will(BLUE, BLUE, BLUE)
        second = await providers.ask(Task.PLANNING, PROMPT, "?", Colour, check=wrong)
    assert (second.output.name, second.repairs) == ("blue", 2)


@pytest.mark.parametrize(
    ("reply", "tries", "message"),
    [
        (Fails(429), 3, "limits the rate"),
        (Fails(500), 3, "HTTP status 500"),
        (Fails(503), 3, "HTTP status 503"),
        (Closes(), 3, "could not be reached"),
        (Fails(401), 1, "refused the key"),
        (Fails(400), 1, "HTTP status 400"),
        (Fails(429, code="insufficient_quota"), 1, "quota is used up"),
        (Refuses(), 1, "refused to answer"),
    ],
)
async def test_only_what_passes_is_tried_again(
    stand: Stand, reply: Reply, tries: int, message: str
) -> None:
    stand.model.otherwise = reply
    with pytest.raises(InferenceError, match=message):
        await stand.ask()
    assert len(stand.model.requests) == tries
    assert len(stand.pauses) == tries - 1
    assert stand.book.settled[0].attempts == tries


async def test_pauses_double_and_a_provider_can_say_how_long_they_are(stand: Stand) -> None:
    stand.model.will(Fails(500), Fails(500), Fails(429, {"Retry-After": "7"}), BLUE)
    assert await stand.ask(model_retries=3) == "blue by openai:scripted after 0"
    assert stand.pauses == [1.0, 2.0, 7.0]
    assert (stand.book.outcomes, stand.book.settled[0].attempts) == (["ok"], 4)


async def test_a_provider_that_asks_for_too_much_time_is_not_waited_for(stand: Stand) -> None:
    stand.model.will(Fails(429, {"Retry-After": "3600"}))
    with pytest.raises(InferenceError) as refused:
        await stand.ask()
    assert (refused.value.retry_after_s, stand.pauses) == (3600.0, [])


async def test_a_model_that_hangs_is_given_up(stand: Stand) -> None:
    stand.model.will(Waits())
    with pytest.raises(InferenceError, match="did not answer in time"):
        await stand.ask(model_timeout_s=0.1, model_retries=0)
    assert stand.book.outcomes == ["timed_out"]
    # What it takes is not known, so that what was reserved has to count.
    assert stand.book.settled[0].usage is None


async def test_the_fallback_is_asked_where_the_first_model_fails(stand: Stand) -> None:
    def only_the_second(model_request: ModelRequest) -> Reply:
        return BLUE if model_request.body["model"] == "second" else Refuses()

    stand.model.otherwise = only_the_second
    assert await stand.ask(fallback_model="openai:second") == "blue by openai:second after 0"
    assert stand.book.outcomes == ["refused", "ok"]


async def test_the_ledger_is_told_who_asked_for_what_and_what_it_took(stand: Stand) -> None:
    stand.model.will(BLUE)
    await stand.ask()
    planned, finished = stand.book.planned[0], stand.book.settled[0]
    assert (planned.task, planned.provider, planned.model) == ("planning", "127.0.0.1", "scripted")
    assert planned.prompt_hash == PROMPT.hash
    assert finished.usage is not None
    assert finished.usage.input_tokens == stand.model.requests[0].tokens < planned.input_tokens
    assert 0 < finished.usage.output_tokens < planned.output_tokens
    assert finished.outcome is CallOutcome.OK
    assert stand.book.accounts == [ACCOUNT]


async def test_nothing_is_sent_when_the_budget_is_spent(stand: Stand) -> None:
    stand.book.spent = True
    with pytest.raises(BudgetSpentError):
        await stand.ask(fallback_model="openai:second")
    assert stand.model.requests == []


async def test_no_more_requests_are_under_way_than_allowed(stand: Stand) -> None:
    two, lock, under_way, peak = threading.Barrier(2), threading.Lock(), set[str](), [0]

    def in_pairs(model_request: ModelRequest) -> Reply:
        with lock:
            under_way.add(model_request.content)
            peak[0] = max(peak[0], len(under_way))
        two.wait(20)
        with lock:
            under_way.discard(model_request.content)
        return BLUE

    stand.model.otherwise = in_pairs
    providers = await stand.open(model_concurrency=2)
    with charged_to(ACCOUNT):
        asking = [providers.ask(Task.PLANNING, PROMPT, str(n), Colour) for n in range(8)]
        assert [answer.output.name for answer in await asyncio.gather(*asking)] == ["blue"] * 8
    assert peak == [2]


async def test_each_task_can_have_a_model_of_its_own_or_none(stand: Stand) -> None:
    providers = await stand.open(model_planning="openai:small", model_extraction="local")
    assert providers.name(Task.PLANNING) == "openai:small"
    assert providers.name(Task.RECONCILIATION) == "openai:scripted"
    assert not providers.has(Task.EXTRACTION)
    assert providers.name(Task.EXTRACTION) == "local"


@pytest.mark.parametrize(
    ("name", "message"),
    [("gpt-5", "provider:name"), ("nobody:x", "nobody:x"), ("openai:", "provider:name")],
)
async def test_a_model_that_is_not_known_is_refused_when_the_memory_is_opened(
    stand: Stand, name: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        await stand.open(model=name)


async def test_without_a_model_the_rules_are_used() -> None:
    assert isinstance(await open_inference(Settings(model=None), Unmetered()), LocalInference)


WITHOUT = """
import asyncio, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pydantic_ai":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from hitherto import Settings
from hitherto.errors import ValidationError
from hitherto.inference import open_inference

asyncio.run(open_inference(Settings(), None))
try:
    asyncio.run(open_inference(Settings(model="openai:gpt-5-mini"), None))
except ValidationError as error:
    print(error)
"""


def test_without_the_extra_all_works_but_models_and_it_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install 'hitherto[models]'" in done.stdout
