"""Effects: what is made of line-ups, one number a training seed, checkpoint and market [bp of K0 an episode].

A mandate is the sum of its terms, not divided by its scale, so mandates of several governors add up in money.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from protogov.experiments.core.statistics import Floats, interval_columns, student_t
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.coexistence.playing import ALL, NONE, WHOLE, Played

Numbers = Mapping[str, Mapping[str, float]]  # line-up -> column -> mean
WELFARE = "welfare"
SEED = "seed_"  # how the columns of training seeds begin


@dataclass(frozen=True)
class Effect:
    """One effect.

    Attributes:
        name: of its column.
        words: a statement that a positive value supports and a negative one turns round: {verb} is "help" or "harm".
        short: what the value is, in a few words.
        of: the value, from line-ups.
        rivals: whether it needs two venues.
        several: whether it needs several training seeds.
        role: that it needs.
    """

    name: str
    words: str
    short: str
    of: Callable[[Numbers], float]
    rivals: bool = False
    several: bool = False
    role: str = ""


def seats_of(numbers: Numbers) -> list[str]:
    """Seats of the governors, in their order."""
    return [name.removeprefix("only ") for name in numbers if name.startswith("only ")]


def _venues(numbers: Numbers) -> list[str]:
    return [name.removeprefix("venue ") for name in numbers if name.startswith("venue ")]


def _mandates(line: Mapping[str, float], seats: Sequence[str]) -> float:
    return sum(line[f"mandate/{seat}"] for seat in seats)


def _users(numbers: Numbers) -> float:
    return numbers[ALL][WELFARE] - numbers[NONE][WELFARE]


def _alone(numbers: Numbers) -> float:
    return sum(numbers[f"only {seat}"][WELFARE] - numbers[NONE][WELFARE] for seat in seats_of(numbers))


def _others(numbers: Numbers, role: str = "") -> float:
    """What the others' learning does to those who learned: to a venue together, or the mean over a role's seats."""
    seats = [seat for seat in seats_of(numbers) if seat.startswith(role)]
    gains = [numbers[ALL][f"mandate/{seat}"] - numbers[f"only {seat}"][f"mandate/{seat}"] for seat in seats]
    return float(np.mean(gains)) if role else sum(gains) / max(len(_venues(numbers)), 1)


def _own(numbers: Numbers) -> float:
    gains = [
        numbers[f"only {seat}"][f"mandate/{seat}"] - numbers[NONE][f"mandate/{seat}"] for seat in seats_of(numbers)
    ]
    return sum(gains) / max(len(_venues(numbers)), 1)


def _rival(numbers: Numbers, *, learned: bool, users: bool) -> float:
    """What a rival's learning does to a venue that learned, or to one of constants; to its mandates or its users."""
    found = []
    for venue in _venues(numbers):
        seats = [seat for seat in seats_of(numbers) if seat.endswith(f"_{venue}")]
        # a venue that learned has a learned rival in "all"; one of constants has it where only the other one learned
        rivals = [other for other in _venues(numbers) if other != venue]
        with_rival = numbers[ALL] if learned else numbers[f"venue {rivals[0]}"]
        without = numbers[f"venue {venue}"] if learned else numbers[NONE]
        if users:
            found.append(with_rival[f"welfare/{venue}"] - without[f"welfare/{venue}"])
        else:
            found.append(_mandates(with_rival, seats) - _mandates(without, seats))
    return float(np.mean(found))


def _familiar(numbers: Numbers, *, users: bool) -> float:
    """What is earned beside those who learned together, less beside strangers; the mean over who is swapped."""
    found = []
    for name, line in numbers.items():
        if name.startswith("stranger "):
            venue = name.split()[2] if name.startswith("stranger venue ") else ""
            stay = [seat for seat in seats_of(numbers) if not (venue and seat.endswith(f"_{venue}"))]
            stay = [seat for seat in stay if seat not in name.split()]
            found.append(
                numbers[ALL][WELFARE] - line[WELFARE] if users
                else _mandates(numbers[ALL], stay) - _mandates(line, stay)
            )  # fmt: skip
    return float(np.mean(found))


EFFECTS = (
    Effect("users", "Learned governors {verb} welfare W, compared with tuned constants", "W, learned less constants",
           _users),
    Effect("alone", "Each learned governor alone among constants would {verb} W, added up", "W, each alone, added up",
           _alone),
    Effect("together", "That they learn together {verb}s W beyond what each does alone",
           "W, learning together beyond alone", lambda numbers: _users(numbers) - _alone(numbers)),
    Effect("own", "A learned governor alone {verb}s its own mandate, a venue's added up", "own mandates, each alone",
           _own),
    Effect("others", "The others' learning {verb}s the mandates of those who learned, a venue's added up",
           "mandates, from the others' learning", _others),
    Effect("others_rate", "The others' learning {verb}s a rate governor", "a rate governor, from the others' learning",
           lambda numbers: _others(numbers, "rate"), role="rate"),
    Effect("others_risk", "The others' learning {verb}s a risk governor", "a risk governor, from the others' learning",
           lambda numbers: _others(numbers, "risk"), role="risk"),
    Effect("others_spread", "The others' learning {verb}s a spread governor",
           "a spread governor, from the others' learning", lambda numbers: _others(numbers, "spread"), role="spread"),
    Effect("rival", "A rival that learns {verb}s the mandates of a venue that learned",
           "a venue's mandates, from a learned rival",
           lambda numbers: _rival(numbers, learned=True, users=False), rivals=True),
    Effect("rival_users", "A rival that learns {verb}s the users of a venue that learned (W there)",
           "a venue's W, from a learned rival",
           lambda numbers: _rival(numbers, learned=True, users=True), rivals=True),
    Effect("rival_constants", "A rival that learns {verb}s the mandates of a venue of constants",
           "mandates of constants, from a learned rival",
           lambda numbers: _rival(numbers, learned=False, users=False), rivals=True),
    Effect("familiar", "Having learned together {verb}s the mandates of those who stay, compared with a stranger",
           "mandates, beside familiars less strangers", lambda numbers: _familiar(numbers, users=False), several=True),
    Effect("familiar_users", "Having learned together {verb}s W, compared with a stranger",
           "W, familiars less strangers", lambda numbers: _familiar(numbers, users=True), several=True),
)  # fmt: skip
BY_NAME = {one.name: one for one in EFFECTS}
MAIN = ("users", "together", "others", "rival")  # that figures and the first page show, scenario by scenario too


def effects_of(numbers: Numbers) -> dict[str, float]:
    """Every effect that these line-ups have."""
    rivals, strangers = bool(_venues(numbers)), any(name.startswith("stranger ") for name in numbers)
    roles = {"", *(seat.rpartition("_")[0] for seat in seats_of(numbers))}
    return {
        one.name: one.of(numbers) for one in EFFECTS
        if (rivals or not one.rivals) and (strangers or not one.several) and one.role in roles
        and (one.name == "users" or seats_of(numbers))
    }  # fmt: skip


def effect_table(played: Sequence[Played]) -> Table:
    """A row a training seed, checkpoint and market."""
    return columns(
        [
            {"market": one.market, "seed": one.seed, "checkpoint": one.checkpoint, **effects_of(one.numbers)}
            for one in played if one.scenario == WHOLE
        ]
    )  # fmt: skip


def scenario_table(played: Sequence[Played], names: Sequence[str] = MAIN) -> Table:
    """A row a scenario and effect: `change`, the mean over training seeds of the means over checkpoints, with interval.

    Args:
        played: in one member.
        names: of the effects; those that the line-ups do not have are left out.
    """
    rows = []
    parts: dict[tuple[str, str], list[Played]] = {}
    for one in played:
        if one.scenario != WHOLE:
            parts.setdefault((one.market, one.scenario), []).append(one)
    for (market, scenario), own in parts.items():
        table = effect_table([replace(one, scenario=WHOLE) for one in own])
        for effect in (name for name in names if name in table):
            found = student_t(by_seed(table, market, effect))
            rows.append({"market": market, "scenario": scenario, "effect": effect,
                         **interval_columns("change", found), "n": found.n})  # fmt: skip
    return columns(rows)


def member_table(played: Sequence[Played]) -> Table:
    """A row a member of the ensemble and market: every effect, the mean over training seeds, and half of its interval.

    The interval `<effect>` +- `<effect>_half` is Student's over training seeds, each of which has tapes of its own.
    """
    rows = []
    for member in dict.fromkeys(one.member for one in played):
        table = effect_table([one for one in played if one.member == member])
        for market in dict.fromkeys(table["market"].tolist()):
            row: dict[str, object] = {"member": member, "market": market}
            for effect in (name for name in table if name in BY_NAME):
                found = student_t(by_seed(table, market, effect))
                row |= {effect: found.mean, f"{effect}_half": found.half_width}
            rows.append(row)
    return columns(rows)


def share_table(played: Sequence[Played], prefix: str) -> Table:
    """A row a market and party: what changes from constants to learned governors; the mean over checkpoints.

    Columns: `market`, `party`, and `seed_<number>`, the difference of each training seed.
    """
    whole = [one for one in played if one.scenario == WHOLE]
    names = [name for name in whole[0].numbers[ALL] if name.startswith(prefix)]
    rows = []
    for market in dict.fromkeys(one.market for one in whole):
        own = [one for one in whole if one.market == market]
        for name in names:
            row: dict[str, object] = {"market": market, "party": name.removeprefix(prefix)}
            for seed in dict.fromkeys(one.seed for one in own):
                gaps = [one.numbers[ALL][name] - one.numbers[NONE][name] for one in own if one.seed == seed]
                row[f"{SEED}{seed}"] = float(np.mean(gaps))
            rows.append(row)
    return columns(rows)


def seeds_of(row: Mapping[str, object]) -> Floats:
    """Numbers of a row of `share_table`, or of the like, of the training seeds that have one, F64[seeds]."""
    values = np.array([value for key, value in row.items() if key.startswith(SEED)], np.float64)
    return values[np.isfinite(values)]


def by_seed(table: Table, market: str, effect: str, seeds: Sequence[int] | None = None) -> Floats:
    """An effect of each training seed, the mean over checkpoints, F64[seeds]: of all by number, or of those named."""
    here = table["market"] == market
    numbers = np.unique(table["seed"]) if seeds is None else seeds
    return np.array([table[effect][here & (table["seed"] == seed)].mean() for seed in numbers])


def by_checkpoint(table: Table, market: str, effect: str, seeds: Sequence[int] | None = None) -> Floats:
    """An effect at each checkpoint, the mean over training seeds: all, or those named; F64[checkpoints]."""
    here = table["market"] == market
    if seeds is not None:
        here &= np.isin(table["seed"], seeds)
    return np.array([table[effect][here & (table["checkpoint"] == at)].mean() for at in np.unique(table["checkpoint"])])
