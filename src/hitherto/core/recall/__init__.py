"""Recall: query plans, indexes, scores and rankings of memories, summaries and messages."""
