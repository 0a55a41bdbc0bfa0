"""Version chains of memories, and redaction of deleted content."""
