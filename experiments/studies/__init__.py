"""The studies, one file or folder each: name -> one line for the list. `protogov study NAME` runs its `STUDY`."""

STUDIES: dict[str, str] = {
    "audit": "what the game shows: cheaters, tuned constants, optima, worth, room to adapt, coupling, rivals",
    "calibration": "credit market, liquidations and option pool beside bands with sources outside this project",
    "crises": "each crisis over what was published of it",
    "ensemble": "the search for worlds inside all bands of the calibration: what was drawn, rejected and kept",
    "known_answers": "whether every algorithm finds the policy in worlds whose best policy is known",
    "leaderboard": "every baseline on every scenario, beside constants tuned with hindsight",
    "learning": "whether governors that learn beat honest opponents, in stages, as registered beforehand",
    "lp_rounds": "what LPs earn in rounds of two weeks, beside published rounds",
    "natural": "how often falls, drawdowns and vols come in `natural` and its parts, beside history",
    "natural_drift": "the drift that takes the expected return out of `natural`",
    "onchain": "what policies lose in whole numbers, and one episode that their contracts govern in an EVM",
    "organisms": "how often detectors of interaction find behaviour that was planted in governors, and false alarms",
    "phenomena": "whether known phenomena appear with their mechanism and vanish with its switch",
    "prediction": "crises of 2023 to 2025, predicted and not fitted, beside what happened",
    "proofs": "one decision computed by a contract, proved and verified, or trusted: time, memory, size, gas",
    "recovery": "how long after a crash a market is out of order",
    "scales": "the scales of rewards and the price of variance that `envs/roles.py` and the parameters freeze",
    "stress": "losses, insolvency and the least collateral, over a grid of protocols on thousands of futures",
    "sweeps": "whether each lever alone has an optimum inside its range",
    "tuning": "what tuned constants and a linear rule can gain; the same as protogov tune",
}
