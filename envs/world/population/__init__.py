"""The people: borrowers, suppliers, liquidators, option traders and short sellers, one file each.

These files make decisions. The mechanisms of the other files book the transfers.
"""
