"""Figures of merit: how fast, how small, how soon; each beside its target."""
