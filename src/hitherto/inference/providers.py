"""Requests to language models of any provider; every request passes one guard.

The guard waits for a free slot of the provider, reserves in the ledger (which may refuse), sets a
time-out, and retries after a rate limit, an overload or a lost connection. `Providers.ask` puts one
question with a checked answer; `Providers.model` is for agents.

This module needs the extra `hitherto[models]`; import it only if a model is set.
"""

import asyncio
import json
import logging
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_ai import Agent, ModelRetry, RunContext
from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    FallbackExceptionGroup,
    IncompleteToolCall,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
    OutputTokenLimitExceeded,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse, infer_model
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.providers import Provider, infer_provider, infer_provider_class
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from hitherto.backoff import Backoff
from hitherto.core.spending import estimated_tokens
from hitherto.disclosure import without_secrets
from hitherto.errors import InferenceError, ValidationError
from hitherto.inference.ledger import (
    CallUsage,
    FinishedCall,
    Ledger,
    PlannedCall,
    Reservation,
)
from hitherto.inference.tasks import Task
from hitherto.inference.tasks.choice import chosen_models
from hitherto.models import LOCAL_MODEL, CallOutcome
from hitherto.prompts import Prompt, prompt_hash
from hitherto.settings import Settings

_log = logging.getLogger("hitherto.inference")

OutputT = TypeVar("OutputT")

REPAIRS = 2
"""Repairs of an answer: requests with the fault of the previous answer."""

MAX_ANSWER_TOKENS = 16_384
"""Maximum tokens of an answer, including the model's thinking; each task has its own bound."""

_ANSWER_TOKENS = {
    Task.EXTRACTION: MAX_ANSWER_TOKENS,
    Task.RECONCILIATION: 8_192,
    Task.PLANNING: 4_096,
    Task.EXPLORING: 8_192,
}
BACKOFF = Backoff(first_s=1.0, longest_s=60.0, jitter=0.5)
"""With a longer Retry-After, the call fails and the session is retried later."""

_PASSING = (
    ModelRateLimitError,
    ModelUnavailableError,
    ModelServerError,
    ModelConnectionError,
)
_ALIASES = {"google-gla": "google", "google-vertex": "google-cloud"}


@dataclass(frozen=True, slots=True)
class Answer(Generic[OutputT]):
    """Answer of a model in the requested type. model: its name, with the provider.

    repairs: number of requests to repair an unusable answer.
    """

    output: OutputT
    model: str
    repairs: int = 0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retry policy. pause, chance: sleep in seconds, and a random number from 0 to 1."""

    timeout_s: float
    retries: int
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def total_s(self) -> float:
        """Return the seconds after which a request has certainly ended, with all attempts."""
        return (self.retries + 1) * (self.timeout_s + BACKOFF.longest_s)

    def delay_s(self, error: ModelAPIError, tried: int) -> float | None:
        """Return the seconds until the next attempt, None for none. tried: attempts so far."""
        if tried > self.retries or not isinstance(error, _PASSING):
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= BACKOFF.longest_s else None
        return BACKOFF.delay_s(tried, self.chance())


@dataclass(frozen=True, slots=True)
class _ModelEndpoint:
    """Endpoint of one model. provider: its host, for a custom address."""

    name: str
    provider: str
    model: Model
    slots: asyncio.Semaphore


class _PendingOutcome:
    """Delays the settlement of a request until its answer is known to have the requested form."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._open: tuple[Reservation, FinishedCall] | None = None
        self.requests = 0

    async def record_answer(self, reservation: Reservation, finished: FinishedCall) -> None:
        """Count an answer; an earlier one was unusable."""
        await self.settle(CallOutcome.MALFORMED)
        self.requests += 1
        self._open = (reservation, finished)

    async def settle(self, outcome: CallOutcome) -> None:
        """Settle the last answer with its outcome."""
        pending, self._open = self._open, None
        if pending is not None:
            await self._ledger.settle(pending[0], replace(pending[1], outcome=outcome))


class _Guarded(WrapperModel):
    """A model whose every request is counted, limited, timed and tried again."""

    def __init__(
        self,
        endpoint: _ModelEndpoint,
        task: Task,
        ledger: Ledger,
        retries: RetryPolicy,
        pending: _PendingOutcome | None = None,
    ) -> None:
        super().__init__(endpoint.model)
        self._endpoint = endpoint
        self._task = task
        self._ledger = ledger
        self._retries = retries
        self._pending = pending

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        # Without it, the provider's own client gives up after a time of its own.
        settings: ModelSettings = {**(model_settings or {}), "timeout": self._retries.timeout_s}

        async def once() -> ModelResponse:
            return await self.wrapped.request(messages, settings, model_request_parameters)

        planned = self._plan_call(messages, settings, model_request_parameters)
        reservation = await self._ledger.reserve(planned)
        timer = _Timer()
        try:
            response = await self._retry(once, timer)
        except BaseException as error:
            finished = FinishedCall(
                _outcome(error), _failed_usage(error), timer.ms(), max(1, timer.attempts)
            )
            await asyncio.shield(self._ledger.settle(reservation, finished))
            raise
        used = _usage(response.usage)
        finished = FinishedCall(CallOutcome.OK, used, timer.ms(), timer.attempts)
        if self._pending is None:
            await self._ledger.settle(reservation, finished)
        else:
            await self._pending.record_answer(reservation, finished)
        return response

    async def _retry(
        self, once: Callable[[], Awaitable[ModelResponse]], timer: "_Timer"
    ) -> ModelResponse:
        while True:
            timer.attempts += 1
            try:
                async with self._endpoint.slots:
                    try:
                        async with asyncio.timeout(self._retries.timeout_s):
                            return await once()
                    except TimeoutError as error:
                        raise self._late() from error
            except ModelAPIError as error:
                delay_s = self._retries.delay_s(error, timer.attempts)
                if delay_s is None:
                    raise
            await self._retries.pause(delay_s)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        planned = self._plan_call(messages, model_settings, model_request_parameters)
        reservation = await self._ledger.reserve(planned)
        timer = _Timer()
        outcome, used = CallOutcome.OK, None
        try:
            async with (
                self._endpoint.slots,
                self.wrapped.request_stream(
                    messages, model_settings, model_request_parameters, run_context
                ) as stream,
            ):
                yield stream
                used = _usage(stream.usage)
        except BaseException as error:
            outcome, used = _outcome(error), used or _failed_usage(error)
            raise
        finally:
            finished = FinishedCall(outcome, used, timer.ms())
            await asyncio.shield(self._ledger.settle(reservation, finished))

    def _plan_call(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> PlannedCall:
        instructions = next(
            (
                message.instructions
                for message in reversed(messages)
                if isinstance(message, ModelRequest) and message.instructions
            ),
            "",
        )
        texts = ModelMessagesTypeAdapter.dump_json(messages).decode()
        tools = "".join(
            f"{tool.name}{tool.description or ''}{json.dumps(tool.parameters_json_schema)}"
            for tool in (*parameters.function_tools, *parameters.output_tools)
        )
        return PlannedCall(
            task=self._task.value,
            provider=self._endpoint.provider,
            model=self._endpoint.name.partition(":")[2],
            prompt_hash=prompt_hash(instructions),
            input_tokens=estimated_tokens(texts, tools),
            output_tokens=(settings or {}).get("max_tokens", MAX_ANSWER_TOKENS),
            timeout_s=self._retries.total_s(),
        )

    def _late(self) -> ModelTimeoutError:
        return ModelTimeoutError(
            self.model_name, f"no answer within {self._retries.timeout_s:g} s", phase="read"
        )


class _Timer:
    """Counts the attempts of a request and the milliseconds since the first."""

    def __init__(self) -> None:
        self.attempts = 0
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()

    def ms(self) -> float:
        return (self._loop.time() - self._start) * 1_000


class Providers:
    """Models of all tasks; closing closes their connections."""

    def __init__(
        self,
        endpoints: Mapping[Task, tuple[_ModelEndpoint, ...]],
        ledger: Ledger,
        retries: RetryPolicy,
        opened: AsyncExitStack,
    ) -> None:
        self._endpoints = endpoints
        self._ledger = ledger
        self._retries = retries
        self._opened = opened
        self._agents: dict[Any, Agent[Any, Any]] = {}

    async def close(self) -> None:
        """Close the connections of all models."""
        await self._opened.aclose()

    def has(self, task: Task) -> bool:
        """Return whether a model does the task; otherwise rules do."""
        return task in self._endpoints

    def name(self, task: Task) -> str:
        """Return the name of the first model, or `local` without one."""
        return self._endpoints[task][0].name if task in self._endpoints else LOCAL_MODEL

    def model(self, task: Task) -> Model:
        """Return the model for an agent of the task, with its fallback.

        Give the agent `request_settings`, too. `refuse` translates the errors of its run.
        """
        first, *others = (
            _Guarded(endpoint, task, self._ledger, self._retries)
            for endpoint in self._endpoints[task]
        )
        return FallbackModel(first, *others) if others else first

    async def ask(
        self,
        task: Task,
        prompt: Prompt,
        content: str,
        output_type: type[OutputT],
        *,
        check: Callable[[OutputT], str | None] | None = None,
    ) -> Answer[OutputT]:
        """Return a model's answer of the requested type.

        content: text after the prompt. check: returns the fault of an answer of the right type, or
        None. The model is asked to repair a fault; if it cannot, the faulty answer is returned.
        Raises InferenceError without a usable answer, BudgetSpentError if the budget is spent.
        """
        *others, last = self._endpoints[task]
        for endpoint in others:
            try:
                return await self._ask_model(endpoint, task, prompt, content, output_type, check)
            except InferenceError as error:
                _log.info("asking the fallback model: %s", error)
        return await self._ask_model(last, task, prompt, content, output_type, check)

    async def _ask_model(
        self,
        endpoint: _ModelEndpoint,
        task: Task,
        prompt: Prompt,
        content: str,
        output_type: type[OutputT],
        check: Callable[[OutputT], str | None] | None,
    ) -> Answer[OutputT]:
        agent = self._agents.get(output_type)
        if agent is None:
            agent = self._agents[output_type] = _agent(output_type)
        pending = _PendingOutcome(self._ledger)
        outcome = CallOutcome.FAILED
        try:
            done = await agent.run(
                content,
                model=_Guarded(endpoint, task, self._ledger, self._retries, pending),
                instructions=prompt.text,
                deps=_Checking(check),
                model_settings=request_settings(task),
            )
            outcome = CallOutcome.OK if pending.requests < 2 else CallOutcome.REPAIRED
        except AgentRunError as error:
            outcome = _outcome(error)
            refuse(error, endpoint.name)
        finally:
            await asyncio.shield(pending.settle(outcome))
        return Answer(done.output, endpoint.name, max(0, pending.requests - 1))


def request_settings(task: Task) -> ModelSettings:
    """For every request of a task: bounded, and without the providers' own retries."""
    return {"max_retries": 0, "max_tokens": _ANSWER_TOKENS[task]}


@dataclass(frozen=True, slots=True)
class _Checking:
    check: Callable[[Any], str | None] | None


def keep_untraced(agent: Agent[Any, Any]) -> None:
    """Keep an agent's conversations out of traces, even where the application traces all agents.

    `Agent.instrument_all()` in the process that embeds Hitherto would export what users said.
    """
    agent.instrument = False


def _agent(output_type: type[OutputT]) -> Agent[_Checking, OutputT]:
    agent = Agent(
        output_type=output_type, deps_type=_Checking, retries={"output": REPAIRS, "tools": 0}
    )
    keep_untraced(agent)

    def check_output(context: RunContext[_Checking], output: OutputT) -> OutputT:
        check = context.deps.check
        wrong = None if check is None else check(output)
        if wrong and not context.last_attempt:
            raise ModelRetry(wrong)
        return output

    agent.output_validator(check_output)
    return agent


def refuse(error: Exception, model: str) -> NoReturn:
    """Raise the InferenceError that names why a model gave no usable answer."""
    while isinstance(error, FallbackExceptionGroup):
        error = error.exceptions[-1]
    retry_after_s = error.retry_after if isinstance(error, ModelAPIError) else None
    summary = f"{model} {_reason(error)}"
    raise InferenceError(
        f"{summary}{_code(error)}", retry_after_s=retry_after_s, tenant_message=summary
    ) from error


_OUTCOMES: tuple[tuple[type[BaseException], CallOutcome], ...] = (
    (ModelRateLimitError, CallOutcome.RATE_LIMITED),
    (ModelTimeoutError, CallOutcome.TIMED_OUT),
    (asyncio.CancelledError, CallOutcome.TIMED_OUT),
    (ContentFilterError, CallOutcome.REFUSED),
    (UnexpectedModelBehavior, CallOutcome.MALFORMED),
)


def _outcome(error: BaseException) -> CallOutcome:
    return next(
        (outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), CallOutcome.FAILED
    )


def _failed_usage(error: BaseException) -> CallUsage | None:
    """Return the charge of a failed request: nothing if refused or never sent."""
    reached = not isinstance(error, ModelConnectionError) or error.phase not in {"connect", "pool"}
    return CallUsage() if isinstance(error, ModelHTTPError) or not reached else None


def _usage(usage: RequestUsage) -> CallUsage:
    return CallUsage(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens)


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (ModelRateLimitError, "limits the rate of requests"),
    (ModelQuotaExceededError, "says that the account's quota is used up"),
    (ModelTimeoutError, "did not answer in time"),
    (ModelConnectionError, "could not be reached, or broke off the connection"),
    (ModelAuthenticationError, "refused the key"),
    (ModelContextWindowExceededError, "cannot read that much at once"),
    (ContentFilterError, "refused to answer"),
    (IncompleteToolCall, "broke off in its answer: it was longer than allowed"),
    (OutputTokenLimitExceeded, "broke off in its answer: it was longer than allowed"),
)


_CODE = re.compile(r"[a-z][a-z0-9_.-]{1,60}")


def _reason(error: Exception) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, ModelHTTPError):
        return f"answered with HTTP status {error.status_code}"
    if isinstance(error, ModelAPIError):
        return "could not do what was asked"
    return f"gave no answer of the form asked for, in {REPAIRS + 1} tries"


def _code(error: Exception) -> str:
    """Return the provider's code of the failure for the log; its words may quote a user."""
    body = error.body if isinstance(error, ModelHTTPError) else None
    inner = body.get("error", body) if isinstance(body, dict) else None
    values = [inner.get(name) for name in ("type", "code")] if isinstance(inner, dict) else []
    codes = [code for code in values if isinstance(code, str) and _CODE.fullmatch(code)]
    return without_secrets(f" ({', '.join(codes)})") if codes else ""


async def open_providers(
    settings: Settings,
    ledger: Ledger,
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> Providers:
    """Return the models of the settings; nothing is sent.

    pause, chance: sleep in seconds, and a random number from 0 to 1, for the time between attempts.
    Raises ValidationError for an unknown model, or one that lacks its key or its package.
    """
    retries = RetryPolicy(settings.model_timeout_s, settings.model_retries, pause, chance)
    slots: dict[str, asyncio.Semaphore] = {}
    endpoints: dict[str, _ModelEndpoint] = {}
    chosen = chosen_models(settings)
    opened = AsyncExitStack()
    try:
        for name in sorted({name for names in chosen.values() for name in names}):
            provider = _provider_of(name)
            if provider == _main_provider(settings) and settings.model_base_url:
                provider = urlsplit(settings.model_base_url).hostname or provider
            slot = slots.setdefault(provider, asyncio.Semaphore(settings.model_concurrency))
            model = await opened.enter_async_context(_build(name, settings))
            endpoints[name] = _ModelEndpoint(name, provider, model, slot)
    except BaseException:
        await opened.aclose()
        raise
    of_tasks = {task: tuple(endpoints[name] for name in names) for task, names in chosen.items()}
    return Providers(of_tasks, ledger, retries, opened)


def _build(name: str, settings: Settings) -> Model:
    kind, colon, rest = name.partition(":")
    if not colon or not rest:
        raise ValidationError(f"model {name!r} must be `provider:name`, as in `openai:gpt-5-mini`")
    # Address and key are those of one provider; a fallback elsewhere has its own variables.
    main = _provider_of(name) == _main_provider(settings)
    base_url = settings.model_base_url if main else None
    api_key = settings.model_api_key if main else None
    kind = _ALIASES.get(kind, kind)
    if kind == "openai" and base_url:
        kind = "openai-chat"
    try:
        return infer_model(f"{kind}:{rest}", lambda of: _provider(of, base_url, api_key))
    except ImportError as error:
        raise ValidationError(
            f"model {name!r} needs a package: pip install 'hitherto[models]' ({error})"
        ) from error
    except (UserError, ValueError) as error:
        reason = without_secrets(str(error), settings.secrets())
        raise ValidationError(f"model {name!r} cannot be used: {reason}") from error


def _provider_of(name: str) -> str:
    return name.partition(":")[0]


def _main_provider(settings: Settings) -> str:
    """Return the provider of the settings' address and key: that of the first model."""
    return next((_provider_of(names[0]) for names in chosen_models(settings).values()), "")


def _provider(kind: str, base_url: str | None, api_key: SecretStr | None) -> Provider[Any]:
    """A provider with an address and a key of the settings, where they are given."""
    key = None if api_key is None else api_key.get_secret_value()
    if kind == "openai-chat" and base_url:
        from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider  # noqa: PLC0415

        return OpenAICompatibleProvider("openai-compatible", base_url=base_url, api_key=key)
    given = {"base_url": base_url, "api_key": key}
    arguments = {name: value for name, value in given.items() if value}
    if not arguments:
        return infer_provider(kind)
    make: Callable[..., Provider[Any]] = infer_provider_class(kind)
    return make(**arguments)
