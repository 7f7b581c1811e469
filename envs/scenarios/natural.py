"""Markets at their natural frequency: what a protocol may expect of a fortnight drawn at random.

How the shares were counted. From 2020 to 2025 there are nine listed crises (``crises.py``) in 156 fortnights, 5.8%.
Here 4% of the tapes are crises: the five training crises in equal parts, with their real depth. In addition, every
tenth tape of `jump` has a crash of 15 to 40% (a hazard of .0003 per hour), another 1.5%: together 5.5%. Spells of
stress within `regimes` and bursts within `self-exciting` do not count as crises but as turbulence. The list says
nothing about the rest. It is divided between `calm` 30%, `regimes` 35%, `self-exciting` 15%, `jump` 16%.
`protogov study natural` compares falls, drawdowns, returns and vols of every part and of the whole with published ones
(results/natural/README.md): drawdowns are about as frequent as in history, the deepest fortnights are deeper, and vol
between crises is lower.

The expected return is zero. Crises fall, so the other parts have one small drift that makes the mean simple return
of 336 hours zero. A governor that is paid for holding or shorting the coin learns nothing from this market.
"""

from protogov.envs.scenarios.base import register
from protogov.envs.scenarios.crises import CRISES
from protogov.envs.scenarios.drift import Drift
from protogov.envs.scenarios.markets import MARKETS
from protogov.envs.scenarios.mixture import Mixture

# Log drift per hour of all parts except crises. Measured by `protogov study natural_drift` on 32,768
# tapes of each part from seed 2**45 on: 3.236e-5 +- .098e-5; verified on 4,096 tapes of the mixture from 2**46 on.
LOG_DRIFT = 3.236e-5

SHARES = {"calm": 0.30, "regimes": 0.35, "self-exciting": 0.15, "jump": 0.16}
CRISIS_SHARE = 0.04  # of all training crises together
TRAINING_CRISES = tuple(crisis for crisis in CRISES.values() if crisis.split == "train")

_DRIFT = Drift(LOG_DRIFT)
_QUIET = [(MARKETS[name] + _DRIFT, share) for name, share in SHARES.items()]

NATURAL = Mixture(
    "natural",
    [
        *_QUIET,
        *((crisis, CRISIS_SHARE / len(TRAINING_CRISES)) for crisis in TRAINING_CRISES),
    ],
)
BETWEEN_CRISES = Mixture("between-crises", _QUIET)
register(
    BETWEEN_CRISES, "natural without its crises, in the same proportions: what people are fitted to outside crises"
)
register(
    NATURAL,
    "as often as in life: 30% calm, 35% regimes, 15% self-exciting, 16% jump, 4% crises; no expected return",
)
