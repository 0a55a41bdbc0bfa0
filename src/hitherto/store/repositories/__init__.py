"""Repositories: the rows of one kind, read and written inside one transaction."""
