"""Figures of merit: speed, memory and start-up time, with their targets."""
