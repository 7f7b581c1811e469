"""Worlds for autonomous protocol governance: physics, scenarios and the interfaces learners use."""
