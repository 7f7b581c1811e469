"""Policies as smart contracts: whole numbers with proved bounds, generated Vyper, and a check of what was deployed."""
