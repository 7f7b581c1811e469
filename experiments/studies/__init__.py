"""The questions, one file or folder each: name -> one line for the list. `protogov study NAME` runs `STUDY` of it."""

STUDIES: dict[str, str] = {
    "calibration": "credit market, liquidations and option pool beside bands with sources outside this project",
    "lp_rounds": "what LPs earn in rounds of two weeks, beside published rounds",
    "recovery": "how long after a crash a market is out of order",
}
