"""Nine crises of ETH, 2020 to 2025, as waypoints.

Hours are counted from `began` (UTC); a candle is named by the hour it ends at. Facts are prices, lows, vols and pegs
that were published or recorded; where only a day is known, the hours within it are filled in so that the path stays
plausible: `known` names the closes that are facts where not all are, lows are facts, and a comment `fill` marks what is
filled in of the rest. Implied vol is
Deribit's ETH index where its close is known. Depth before the onset is the scenario's own; its shares are filled in,
but for October 2025, when 98% of it was reported gone.

March 2020, March 2023, August 2024 and October 2025 are of the split validation: never trained on.
"""

from protogov.envs.scenarios.base import Split, register
from protogov.envs.scenarios.stories import Story, Surroundings
from protogov.envs.scenarios.waypoints import Crisis

STORIES: dict[str, tuple[Split, Story]] = {
    "crisis-2020-03": (
        "validation",
        Story(
            began="2020-03-11T20:00Z",
            closes=(
                (0, 198.5), (4, 194.5), (10, 187.0), (12, 183.0), (14, 168.0), (15, 133.0), (16, 139.0), (19, 137.0),
                (22, 134.0), (26, 127.0), (28, 112.0), (30, 101.0), (31, 107.0), (35, 118.0), (41, 129.0), (53, 132.0),
            ),
            known=(0, 14, 15),
            lows=((31, 86.0),),
            realised=7.68,
            worst_from=12.0,
            implied_vol=((0, 0.75), (14, 0.90), (16, 1.50), (31, 1.90), (53, 1.75), (100, 1.40)),  # fill
            depth=((0, 1.0), (12, 0.8), (15, 0.25), (31, 0.15), (41, 0.35), (90, 0.8)),  # fill
            congestion=((12, 0.05), (15, 0.25), (41, 0.25), (60, 0.05)),  # gas at six times the usual
            facts=(
                "ETH falls by 57% in a day; blocks jam.",
                "Auctions of 8.32M USD of collateral went for nearly nothing, 36% of all liquidations; gas cost six "
                "times the usual; the oracle stood about 30 USD too high.",
            ),
            around=Surroundings(vol_before=0.75, vol_around=1.2, vol_after=1.3),
        ),
    ),
    "crisis-2021-05": (
        "train",
        Story(
            began="2021-05-18T12:00Z",
            closes=(
                (0, 3540.0), (4, 3346.0), (7, 3363.0), (10, 3403.0), (13, 3354.0), (16, 3097.0), (19, 2945.0),
                (22, 2974.0), (23, 2857.0), (24, 2721.0), (25, 2365.0), (26, 2494.0), (28, 2743.0), (31, 2604.0),
                (34, 2586.0), (37, 2231.0), (40, 2472.0), (43, 2645.0), (46, 2673.0),
            ),
            lows=((25, 1960.0), (26, 1888.0)),
            realised=4.80,
            worst_from=22.0,
            implied_vol=((0, 1.25), (22, 1.40), (26, 1.85), (46, 1.80), (120, 1.60)),  # fill
            depth=((0, 0.9), (22, 0.7), (26, 0.2), (46, 0.4), (96, 0.8)),  # fill
            congestion=((22, 0.2), (25, 0.7), (34, 0.5), (60, 0.1)),  # fill
            facts=(
                "ETH falls by 47% in a day and comes half back within hours.",
                "Loans of 633-671M USD were liquidated on chain.",
            ),
            around=Surroundings(vol_before=1.2, vol_around=1.7, vol_after=1.8),
        ),
    ),
    "crisis-2022-05": (
        "train",
        Story(
            began="2022-05-07T15:00Z",
            closes=(
                (0, 2704.0), (16, 2561.0), (28, 2562.0), (40, 2452.0), (52, 2283.0), (64, 2399.0), (70, 2444.0),
                (76, 2377.0), (82, 2354.0), (89, 2314.0), (93, 2407.0), (94, 2172.0), (95, 2338.0), (100, 2173.0),
                (106, 2143.0), (110, 1891.0), (112, 1800.0), (118, 1946.0), (124, 1905.0), (130, 2008.0), (136, 2089.0),
            ),
            realised=3.31,
            worst_from=88.0,
            implied_vol=((0, 0.72), (52, 0.85), (94, 1.05), (113, 1.20), (136, 1.05)),  # fill
            depth=((0, 1.0), (52, 0.7), (94, 0.4), (112, 0.3), (136, 0.6)),  # fill
            congestion=((40, 0.1), (94, 0.4), (112, 0.5), (136, 0.1)),  # fill
            facts=(
                "Terra unravels over five days; ETH falls by 33%.",
                "A lending market lost 11.2M USD because its feed of another coin stopped at a floor far above the "
                "price (`oracle_floor`).",
            ),
            around=Surroundings(vol_before=0.62, vol_around=0.85, vol_after=0.85),
        ),
    ),
    "crisis-2022-06": (
        "train",
        Story(
            began="2022-06-09T18:00Z",
            closes=(
                (0, 1804.0), (13, 1788.0), (25, 1678.0), (37, 1663.0), (43, 1551.0), (55, 1536.0), (61, 1458.0),
                (73, 1512.0), (79, 1388.0), (91, 1215.0), (97, 1231.0), (103, 1170.0), (109, 1231.0), (121, 1206.0),
                (133, 1136.0), (134, 1092.0), (135, 1026.0), (139, 1110.0), (145, 1170.0), (151, 1234.0), (163, 1117.0),
                (175, 1064.0), (187, 1073.0), (199, 1087.0), (205, 1018.0), (211, 998.0), (217, 937.0), (219, 903.0),
                (223, 990.0), (229, 953.0),
            ),
            lows=((219, 882.0),),
            realised=2.75,
            worst_from=85.0,
            implied_vol=((0, 0.80), (43, 0.92), (91, 1.20), (135, 1.25), (219, 1.30), (229, 1.25)),  # fill
            depth=((0, 1.0), (61, 0.7), (91, 0.4), (135, 0.4), (219, 0.35), (229, 0.5)),  # fill
            congestion=((61, 0.1), (91, 0.3), (135, 0.3), (219, 0.3), (229, 0.1)),  # fill
            facts=(
                "Lenders fail one after the other for nine days; ETH falls by 51%.",
                "Staked ether traded at .93-.95 of ETH (the overlay staked-discount).",
            ),
            around=Surroundings(vol_before=0.70, vol_around=1.1, vol_after=1.2),
        ),
    ),
    "crisis-2022-11": (
        "train",
        Story(
            began="2022-11-06T12:00Z",  # fill: the hour of 1639
            closes=(
                (0, 1639.0), (25, 1585.0), (34, 1576.0), (40, 1509.0), (43, 1486.0), (49, 1478.0), (52, 1463.0),
                (53, 1545.0), (54, 1448.0), (55, 1347.0), (58, 1337.0), (64, 1311.0), (70, 1214.0), (73, 1225.0),
                (76, 1162.0), (79, 1162.0), (82, 1105.0), (84, 1100.0), (88, 1170.0), (94, 1195.0), (97, 1198.0),
                (100, 1320.0), (106, 1321.0),
            ),
            lows=((84, 1073.0),),
            realised=2.71,
            worst_from=52.0,
            implied_vol=((0, 0.75), (52, 0.95), (76, 1.35), (84, 1.52), (106, 1.30)),  # above 1.5 at its peak; fill
            depth=((0, 1.0), (52, 0.6), (55, 0.3), (84, 0.3), (106, 0.6)),  # fill
            congestion=((52, 0.1), (55, 0.4), (84, 0.4), (106, 0.1)),  # fill
            facts=(
                "An exchange fails; ETH falls by 35% in three days.",
                "A position of 63.6M USD in another coin was liquidated in 385 transactions within 50 minutes and left "
                "1.6M USD of bad debt.",
            ),
            around=Surroundings(vol_before=0.62, vol_around=0.75, vol_after=0.85),
        ),
    ),
    "crisis-2023-03": (
        "validation",
        Story(
            began="2023-03-09T14:00Z",
            # ETH lost 11.5% from the first price to the low, which are facts as a ratio
            closes=(
                (0, 1547.0), (10, 1440.0), (20, 1395.0), (22, 1385.0), (34, 1430.0), (41, 1415.0), (53, 1455.0),
                (65, 1465.0), (80, 1560.0), (105, 1675.0), (125, 1690.0),
            ),
            known=(0,),
            lows=((22, 1369.0),),
            implied_vol=((0, 0.58), (34, 0.636), (58, 0.685), (105, 0.66)),  # fill: the first and the last
            depth=((0, 1.0), (34, 0.7), (41, 0.35), (65, 0.5), (105, 0.9)),  # fill
            congestion=((34, 0.1), (41, 0.5), (65, 0.3), (105, 0.05)),  # fill
            # the dollar coin, on the 11th at 07h, the 12th at 07h and the 13th at 23h; fill: the rest
            peg=((34, 1.0), (41, 0.869), (53, 0.905), (65, 0.936), (105, 0.995), (125, 1.0)),
            facts=(
                "The debt asset loses its peg, down to .869; ETH falls by 11.5%.",
                "A lending market was left about 0.3M USD short.",
            ),
            around=Surroundings(vol_before=0.50, vol_around=0.75, vol_after=0.65),
        ),
    ),
    "crisis-2024-08": (
        "validation",
        Story(
            began="2024-08-04T05:00Z",
            closes=(
                (0, 2935.0), (12, 2800.0), (16, 2720.0), (19, 2640.0), (20, 2527.0), (21, 2319.0), (23, 2345.0),
                (25, 2250.0), (26, 2215.0), (30, 2310.0), (33, 2360.0), (38, 2470.0), (44, 2420.0), (57, 2500.0),
            ),
            known=(0, 20, 21),
            lows=((26, 2111.0),),
            realised=2.74,
            worst_from=19.0,
            implied_vol=((0, 0.64), (19, 0.683), (43, 0.762), (67, 0.74)),  # fill: the first and the last
            depth=((0, 1.0), (19, 0.6), (21, 0.25), (30, 0.35), (57, 0.8)),  # fill
            congestion=((19, 0.1), (21, 0.6), (30, 0.4), (57, 0.05)),  # fill
            facts=(
                "Funding trades unwind around the world; ETH falls by 28% within a night.",
                "The largest lending market liquidated 253.4M USD in 1,269 events.",
            ),
            around=Surroundings(vol_before=0.58, vol_around=0.70, vol_after=0.80),
        ),
    ),
    "crisis-2025-02": (
        "train",
        Story(
            began="2025-02-01T08:00Z",
            # besides, the size of the worst hour is a fact
            closes=(
                (0, 3332.0), (16, 3118.0), (28, 3080.0), (34, 2960.0), (40, 2868.0), (41, 2790.0), (42, 2700.0),
                (43, 2384.0), (44, 2480.0), (46, 2560.0), (50, 2570.0), (56, 2620.0), (64, 2800.0), (76, 2760.0),
            ),
            known=(0,),
            lows=((43, 2125.0),),
            realised=2.94,
            worst_from=34.0,
            implied_vol=((0, 0.62), (40, 0.68), (64, 0.709), (100, 0.68)),  # the close of the 3rd; fill: the rest
            depth=((0, 1.0), (34, 0.7), (43, 0.15), (50, 0.4), (76, 0.8)),  # fill
            congestion=((34, 0.1), (43, 0.6), (50, 0.3), (76, 0.05)),  # fill
            facts=(
                "Tariffs; ETH falls by 36%, nearly all of it in one night.",
                "The largest lending market liquidated 210M USD without new bad debt.",
            ),
            around=Surroundings(vol_before=0.60, vol_around=0.70, vol_after=0.80),
        ),
    ),
    "crisis-2025-10": (
        "validation",
        Story(
            began="2025-10-10T08:00Z",
            closes=(
                (0, 4394.0), (6, 4330.0), (8, 4200.0), (12, 4115.0), (13, 4075.0), (14, 3950.0), (15, 3880.0),
                (17, 3800.0), (22, 3830.0), (28, 3760.0), (40, 3800.0), (64, 4150.0),
            ),
            known=(0, 14),
            lows=((14, 3435.0),),
            realised=1.56,
            worst_from=4.0,
            implied_vol=((0, 0.64), (16, 0.676), (40, 0.717), (184, 0.755)),  # fill: the first
            depth=((0, 1.0), (13, 0.9), (14, 0.02), (15, 0.06), (17, 0.2), (22, 0.45), (40, 0.9)),  # fill: but .02
            congestion=((12, 0.05), (14, 0.9), (16, 0.5), (22, 0.1)),  # fill
            facts=(
                "Order books vanish for an hour; ETH touches -22% and is back at once.",
                "Depth was reported down by 98%; the largest lending market liquidated about 180M USD.",
            ),
            around=Surroundings(vol_before=0.58, vol_around=0.65, vol_after=0.75),
        ),
    ),
}  # fmt: skip

CRISES: dict[str, Crisis] = {name: Crisis(name, split, story) for name, (split, story) in STORIES.items()}
for _crisis in CRISES.values():
    register(_crisis)
