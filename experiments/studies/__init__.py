"""The studies, one file or folder each: name -> one line for the list. `protogov study NAME` runs its `STUDY`."""

STUDIES: dict[str, str] = {
    "audit": "what the game shows: cheaters, tuned constants, optima, worth, room to adapt, coupling, rivals",
    "calibration": "credit market, liquidations and option pool beside bands with sources outside this project",
    "crises": "each crisis over what was published of it",
    "ensemble": "the search for worlds inside all bands of the calibration: what was drawn, rejected and kept",
    "known_answers": "whether every algorithm finds the policy in worlds whose best policy is known",
    "leaderboard": "every baseline on every scenario, beside constants tuned with hindsight",
    "lp_rounds": "what LPs earn in rounds of two weeks, beside published rounds",
    "natural": "how often falls, drawdowns and vols come in `natural` and its parts, beside history",
    "natural_drift": "the drift that takes the expected return out of `natural`",
    "phenomena": "whether known phenomena appear with their mechanism and vanish with its switch",
    "pricing": "what learned pricers know of the return to an expiry, beside opponents and the true law",
    "prediction": "crises of 2023 to 2025, predicted and not fitted, beside what happened",
    "recovery": "how long after a crash a market is out of order",
    "scales": "the scales of rewards and the price of variance that `envs/roles.py` and the parameters freeze",
    "stress": "losses, insolvency and the least collateral, over a grid of protocols on thousands of futures",
    "sweeps": "whether each lever alone has an optimum inside its range",
    "tuning": "what tuned constants and a linear rule can gain; the same as protogov tune",
}
