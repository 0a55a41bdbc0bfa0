"""Exploring agent: its run, its tools, and its view of a memory."""
