"""Dates in text: expressions, mentions in a message, calendar days, formatting."""
