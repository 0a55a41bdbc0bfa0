"""The pure core: every decision of Recollect is made here, without I/O, clock or randomness."""
