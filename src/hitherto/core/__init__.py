"""Pure core: every decision of Hitherto is made here, without I/O, clock or randomness."""
