"""Reconciliation: from candidates and existing memories to a plan of changes."""
