"""Text of a context: recalled data, sections, wording, priorities, token budget, fence."""
