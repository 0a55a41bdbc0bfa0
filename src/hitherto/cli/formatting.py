"""Amounts and times in tables."""

from datetime import datetime


def shown_usd(usd: float) -> str:
    """Return US dollars for a table, to a ten-thousandth of a cent."""
    return f"${usd:,.6f}"


def shown_time(instant: datetime | None) -> str:
    """Return an instant for a table, to the minute."""
    return "" if instant is None else f"{instant:%Y-%m-%d %H:%M} UTC"
