"""Older names of parameters, fields and values, which requests may still use.

Released clients send them. A renamed parameter, field or value gets its older name here.
"""

from pydantic import AliasChoices

from hitherto.models import RecallStrategy

OLDER_PARAMETERS: dict[bytes, tuple[bytes, ...]] = {
    b"delete_all_versions": (b"delete_previous_versions",),
    b"threshold": (b"memories_threshold", b"summaries_threshold"),
}
"""Parameters of older clients, each with the parameters that replace it."""

CUSTOM_USER_ID = AliasChoices("custom_user_id", "user_id")
NEW_CUSTOM_USER_ID = AliasChoices("new_custom_user_id", "new_user_id")


def current_strategy(value: object) -> object:
    """Return a recall strategy; `deep` is the older name of the agentic one."""
    return RecallStrategy.AGENTIC if value == "deep" else value
