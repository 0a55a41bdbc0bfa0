"""Words and sentences: tokens, sentence boundaries, English word lists, caches of readings."""
