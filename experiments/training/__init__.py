"""Governors that learn: a run from its configuration to its evaluation."""
