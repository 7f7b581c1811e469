"""Option pricers: from what a market shows to a distribution of the log return to each listed expiry, and to prices.

    reader = MarketReader()                      # once a simulator
    reading = reader.read(simulator)             # once a decision
    laws = pricer.laws(reading)                  # a QuantileLaw, a row a world and expiry
    vols = anchor_vols(laws, reading)            # F64[n, expiries, strikes]: what the option pool could quote
    world = Simulator(pricers={0: PoolPricer(pricer)})  # an option pool that quotes it, decision by decision
    world = Simulator(margin_engines={0: PredictiveMargins(pricer)})  # collateral that it asks for, hour by hour

Features stand in one table (`features.py`), laws and prices are plain numpy, networks are torch, and what runs
once a decision in a pool is compiled (`smiles.py`).
"""
