"""Powers by exp and log: the same bits with jitting on and off, unlike `**` (LLVM makes 2 ** x an exp2)."""

from math import exp, log

from protogov.envs.world.compiled import compiled

_LOG_TWO = 0.6931471805599453


@compiled
def power(base, exponent):
    """`base` ** `exponent` for a positive base."""
    return exp(exponent * log(base))


@compiled
def decay(periods, half_life):
    """What is left of 1 after `periods` when a half goes in each `half_life`."""
    return exp(-_LOG_TWO * periods / half_life)
