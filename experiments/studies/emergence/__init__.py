"""What independently deciding governors do to each other, measured by intervention, with controls that must fail.

    forks       branches of a batch of worlds: the same tape and noise, one governor's actions pinned, others' replayed
    measure     results of a measure (value, interval, null, adjusted p, detectable effect, verdict), and controls
    influence   what one lever's move does to everybody: total, mechanical, through the others' policies
    dividends   what governors do together beyond what each does alone
    exploitability, cross_play, collusion, cascades
                what could be gained by a better answer; what strangers lose; the battery; what one event causes
    tree, crisis
                a crisis episode taken apart: which sale led to which, what fed on itself, the last way out
    interventions
                what is done to branches of the simulated world: sales muted, levers pinned, deposits written off
    responses, anchors, q_learning
                trained best responses; equilibrium and joint optimum of constants; learners that do collude
    populations governors of several training seeds in one batch
    controls    cases with a known answer; if one fails, the claims of the measures that it guards are withheld
    fixtures    small worlds that are solved exactly, for the tests of all these
    self_test   every measure in these worlds, as controls of a report
    subjects, tiers, tasks, reading
                who is examined, how much is measured, in which parts, which outcomes are read
    training_paths, drawing_paths
                where the checkpoints of a run go, in the same states
    extraction, bench, reductions, laboratory, drawing, writing, difference
                `protogov emergence`: parts that play, measures made of them, report, figures, files; `protogov diff`
    optional    measures beside the six: transfer entropy, O-information, social influence, contagion, dynamics, Hawkes
    organisms   governors whose behaviour is planted, and detectors that are tried on them

Governors are those of `protogov.envs.interfaces.Governor`: learned, baseline or hand-written. Worlds are any with the
four methods of `protogov.experiments.studies.emergence.forks.BranchingWorld`.
"""
