"""The results of an evaluation: paired differences to a baseline with intervals, tails, and each scenario by itself.

A pair is the same tape under two sets of governors. Tapes of one recording overlap; there the unit is the recording,
not the tape. Training seeds are a second sample for learned governors, with a second interval.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.evaluation import PARTS
from protogov.experiments.core.governors import NO_SEED, STATIC
from protogov.experiments.core.incidence import TENTHS, penalty_column, surplus_column
from protogov.experiments.core.statistics import ENOUGH_SEEDS, Interval, cluster_means, expected_shortfall, student_t
from protogov.experiments.core.tables import Table, select
from protogov.experiments.core.venues import all_venues, venues_of
from protogov.experiments.core.welfare_box import Box, over_the_box, planes

# Owners of the parts of welfare, in the words of tables and figures.
PART_LABELS = {
    "borrowers": "Borrowers",
    "suppliers": "Suppliers",
    "lps": "Option LPs (market profit apart)",
    "traders": "Option traders",
    "treasury": "Treasury",
    "haircuts": "Haircuts",
    "deficit": "Open deficit",
    "latent": "Latent losses",
    "liquidation": "Liquidation cost",
    "lockup": "Lock-up of suppliers",
}
# Reported; weight 0 in W, or already a part of W.
REALISED_LABELS = {
    "liquidator_profit": "Liquidators (weight 0)",
    "informed_profit": "Informed traders (weight 0)",
    "arbitrage_profit": "Spot arbitrageurs (weight 0)",
    "pool_delta": "Pool's market profit: delta (weight 0)",
    "pool_gamma_theta": "Pool's market profit: gamma, theta (weight 0)",
    "pool_vega": "Pool's market profit: vega (weight 0)",
    "lp_profit": "LP profit and loss, dNAV0",
    "bad_debt": "Bad debt",
    "liquidated": "Debt liquidated",
    "option_fees": "Option fees",
}
# without weight in W, drawn with its parts
BESIDE_W = (
    *("liquidator_profit", "informed_profit", "arbitrage_profit"),
    *("pool_delta", "pool_gamma_theta", "pool_vega"),
)

TENTH_WORDS = {
    1: "smallest tenth of loans",
    **{n: f"tenth {n}" for n in range(2, TENTHS)},
    TENTHS: "largest tenth (whales)",
}
# Who bears it: column of `incidence` -> words.
BEARS_LABELS = {
    **{surplus_column(str(n)): f"Borrowers, {words}: surplus" for n, words in TENTH_WORDS.items()},
    **{penalty_column(str(n)): f"Borrowers, {words}: penalties" for n, words in TENTH_WORDS.items()},
    "small": "Smaller half of loans: surplus",
    "small_penalty": "Smaller half of loans: penalties",
    "worst": "Worst-off tenth of borrowers: surplus",
    "worst_penalty": "Worst-off tenth of borrowers: penalties",
    "first_out": "Suppliers who were out first: gain",
    "stayed": "Suppliers who stayed or left later: gain",
    "left": "Deposits of suppliers who left (%)",
}


@dataclass(frozen=True)
class Measure:
    """One quantity of an episode.

    Attributes:
        name: key.
        label: for people.
        columns: of the table, one a venue. Two venues count by their K0; in `bears`, whose unit is another, equally.
        group: "welfare", "part", "mandate", "realised", or "bears", which is in another unit: see `incidence`.
    """

    name: str
    label: str
    columns: tuple[str, ...]
    group: str


@dataclass(frozen=True)
class Difference:
    """A measure under two sets of governors on the same tapes [bp of K0 per episode].

    A tape does not count if the measure has no value there under one of them.

    Attributes:
        measure: which.
        mean, baseline: mean of each set.
        over_tapes: interval of the paired difference; the sample is tapes (or recordings), learners averaged.
        over_seeds: the same; the sample is training seeds, tapes averaged; None without several seeds.
        by_seed: training seed -> mean difference.
    """

    measure: Measure
    mean: float
    baseline: float
    over_tapes: Interval
    over_seeds: Interval | None
    by_seed: dict[int, float]


@dataclass(frozen=True)
class ScenarioRow:
    """W in one scenario.

    Attributes:
        scenario: its name.
        tapes: episodes.
        drawdown: mean deepest fall of the price, as a share.
        mean, baseline: mean W of each set [bp of K0 per episode].
        difference: over paired tapes; for overlapping windows of one recording its interval is too narrow.
    """

    scenario: str
    tapes: int
    drawdown: float
    mean: float
    baseline: float
    difference: Interval


@dataclass(frozen=True)
class Comparison:
    """One set of governors against a baseline in one suite.

    Attributes:
        suite, governors, baseline: suite, and the two sets that are compared.
        seeds: training seeds of the governors, empty if they were not trained.
        tapes: episodes of each set.
        unit: unit of the interval over tapes: "tapes" or "recordings".
        differences: one per measure; the first is W.
        shortfall, baseline_shortfall: expected shortfall at 5% of W, mean over training seeds [bp of K0].
        scenarios: W in each scenario.
        pairs: paired difference of W per tape, learners averaged, F64 [tapes].
        pair_scenarios: scenario of each pair.
        box: the difference of W for other weights of losses and liquidations.
    """

    suite: str
    governors: str
    baseline: str
    seeds: tuple[int, ...]
    tapes: int
    unit: str
    differences: tuple[Difference, ...]
    shortfall: float
    baseline_shortfall: float
    scenarios: tuple[ScenarioRow, ...]
    pairs: NDArray[np.float64]
    pair_scenarios: NDArray[np.str_]
    box: Box

    @property
    def welfare(self) -> Difference:
        """Of W."""
        return self.differences[0]

    @property
    def underpowered(self) -> bool:
        """Whether there are fewer training seeds than a claim about learners needs."""
        return bool(self.seeds) and len(self.seeds) < ENOUGH_SEEDS

    @property
    def verdict(self) -> str:
        """Whether W is "better" or "worse", or "unclear" because an interval includes zero."""
        intervals = [i for i in (self.welfare.over_tapes, self.welfare.over_seeds) if i is not None]
        if not all(interval.excludes_zero for interval in intervals):
            return "unclear"
        return "better" if self.welfare.over_tapes.mean > 0.0 else "worse"

    def group(self, name: str) -> list[Difference]:
        """Differences of one group of measures."""
        return [difference for difference in self.differences if difference.measure.group == name]


def measures_of(table: Table) -> list[Measure]:
    """The measures of an evaluation, W first."""

    def of(name: str, suffix: str = "") -> tuple[str, ...]:
        return tuple(f"{name}/{v}{suffix}" for v in venues_of(table))

    found = [Measure("welfare", "Welfare W", of("welfare"), "welfare")]
    found += [Measure(part, PART_LABELS[part], of("welfare", f"/{part}"), "part") for part in PARTS]
    for column in table:
        if column.startswith("mandate/"):
            agent = column.removeprefix("mandate/")
            found.append(Measure(column, f"Mandate of {agent}", (column,), "mandate"))
    found += [Measure(name, label, of(name), "realised") for name, label in REALISED_LABELS.items()]
    found += [Measure(name, label, of("bears", f"/{name}"), "bears") for name, label in BEARS_LABELS.items()]
    return found


def values_of(table: Table, measure: Measure) -> NDArray[np.float64]:
    """A measure of every row, F64 [n]."""
    values = [table[column] for column in measure.columns]
    return np.asarray(np.mean(values, axis=0), np.float64) if measure.group == "bears" else all_venues(table, values)


def compare(table: Table, suite: str, governors: str, baseline: str = STATIC) -> Comparison:
    """One set of governors against a baseline on the tapes of a suite.

    Raises:
        ValueError: a set or suite is not in the table, or their tapes differ.
    """
    here = select(table, table["suite"] == suite)
    sets = {name: select(here, here["governors"] == name) for name in (governors, baseline)}
    for name, part in sets.items():
        if part["suite"].size == 0:
            raise ValueError(f"the evaluation holds no episodes of {name!r} in suite {suite!r}.")
    base = _sorted(sets[baseline])
    seeds = tuple(int(seed) for seed in np.unique(sets[governors]["training_seed"]))
    learners = {seed: _sorted(select(sets[governors], sets[governors]["training_seed"] == seed)) for seed in seeds}
    for part in learners.values():
        same = part["tape_seed"].size == base["tape_seed"].size and (part["tape_seed"] == base["tape_seed"]).all()
        if not same or (part["scenario"] != base["scenario"]).any():
            raise ValueError(f"{governors!r} and {baseline!r} did not play the same tapes in suite {suite!r}.")
    clusters = base["scenario"] if _recordings(base) else np.arange(base["tape_seed"].size).astype(str)
    found = (_difference(measure, learners, base, clusters) for measure in measures_of(table))
    differences = [difference for difference in found if difference is not None]
    welfare = differences[0].measure
    pairs = _paired(welfare, learners, base).mean(axis=0)
    split = np.mean([planes(part, PARTS) for part in learners.values()], axis=0)
    return Comparison(
        suite=suite,
        governors=governors,
        baseline=baseline,
        seeds=() if seeds == (NO_SEED,) else seeds,
        tapes=base["tape_seed"].size,
        unit="recordings" if _recordings(base) else "tapes",
        differences=tuple(differences),
        shortfall=float(np.mean([expected_shortfall(values_of(part, welfare)) for part in learners.values()])),
        baseline_shortfall=expected_shortfall(values_of(base, welfare)),
        scenarios=tuple(_scenario_rows(welfare, learners, base, pairs)),
        pairs=pairs,
        pair_scenarios=base["scenario"],
        box=over_the_box(split - planes(base, PARTS), clusters),
    )


def _sorted(table: Table) -> Table:
    order = np.lexsort((table["tape_seed"], table["scenario"]))
    return {name: column[order] for name, column in table.items()}


def _recordings(base: Table) -> bool:
    """Whether recordings are the unit: their windows overlap, and there is more than one recording."""
    return bool(base["overlapping"].any()) and np.unique(base["scenario"]).size > 1


def _paired(measure: Measure, learners: dict[int, Table], base: Table) -> NDArray[np.float64]:
    """Difference to the baseline, F64 [training seeds, tapes]."""
    values = values_of(base, measure)
    return np.stack([values_of(part, measure) - values for part in learners.values()])


def _difference(
    measure: Measure, learners: dict[int, Table], base: Table, clusters: NDArray[np.str_]
) -> Difference | None:
    """None if no tape has a value of the measure for both sets."""
    paired, values = _paired(measure, learners, base), values_of(base, measure)
    here = np.isfinite(paired).all(axis=0) if measure.group == "bears" else np.ones(values.size, np.bool_)
    if not here.any():
        return None
    paired, values, clusters = paired[:, here], values[here], clusters[here]
    by_seed = {seed: float(np.mean(cluster_means(row, clusters))) for seed, row in zip(learners, paired, strict=True)}
    baseline = float(np.mean(cluster_means(values, clusters)))
    over_tapes = student_t(cluster_means(paired.mean(axis=0), clusters))
    return Difference(
        measure=measure,
        mean=baseline + over_tapes.mean,
        baseline=baseline,
        over_tapes=over_tapes,
        over_seeds=student_t(list(by_seed.values())) if len(by_seed) > 1 else None,
        by_seed=by_seed,
    )


def _scenario_rows(
    welfare: Measure, learners: dict[int, Table], base: Table, pairs: NDArray[np.float64]
) -> list[ScenarioRow]:
    rows = []
    for scenario in np.unique(base["scenario"]):
        here = base["scenario"] == scenario
        baseline = float(values_of(base, welfare)[here].mean())
        difference = student_t(pairs[here])
        rows.append(
            ScenarioRow(
                scenario=str(scenario),
                tapes=int(here.sum()),
                drawdown=float(base["price_drawdown"][here].mean()),
                mean=baseline + difference.mean,
                baseline=baseline,
                difference=difference,
            )
        )
    return rows


def comparisons(table: Table, baseline: str = STATIC) -> list[Comparison]:
    """Every set of governors against the baseline, suite by suite in the order of the table."""
    suites = list(dict.fromkeys(table["suite"].tolist()))
    names = [name for name in dict.fromkeys(table["governors"].tolist()) if name != baseline]
    return [compare(table, suite, name, baseline) for suite in suites for name in names]
