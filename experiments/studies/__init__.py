"""The questions, one file or folder each: name -> one line for the list. `protogov study NAME` runs `STUDY` of it."""

STUDIES: dict[str, str] = {
    "lp_rounds": "what LPs earn in rounds of two weeks, beside published rounds",
    "leaderboard": "every baseline on every scenario, beside constants tuned with hindsight",
    "recovery": "how long after a crash a market is out of order",
    "stress": "losses, insolvency and the least collateral, over a grid of protocols on thousands of futures",
    "tuning": "what constants and a linear rule can be tuned to; protogov tune is the same",
}
