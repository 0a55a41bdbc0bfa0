"""Reading third-person statements: whose attribute they state, and its value."""
