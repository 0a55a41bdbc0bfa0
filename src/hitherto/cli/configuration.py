"""Settings of a command: the environment, overridden by its options."""

from typing import Any

import pydantic

from hitherto.errors import ValidationError
from hitherto.settings import Settings


def read_settings(**given: Any) -> Settings:
    """Return the settings of the environment, overridden by arguments that are not None.

    Raises ValidationError.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        # An invalid address or key may still be a secret, or contain one.
        wrong_value = "" if name.endswith(("_url", "_key")) else f", not {first['input']!r}"
        raise ValidationError(
            f"the setting {name} (HITHERTO_{name.upper()}): {reason}{wrong_value}"
        ) from error
