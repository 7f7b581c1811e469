"""The questions, one file or folder each: name -> one line for the list. `protogov study NAME` runs `STUDY` of it."""

STUDIES: dict[str, str] = {
    "lp_rounds": "what LPs earn in rounds of two weeks, beside published rounds",
    "phenomena": "whether known phenomena appear with their mechanism and vanish with its switch",
    "recovery": "how long after a crash a market is out of order",
    "sweeps": "whether each lever alone has an optimum inside its range",
}
