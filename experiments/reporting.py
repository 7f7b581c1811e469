"""report.html of a run: draw the figures, say what the numbers say, and put the page together."""

from pathlib import Path

from protogov.envs.config import WorldConfig
from protogov.envs.seats import described
from protogov.experiments import markup, words
from protogov.experiments.core.files import read_json, write_text
from protogov.experiments.core.governors import STATIC
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.recording import Recording
from protogov.experiments.figures import style
from protogov.experiments.figures.comparison import draw_pairs, draw_parties
from protogov.experiments.figures.dashboard import draw_dashboard, draw_levers
from protogov.experiments.figures.incidence import draw_bears
from protogov.experiments.figures.learning import draw_learning
from protogov.experiments.figures.pool_profit import draw_pool_profit
from protogov.experiments.report_tables import bears_table, box_table
from protogov.experiments.training.comparison import Comparison
from protogov.experiments.training.material import Material, gather, main_comparison
from protogov.experiments.training.measured import OWN_MEANS
from protogov.experiments.training.run_config import RunConfig

GLOSSARY = {
    "W": "welfare of everybody in the protocol: surplus of borrowers, suppliers and option traders, what LPs earn by "
    "serving others less the price of their risk and the yield they could have elsewhere, the treasury, less losses, "
    "liquidation cost and lock-up. Each loss counts once. What the market gives or takes of the option pool by delta, "
    "gamma, theta and vega has weight 0: somebody else has the other side of it.",
    "lambda, kappa": "the weights that W gives to losses (haircuts, open deficit, latent losses) and to what "
    "liquidations cost: 3 and a half. Comparisons are shown for other weights too.",
    "latent losses": "what nobody has booked yet: a put on the collateral of each loan, struck at its debt, and what "
    "short sellers owe beyond their collateral.",
    "bp of K0": "hundredths of a percent of K0, the opening deposits + LP value + treasury of the protocol.",
    "natural": "markets as frequent as in history, with no expected return; the headline of every evaluation. “mix” is "
    "the stress mix: three fortnights of ten hold a crisis.",
    "validation": "a market that nothing is trained on, but that people have seen and choose by; the sealed test is "
    "neither.",
    "static": "the protocol as it is run today: all levers stay at their defaults.",
    "own-means": "constants at the learned governors' own mean levers: what they gain without reacting to anything. "
    "The means are taken on these very tapes.",
    "static twin": "a copy of each training world, same tape and noise, under default levers; what a governor is paid "
    "for is its reward over the twin's. Evaluation never subtracts it.",
    "95% interval": "Student's t over paired differences: over tapes, or over recordings where tapes are overlapping "
    "windows of one recording; over training seeds beside it. Conditional on the few crises there are.",
    "expected shortfall": "mean W in the worst 5% of tapes.",
}


def build_report(folder: RunFolder) -> Path:
    """Draw the figures of a run, write its report.html and return the path.

    Raises:
        BadInput: see `gather`.
    """
    material = gather(folder)
    sections = {
        "against": ("Learned against static", against_section(material)),
        "episode": ("One episode", episode_section(material)),
        "learning": ("Learning curves", learning_section(material)),
        "made": ("How this was made", made_section(material)),
        "terms": ("Terms", markup.facts(GLOSSARY)),
    }
    body = [top(material), markup.links({anchor: title for anchor, (title, _) in sections.items()})]
    body += [markup.section(anchor, title, content) for anchor, (title, content) in sections.items()]
    return write_text(folder.report, markup.page(f"protogov: {folder.name}", body))


def top(material: Material) -> str:
    """Title and headline."""
    parts = [f"<h1>{markup.escape(material.folder.name)}</h1>", markup.paragraph(_subtitle(material), "sub")]
    main = main_comparison(material)
    if main is None:
        say = "Not evaluated yet."
        advice = f"Compare with the static protocol: protogov evaluate {material.folder.path}"
        return "\n".join(
            [*parts, f'<div class="headline">{markup.paragraph(say, "say")}{markup.paragraph(advice)}</div>']
        )
    inside = [
        markup.paragraph(words.headline(main), "say"),
        markup.listed([*words.details(main), *others(material, main)]),
    ]
    warning = words.underpowered(material.comparisons)
    if warning:
        inside.append(f'<div class="flag">{markup.escape(warning)}</div>')
    return "\n".join([*parts, '<div class="headline">', *inside, "</div>"])


def others(material: Material, main: Comparison) -> list[str]:
    """A sentence on each other comparison: other suites, and the governors' own means."""
    lines = []
    for found in material.comparisons:
        if found.suite == main.suite and found.governors == main.governors:
            continue
        change, over = found.welfare.over_tapes, words.interval(found.welfare.over_tapes)
        who = {OWN_MEANS: "Constants at the learned governors' mean levers"}.get(found.governors, found.governors)
        lines.append(
            f"{who[:1].upper()}{who[1:]}, on {found.suite}: {words.signed(change.mean)} bp against {found.baseline} "
            f"(95% over {change.n} {found.unit}: {over})."
        )
    return lines


def _subtitle(material: Material) -> str:
    config, trained, tested = material.config, "", ""
    if config is not None:
        hours = [done[2] for done in material.progress.values()]
        amount = f"{min(hours) / 1e6:.2f}M market hours a seed" if hours else "nothing yet"
        seeds = f"{len(config.seeds)} seed{'s' * (len(config.seeds) != 1)}"
        trained = f"Trained on the synthetic scenario “{config.scenario}” alone: {amount}, {seeds}. "
    if material.evaluation:
        names = [f"{suite['name']} ({len(suite['scenarios'])})" for suite in material.evaluation["suites"]]
        tested = f"Evaluated on {', '.join(name.removesuffix(' (1)') for name in names)}."
    return trained + tested


def against_section(material: Material) -> str:
    """Paired differences, every party's share, tables."""
    main = main_comparison(material)
    if main is None:
        return markup.paragraph("Nothing was evaluated yet.")
    learned = [found for found in material.comparisons if found.governors == main.governors]
    parts = []
    for index, found in enumerate(learned):
        suffix = "" if index == 0 else f"_{index + 1}"
        block = comparison_block(material, found, suffix)
        parts += block if index == 0 else [markup.folded(f"The same on {found.suite}", *block)]
    parts.insert(len(parts) if len(learned) == 1 else -(len(learned) - 1), overview(material))
    return "\n".join(parts)


def comparison_block(material: Material, found: Comparison, suffix: str) -> list[str]:
    """The figures and tables of one comparison."""
    folder = material.folder.figures
    pairs = style.save(draw_pairs(found), folder, f"pairs{suffix}")
    parties = style.save(draw_parties(found), folder, f"parties{suffix}")
    bears = style.save(draw_bears(found), folder, f"bears{suffix}")
    return [
        markup.figure(
            pairs,
            f"W of the {found.governors} governors less W of the {found.baseline} protocol, a dot a tape (learners "
            f"averaged; height within a row means nothing). Right of zero the {found.governors} governors are better.",
        ),
        markup.figure(
            parties,
            "What each part of welfare changes by; the parts add up to W. Losses are signed: a bar to the left of "
            "“Liquidation cost” is a higher cost. Hatched: what W gives no weight.",
        ),
        markup.heading("For other weights of losses"),
        box_table(found, [other for other in material.comparisons if other.suite == found.suite]),
        markup.heading("Who bears it"),
        markup.figure(
            bears,
            f"What the {found.governors} governors change against the {found.baseline} protocol for borrowers, from "
            "the smallest loans to the largest, and for suppliers, with 95% intervals.",
        ),
        bears_table(found),
        markup.heading("Every measure"),
        measure_table(found),
        markup.heading("Scenario by scenario"),
        scenario_table(found),
    ]


def measure_table(found: Comparison) -> str:
    """All measures but those of who bears it, with both intervals and every seed."""
    seeds = list(found.welfare.by_seed) if len(found.welfare.by_seed) > 1 else []
    head = ["bp of K0 an episode", found.baseline, found.governors, "difference", f"95% over {found.unit}"]
    head += ["95% over seeds", *(f"seed {seed}" for seed in seeds)] if seeds else []
    rows: list[list[str]] = []
    kinds, group = {0: "strong", 1: "strong"}, "welfare"
    for row in (one for one in found.differences if one.measure.group != "bears"):
        if row.measure.group != group and rows:
            kinds[len(rows) - 1] = f"{kinds.get(len(rows) - 1, '')} group".strip()
            group = row.measure.group
        cells = [row.measure.label, words.plain(row.baseline), words.plain(row.mean), words.signed(row.over_tapes.mean)]
        cells.append(words.interval(row.over_tapes))
        if seeds:
            cells += [words.interval(row.over_seeds), *(words.signed(row.by_seed[seed]) for seed in seeds)]
        rows.append(cells)
        if row is found.welfare:
            change = found.shortfall - found.baseline_shortfall
            tail = ["Expected shortfall 5% of W", words.plain(found.baseline_shortfall), words.plain(found.shortfall)]
            rows.append([*tail, words.signed(change), *("" for _ in head[4:])])
    return markup.table(head, rows, kinds)


def scenario_table(found: Comparison) -> str:
    """W in each scenario: inference is conditional on these few."""
    head = [
        "scenario",
        "tapes",
        "mean deepest fall",
        found.baseline,
        found.governors,
        "difference of W",
        "95% over tapes",
    ]
    rows = [
        [
            row.scenario, str(row.tapes), f"{100 * row.drawdown:.0f}%".replace("-", "\N{MINUS SIGN}"),
            words.plain(row.baseline), words.plain(row.mean), words.signed(row.difference.mean),
            words.interval(row.difference),
        ]
        for row in found.scenarios
    ]  # fmt: skip
    text = markup.table(head, rows)
    if found.unit == "recordings":
        text += markup.paragraph(
            "Tapes of one recording overlap, so the intervals of these rows are too narrow.", "sub"
        )
    return text


def overview(material: Material) -> str:
    """W of every set of governors in every suite."""
    head = [
        "suite",
        "governors",
        "W",
        "static",
        "difference",
        "95% over tapes or recordings",
        "95% over seeds",
        "worst 5%",
    ]
    rows = []
    for found in material.comparisons:
        welfare = found.welfare
        rows.append(
            [
                found.suite, found.governors, words.plain(welfare.mean), words.plain(welfare.baseline),
                words.signed(welfare.over_tapes.mean), words.interval(welfare.over_tapes),
                words.interval(welfare.over_seeds), words.signed(found.shortfall - found.baseline_shortfall),
            ]
        )  # fmt: skip
    caption = markup.paragraph("“worst 5%”: change of the expected shortfall of W, positive is better.", "sub")
    return markup.heading("All governors on all tapes") + markup.table(head, rows) + caption


def episode_section(material: Material) -> str:
    """The dashboard and the levers of the recorded episode."""
    shown = material.evaluation.get("shown")
    if not shown:
        return markup.paragraph("No episode was recorded: the run was not evaluated yet.")
    place = material.folder.episode
    main = Recording.load(place / shown["governors"])
    static = Recording.load(place / STATIC) if shown["governors"] != STATIC else None
    defaults = {name: float(main.decisions[name][0]) for name in main.decisions if f"{name}_proposed" in main.decisions}
    folder = material.folder.figures
    dashboard = style.save(draw_dashboard(main, static, name=shown["governors"]), folder, "dashboard")
    levers = style.save(draw_levers(main, defaults), folder, "levers")
    profit = style.save(draw_pool_profit(main), folder, "pool_profit")
    who = shown["governors"] if shown["training_seed"] < 0 else f"learned governors of seed {shown['training_seed']}"
    fall = f"{100 * shown['drawdown']:.0f}%".replace("-", "\N{MINUS SIGN}")
    intro = (
        f"Tape {shown['tape_seed'] % 2**40} of {shown['scenario']}: of the {shown['suite']} the one whose price fell "
        f"deepest ({fall}), so a hard case and not a typical one. Drawn are the {who}; dashed, the static protocol on "
        f"the same tape."
    )
    return "\n".join(
        [
            markup.paragraph(intro),
            markup.figure(
                dashboard, "The episode: market, lending, losses, options. A decision is a point of each line."
            ),
            markup.figure(
                profit,
                "The option pool's profit at the tape's price and vols, and what it is made of. What informed traders "
                "took counts as adverse selection, marked at the end of each decision.",
            ),
            markup.figure(
                levers,
                "Levers: what the governors proposed and what the shield let through. Each change is at most one cap, "
                "after the lever's delay; proposals within a quarter of a cap are ignored.",
            ),
        ]
    )


def learning_section(material: Material) -> str:
    """A figure a governor."""
    config = material.config
    if config is None or not material.metrics:
        return markup.paragraph("There are no learning curves: nothing was trained here.")
    agents = read_json(material.folder.config)["agents"]
    parts = [
        markup.paragraph(
            "Terms carry their weight, so that they add up to the mandate. The raw mandate moves with the tapes that a "
            "rollout happened to see; the reward over the static twin does not, and is what shows learning. Governors "
            "learn with noise on their levers, which is annealed: early on it costs more than they know. Evaluation "
            "has none."
        )
    ]
    for agent, about in agents.items():
        figure = style.save(draw_learning(material.metrics, agent, about), material.folder.figures, f"learning_{agent}")
        caption = f"{agent}: mandate, reward over the twin, every term, and mean executed levers (dashed: default)."
        parts += [markup.heading(agent), markup.figure(figure, caption)]
    return "\n".join(parts)


def made_section(material: Material) -> str:
    """Everything needed to judge and to repeat the run."""
    parts = []
    config = material.config
    if config is not None:
        done = [
            f"seed {seed}: {rollout} of {total} rollouts, {hours / 1e6:.2f}M market hours"
            for seed, (rollout, total, hours) in material.progress.items()
        ]
        parts += [markup.heading("Training"), markup.facts(training_facts(config, done))]
    if material.evaluation:
        parts += [markup.heading("Evaluation"), markup.facts(evaluation_facts(material))]
    if material.versions:
        parts += [
            markup.heading("Versions"),
            markup.facts({name: str(text) for name, text in material.versions.items()}),
        ]
    return "\n".join(parts)


def training_facts(config: RunConfig, done: list[str]) -> dict[str, str]:
    """The training of a run in words."""
    world, ppo = config.world, config.settings
    return {
        "command": config.command,
        "started": config.started,
        "scenario": f"{config.scenario} (synthetic)",
        "seeds": ", ".join(str(seed) for seed in config.seeds),
        "done": "; ".join(done) or "nothing",
        "world": f"{', '.join(world.roles)}; a decision every {world.decision_hours} h, {world.episode_hours} h an "
        f"episode, autonomy {world.autonomy:g}, cooperation {world.cooperation:g}{told_background(world)}",
        "batch": f"{config.num_worlds} worlds x {ppo.num_steps} decisions, minibatch {ppo.batch_size}, "
        f"{ppo.num_epochs} epochs",
        "learning": f"PPO, {' x '.join(str(size) for size in ppo.hidden_sizes)} {ppo.activation}, learning rate "
        f"{ppo.learning_rate:g} to {ppo.final_learning_rate:g}, twin {'on' if ppo.twin else 'off'}, "
        f"critic {ppo.critic}",
    }


def told_background(world: WorldConfig) -> str:
    """Who governs in a world without learning, to go on a sentence with."""
    return "".join(f"; {seat} is governed by {source}" for seat, source in described(world.background).items())


def evaluation_facts(material: Material) -> dict[str, str]:
    """The evaluation of a run in words."""
    about = material.evaluation
    facts = {"command": about["command"], "written": about["written"]}
    for suite in about["suites"]:
        facts[suite["name"]] = (
            f"{', '.join(suite['scenarios'])}; {suite['episodes']} tapes each, split {', '.join(suite['splits'])}"
        )
    cleaned = [line for suite in about["suites"] for line in suite["cleaned"]]
    facts["cleaned candles"] = "; ".join(cleaned) or "nothing had to be cleaned"
    return facts
