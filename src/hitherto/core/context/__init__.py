"""Text of a context: layout, token budget, fence."""
