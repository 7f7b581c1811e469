"""The people: borrowers, suppliers, liquidators, option traders and short sellers, one file each.

They decide; mechanisms book.
"""
