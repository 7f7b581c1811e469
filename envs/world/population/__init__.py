"""The people: borrowers, suppliers, option traders and short sellers, one file each. They decide; mechanisms book."""
