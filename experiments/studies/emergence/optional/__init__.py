"""Measures beside the six: each is made only if a report is asked for it (`protogov emergence --optional NAME`).

    record      what everybody could see: one series a governor, and tests by circular shifts
    transfer    conditional transfer entropy: who tells whose future
    information O-information: whether governors are redundant or synergetic
    social      social influence (Jaques et al. 2019): how much a draw of one policy tells of the next answer
    contagion   what a loss at one venue costs the others, beside MES and delta-CoVaR of the record
    dynamics    peaks against red noise, divergence of twins, locked phases
    hawkes      a branching ratio fitted to the times of forced sales, beside that of forks
    fitting     the likelihood of a Hawkes process
    parts       how all these are played and reduced in the simulated world
    checks      their known answers, as controls of a report

Transfer entropy, O-information, phases, peaks, MES, delta-CoVaR and Hawkes read the record alone: a common cause looks
the same to them, so that none of them says "influence". Social influence, contagion and twins fork.
"""
