"""Powers by exp and log. Same bits with jitting on and off; `**` differs (LLVM turns 2 ** x into exp2)."""

from math import exp, log

from protogov.envs.world.compiled import compiled

_LOG_TWO = 0.6931471805599453


@compiled
def power(base, exponent):
    """`base` ** `exponent` for a positive base."""
    return exp(exponent * log(base))


@compiled
def decay(periods, half_life):
    """The share that is left after `periods` if half of it disappears in each `half_life`."""
    return exp(-_LOG_TWO * periods / half_life)
