"""Prices of model calls: those of the settings, then those of `genai-prices`."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Protocol

from hitherto.inference.ledger import CallUsage
from hitherto.settings import Price

_NANOS_PER_USD = 1_000_000_000
_TOKENS_PER_PRICE = 1_000_000


class Prices(Protocol):
    """Knows what models charge, where it does."""

    def cost_nanos(self, provider: str, model: str, usage: CallUsage) -> int | None:
        """Billionths of a US dollar, rounded up; None where no price is known."""
        ...


class ListPrices:
    """Prices of the settings by `provider:model`, then published prices of `genai-prices`.

    That table comes with `hitherto[models]` and is read as it was installed, without a network.
    """

    def __init__(self, own: Mapping[str, Price]) -> None:
        self._own = own

    def cost_nanos(self, provider: str, model: str, usage: CallUsage) -> int | None:
        price = self._own.get(f"{provider}:{model}")
        return _published_cost(provider, model, usage) if price is None else _by(price, usage)


def _by(price: Price, usage: CallUsage) -> int:
    cached_usd = price.input if price.cached is None else price.cached
    fresh = usage.input_tokens - usage.cached_tokens
    total = (
        Decimal(str(price.input)) * fresh
        + Decimal(str(cached_usd)) * usage.cached_tokens
        + Decimal(str(price.output)) * usage.output_tokens
    )
    return _nanos(total / _TOKENS_PER_PRICE)


def _published_cost(provider: str, model: str, usage: CallUsage) -> int | None:
    try:
        # Only where a model is used is the extra installed that brings the prices.
        from genai_prices import Usage, calc_price  # noqa: PLC0415
    except ModuleNotFoundError:
        return None
    counted = Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
    )
    try:
        return _nanos(calc_price(counted, model_ref=model, provider_id=provider).total_price)
    except (LookupError, ValueError):
        return None


def _nanos(usd: Decimal) -> int:
    return int((usd * _NANOS_PER_USD).to_integral_value(ROUND_CEILING))
