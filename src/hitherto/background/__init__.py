"""Background work: processing of sessions, webhooks, cleanup, re-embedding."""
