"""Reading of third-person statements: words, predicates, and the rules behind `attributes`."""
