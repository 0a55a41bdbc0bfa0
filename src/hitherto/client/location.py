"""Location of a memory: a database, or a server."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hitherto.api import MemoryApi
from hitherto.client.http_api import open_http
from hitherto.client.http_transport import HttpParts
from hitherto.disclosure import without_userinfo
from hitherto.errors import ValidationError
from hitherto.settings import Settings
from hitherto.store import shown_address
from hitherto.system import Parts, open_api


@dataclass(frozen=True, slots=True)
class MemoryLocation:
    """Location of a memory with its settings: a database, or a server.

    Raises ValidationError for incompatible arguments.
    """

    location: str | Path
    settings: Settings | None
    parts: Parts | HttpParts | None
    api_key: str | None
    project_id: str | None
    timeout_s: float

    def __post_init__(self) -> None:
        if self.remote:
            self._check_remote()
        elif self.api_key is not None or self.project_id is not None:
            raise ValidationError(
                f"api_key and project_id belong to a server, and {shown_address(self.location)!r} "
                "is a database; give the server's address, beginning with http:// or https://, or "
                "leave them out"
            )
        elif isinstance(self.parts, HttpParts):
            raise ValidationError(
                f"parts are HttpParts, and {shown_address(self.location)!r} is a database: give "
                "Parts"
            )

    @property
    def remote(self) -> bool:
        """Return whether the memory is behind a server."""
        location = self.location
        return isinstance(location, str) and location.lower().startswith(("http://", "https://"))

    async def open(self) -> MemoryApi:
        """Open the memory and return its API."""
        if isinstance(self.parts, HttpParts) or self.remote:
            parts = self.parts if isinstance(self.parts, HttpParts) else None
            api_key, project_id = self.api_key or "", self.project_id or ""
            return open_http(str(self.location), api_key, project_id, self.timeout_s, parts)
        return await open_api(self.location, self.settings, self.parts)

    def _check_remote(self) -> None:
        for name, value in (("api_key", self.api_key), ("project_id", self.project_id)):
            if not value:
                raise ValidationError(
                    f"{self._printed_address()} is a server, which needs {name}; "
                    "its operator can create one with `hitherto keys create`"
                )
            if not (value.isascii() and value.isprintable()):
                raise ValidationError(
                    f"{name} has characters that are not printable ASCII; copy it again"
                )
        if self.settings is not None or isinstance(self.parts, Parts):
            raise ValidationError(
                f"settings and Parts belong to an embedded memory, and {self._printed_address()} "
                "is a server with its own; leave them out"
            )
        if not urlsplit(str(self.location)).hostname:
            raise ValidationError(
                f"{self._printed_address()!r} has no host name; give an address such as "
                "https://memory.example.com"
            )
        if not self.timeout_s > 0:
            raise ValidationError(f"timeout_s must be above 0, not {self.timeout_s}")

    def _printed_address(self) -> str:
        return without_userinfo(str(self.location))
