"""The service: the public contract over HTTP, and the admin API."""

from hitherto.server.app import create_app

__all__ = ["create_app"]
