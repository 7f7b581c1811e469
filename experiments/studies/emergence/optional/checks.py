"""Known answers of the optional measures, as controls of a report that is asked for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.text import number
from protogov.experiments.studies.emergence.controls import OPEN
from protogov.experiments.studies.emergence.fixtures import (
    FollowedMarkets,
    Henon,
    Logistic,
    Offspring,
    PassedOn,
    Settling,
    Still,
)
from protogov.experiments.studies.emergence.forks import Floats, Plan, read_rewards
from protogov.experiments.studies.emergence.measure import Control
from protogov.experiments.studies.emergence.optional.contagion import (
    Contagion,
    delta_covar,
    marginal_expected_shortfall,
)
from protogov.experiments.studies.emergence.optional.dynamics import Peaks, Phases, Twins, red_noise
from protogov.experiments.studies.emergence.optional.fitting import Episodes, fit
from protogov.experiments.studies.emergence.optional.hawkes import HawkesBesideForks
from protogov.experiments.studies.emergence.optional.information import (
    OInformation,
    discrete_o_information,
    gaussian_o_information,
)
from protogov.experiments.studies.emergence.optional.record import Record
from protogov.experiments.studies.emergence.optional.social import SocialInfluence
from protogov.experiments.studies.emergence.optional.transfer import TransferEntropy, transfer_entropy

FREQUENCY = 0.0494  # of the peak of AR(2)


def near(name: str, found: float, wanted: float, tolerance: float, guards: str) -> Control:
    """A control whose number is known."""
    passed = bool(abs(found - wanted) <= tolerance)
    return Control(name, f"{number(wanted)} ± {number(tolerance)}", number(found), passed, (guards,))


def record_of(series: Floats, units: int, outside: Floats | None = None) -> Record:
    """Series F64[T, n, A] as a record of so many units."""
    steps, rows, agents = series.shape
    names = tuple(f"{('rate', 'risk', 'spread')[k % 3]}_{k // 3}" for k in range(agents))
    centred = series - series.mean(axis=0)
    extra = np.empty((steps, rows, 0)) if outside is None else outside - outside.mean(axis=0)
    return Record(names, centred, extra, np.repeat(np.arange(units), rows // units))


def coupled(steps: int, rows: int, seed: int = 0) -> NDArray[np.float64]:
    """X' = .5 X + e, Y' = .6 Y + .4 X + n, F64[T, n, 2] in their steady state."""
    draw = np.random.default_rng(seed)
    series = np.zeros((steps + 50, rows, 2))
    for t in range(1, steps + 50):
        x, y = series[t - 1].T
        series[t] = np.stack([0.5 * x, 0.6 * y + 0.4 * x], axis=1) + draw.normal(size=(rows, 2))
    return series[50:]


def transfer_known() -> list[Control]:
    """AR(1) with one link: .0923 nats one way, nothing back; and a common driver that is among the conditions."""
    series = coupled(4000, 12)
    values = [transfer_entropy(series[:, [r], 1], series[:, [r], 0], series[:, [r], :0]) for r in range(12)]
    error = float(np.std(values, ddof=1) / np.sqrt(12))
    measure = TransferEntropy(shifts=99)
    short = measure.reduce(measure.of(record_of(coupled(150, 24), 12)))
    found = {one.name: one for one in short}
    driver = np.random.default_rng(5).normal(size=(150, 24, 1))
    driven = 0.5 * np.random.default_rng(6).normal(size=(150, 24, 2))
    driven[:, :, 0] += driver[..., 0]
    driven[1:, :, 1] += driver[:-1, :, 0]
    hidden = measure.reduce(measure.of(record_of(driven, 12)))
    known = measure.reduce(measure.of(record_of(driven, 12, driver)))
    right = found["rate_0 -> risk_0"].found and not found["risk_0 -> rate_0"].found
    words = {True: "one way", False: "otherwise"}
    common = hidden[0].found and not any(one.found for one in known)
    return [
        near("transfer entropy of AR(1)", float(np.mean(values)), 0.09228, 3.0 * error + 1e-4, "transfer-entropy"),
        Control("direction of AR(1)", "one way", words[right], right, ("transfer-entropy",)),
        Control(
            "common driver of a record", "found unless conditioned on", "so" if common else "otherwise", common,
            ("transfer-entropy",),
        ),
    ]  # fmt: skip


def information_known() -> list[Control]:
    """XOR is synergetic by a bit, a copy redundant by one, and two normal cases by algebra; noise has none."""
    bits = np.array([[a, b, a ^ b] for a in (0, 1) for b in (0, 1)])
    copy = np.repeat([[0, 0, 0], [1, 1, 1]], 2, axis=0)
    measure = OInformation(shifts=99)
    noise = np.random.default_rng(1).normal(size=(60, 24, 3))
    noise_found = [one.found for one in measure.reduce(measure.of(record_of(noise, 12)))]
    common = noise + np.random.default_rng(2).normal(size=(60, 24, 1))
    found = measure.reduce(measure.of(record_of(common, 12)))
    together = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 2.2]])
    return [
        near("XOR", discrete_o_information(bits), -1.0, 1e-12, "o-information"),
        near("copy", discrete_o_information(copy), 1.0, 1e-12, "o-information"),
        near("redundant normals", gaussian_o_information(np.ones((3, 3)) + 0.5 * np.eye(3)), 0.206717, 1e-6,
             "o-information"),
        near("synergetic normals", gaussian_o_information(together), -0.592812, 1e-6,
             "o-information"),
        Control("independent series", "nothing", "something" if any(noise_found) else "nothing",
                not any(noise_found), ("o-information",)),
        Control("series with a common part", "redundant", "redundant" if found[0].value > 0 and found[0].found
                else "otherwise", bool(found[0].found and found[0].value > 0), ("o-information",)),
    ]  # fmt: skip


def social_known() -> list[Control]:
    """A linear answer to a normal draw has .5 ln(1 + k^2 s_i^2 / s_j^2); the other way and without a link exactly 0."""
    gain, spreads = 0.6, {"rate_0": 0.5, "rate_1": 0.4}
    rows = 64
    world = FollowedMarkets(rows)
    governors = {"rate_0": Still(), "rate_1": FollowedMarkets.follower(gain)}

    def spread(agent: str, governor: object, n: int) -> Floats:
        return np.full((n, 1), spreads[agent])

    measure = SocialInfluence(resamples=128, spreads=spread)
    plan = Plan(np.arange(rows, dtype=np.uint64), np.repeat(np.arange(8), 8), times=(3,), steps=2, limits=OPEN)
    sample = measure.extract(world, governors, plan)
    by_pair = dict(zip(sample.pairs, sample.influence.T, strict=True))
    wanted = 0.5 * np.log(1.0 + (gain * spreads["rate_0"] / spreads["rate_1"]) ** 2)
    back = float(np.abs(by_pair[("rate_1", "rate_0")]).max())
    few = Plan(np.arange(4, dtype=np.uint64), times=(3,), steps=2, limits=OPEN)
    plain = SocialInfluence().extract(FollowedMarkets(4), governors, few)
    return [
        near("linear answer", float(by_pair[("rate_0", "rate_1")].mean()), float(wanted), 0.02, "social-influence"),
        near("without a link", back, 0.0, 1e-12, "social-influence"),
        Control("deterministic policies", "no pair", f"{len(plain.pairs)} pairs" if plain.pairs else "no pair",
                not plain.pairs, ("social-influence",)),
    ]  # fmt: skip


def contagion_known() -> list[Control]:
    """Losses that pass on as a matrix says; MES and delta-CoVaR of two normals with a correlation of .6."""
    steps, rows = 6, 8
    shocks = {str(v): (PassedOn.shock(v, 2.0), 2.0) for v in range(2)}
    plan = Plan(np.arange(rows, dtype=np.uint64), times=(2, 5), steps=steps, read=PassedOn.read_losses, limits=OPEN)
    governors = {agent: Still() for agent in PassedOn.agents}
    sample = Contagion(shocks).extract(PassedOn(rows), governors, plan)
    gap = float(np.abs(sample.losses - PassedOn.passed(steps)).max())
    draw = np.random.default_rng(0)
    system = draw.normal(size=200_000)
    own = 0.6 * system + 0.8 * draw.normal(size=system.size)
    return [
        near("losses passed on", gap, 0.0, 1e-12, "contagion"),
        near("MES of two normals", marginal_expected_shortfall(own, system), -1.238, 0.025, "contagion"),
        near("delta-CoVaR of two normals", delta_covar(own[:20_000], system[:20_000]), -0.987, 0.06, "contagion"),
    ]


def second_order(steps: int, rows: int, seed: int = 0) -> NDArray[np.float64]:
    """AR(2) noise x'' = f x' - .9 x + e, whose spectrum has its peak where cos(2 pi .0494) = f (.9 + 1) / (4 * .9)."""
    draw = np.random.default_rng(seed)
    x = np.zeros((steps + 100, rows))
    first = 3.6 * np.cos(2.0 * np.pi * FREQUENCY) / 1.9
    for t in range(2, steps + 100):
        x[t] = first * x[t - 1] - 0.9 * x[t - 2] + draw.normal(size=rows)
    return x[100:]


def dynamics_known() -> list[Control]:
    """Peaks, twins and phases."""
    return [*peaks_known(), *twins_known(), *phases_known()]


def peaks_known() -> list[Control]:
    """AR(2) has a peak where algebra puts it, AR(1) none."""
    peaks = Peaks(draws=100)
    cyclic = peaks.of(record_of(second_order(400, 16)[..., None], 8))
    found = peaks.reduce(cyclic)[0]
    at = float(cyclic.frequencies[cyclic.spectra.mean(axis=0)[0].argmax()])
    red = red_noise(0.8, (400, 16), np.random.default_rng(3))
    quiet = peaks.reduce(peaks.of(record_of(red[..., None], 8)))[0]
    made = [near("frequency of AR(2)", at, FREQUENCY, 0.004, "dynamics")]
    for name, passed, words in (
        ("peak of AR(2)", found.found, "a cycle"), ("red noise", not quiet.found, "no cycle"),
    ):  # fmt: skip
        made.append(Control(name, words, words if passed else "otherwise", passed, ("dynamics",)))
    return made


def twins_known() -> list[Control]:
    """Twins diverge in two maps as is known, and come together where they must."""
    made = []
    for world, tolerance, epsilons, words in (
        (Logistic(48, 200), 0.05, (1e-6, 1e-8, 1e-10), "chaos"),
        (Henon(48, 200), 0.06, (1e-6, 1e-8, 1e-10), "chaos"),
        (Settling(48, 200), 0.01, (1e-2, 1e-3, 1e-4), "twins come together"),
    ):
        plan = Plan(np.arange(48, dtype=np.uint64), np.repeat(np.arange(8), 6), (20, 40, 60, 80, 100), 30, read_rewards,
                    OPEN)  # fmt: skip
        own = Twins(epsilons, far=0.02).reduce(Twins(epsilons, far=0.02).extract(world, {"rate_0": Still()}, plan))
        name = type(world).__name__.lower()
        value = float(np.mean([one.value for one in own]))
        made.append(near(f"exponent of {name}", value, world.exponent, tolerance, "dynamics"))
        said = own[0].verdict
        made.append(Control(f"verdict on {name}", words, said, said.startswith(words), ("dynamics",)))
    return made


def phases_known() -> list[Control]:
    """Phases lock where one series follows another, and do not where two are alike and have nothing in common."""
    wave = second_order(120, 16, 4)
    draw = np.random.default_rng(7)
    locked = np.stack([wave, np.roll(wave, 3, axis=0) + draw.normal(size=wave.shape)], axis=-1)
    free = np.stack([wave, second_order(120, 16, 8)], axis=-1)
    phases = Phases(shifts=99)
    both = [phases.reduce(phases.of(record_of(own, 8)))[0].found for own in (locked, free)]
    passed = both == [True, False]
    words = "the first alone"
    return [Control("locked and free phases", words, words if passed else "otherwise", passed, ("dynamics",))]


def hawkes_known() -> list[Control]:
    """Events that beget events, and a rate that swings: the likelihood finds offspring in both, where forks do not."""
    draw = np.random.default_rng(0)
    planted = Episodes.of([_hawkes_times(1.0, 0.5, 2.0, 100.0, draw) for _ in range(40)], 100.0)
    ratio = fit(planted).branching
    rows = 24
    world = Offspring(rows, horizon=200, mean=0.0, rate=10.0, swing=0.8)
    plan = Plan(np.arange(rows, dtype=np.uint64), np.repeat(np.arange(8), rows // 8), (10,), 150, limits=OPEN)
    measure = HawkesBesideForks(events=lambda step: step.events, unit=1.0)
    swings = fit(_episodes(measure, world, plan)).branching
    return [
        near("planted branching ratio", ratio, 0.5, 0.06, "hawkes"),
        Control("a rate that swings", "above 0.8 by likelihood, where forks find exactly 0", number(swings),
                swings > 0.8, ("hawkes",)),
    ]  # fmt: skip


def _episodes(measure: HawkesBesideForks, world: Offspring, plan: Plan) -> Episodes:
    sample = measure.extract(world, {"risk_0": Still()}, plan)
    return Episodes.of(sample.times, sample.length)


def _hawkes_times(rate: float, branching: float, decay: float, length: float, draw: np.random.Generator) -> Floats:
    """A Hawkes process as clusters: immigrants, and offspring of everyone."""
    times = list(draw.uniform(0.0, length, draw.poisson(rate * length)))
    waiting = list(times)
    while waiting:
        parent = waiting.pop()
        born = parent + draw.exponential(1.0 / decay, draw.poisson(branching))
        kept = [time for time in born.tolist() if time < length]
        times += kept
        waiting += kept
    return np.sort(np.array(times))


CHECKS: Mapping[str, Callable[[], list[Control]]] = {
    "transfer-entropy": transfer_known, "o-information": information_known, "social-influence": social_known,
    "contagion": contagion_known, "dynamics": dynamics_known, "hawkes": hawkes_known,
}  # fmt: skip
