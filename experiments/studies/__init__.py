"""The questions, one file or folder each: name -> one line for the list. `protogov study NAME` runs `STUDY` of it."""

STUDIES: dict[str, str] = {
    "audit": "what the game shows: cheaters, tuned constants, optima, worth, room to adapt, coupling, rivals",
    "lp_rounds": "what LPs earn in rounds of two weeks, beside published rounds",
    "recovery": "how long after a crash a market is out of order",
}
