"""The exploring agent: its run, its tools, and its view of a memory."""
