"""HTTP service: the public contract and the admin API."""

from hitherto.server.app import create_app

__all__ = ["create_app"]
