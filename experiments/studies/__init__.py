"""The studies, one file or folder each: name -> one line for the list. `protogov study NAME` runs its `STUDY`."""

STUDIES: dict[str, str] = {
    "audit": "what governors can do: cheaters, tuned constants, optima, worth, room to adapt, coupling, rivals",
    "calibration": "credit market, liquidations and option pool compared with bands from sources outside this project",
    "crises": "each crisis compared with published facts",
    "ensemble": "the search for worlds inside all bands of the calibration: drawn, rejected and kept sets",
    "leaderboard": "every baseline on every scenario, compared with constants tuned with hindsight",
    "lp_rounds": "what LPs earn in rounds of two weeks, compared with published rounds",
    "natural": "how frequent falls, drawdowns and vols are in `natural` and its parts, compared with history",
    "natural_drift": "the drift that makes the expected return of `natural` zero",
    "phenomena": "whether known phenomena appear with their mechanism and vanish without it",
    "prediction": "predictions of the crises of 2023 to 2025, not fitted, compared with what happened",
    "recovery": "how long a market needs to recover from a crash",
    "scales": "the scales of rewards and the price of variance that the code freezes",
    "stress": "losses, insolvency and the minimum collateral, over a grid of protocols on thousands of futures",
    "sweeps": "whether each lever alone has an optimum inside its range",
    "tuning": "what tuned constants and a linear rule can gain; the same as protogov tune",
}
