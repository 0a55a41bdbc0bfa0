"""Extraction by rules: from the messages of a session to third-person statements."""
