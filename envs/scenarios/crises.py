"""Nine crises of ETH, 2020 to 2025, as waypoints.

Hours are counted from `began` (UTC). Hour h is the end of the h-th candle: the close that an exchange lists under 02:00
on the 13th belongs to the hour that ends at 03:00, see ``stories.py``. Facts are prices, lows, highs, vols and pegs
that were published or recorded. Other points are filled in to keep the path plausible. `known` lists, field by field,
the hours that are facts. Exchanges differ by a few percent in the worst hours. The last entry of a story's `facts`
names the source of its prices.

A crisis begins at the last high before its fall, if prices are known that far back. A rule may then react to early
signs, such as the fall of 16% on 8 March 2020, four days before the worst. If only the worst day was published, no time
before it is invented. Implied vol is Deribit's ETH index at the known daily closes. Depth before the onset is the
scenario's own. Its shares are filled in, except for October 2025, when it was reported to fall by 98%.

March 2020, March 2023, August 2024 and October 2025 are of the split validation and never trained on.
"""

from protogov.envs.scenarios.base import Split, register
from protogov.envs.scenarios.stories import Story, Surroundings
from protogov.envs.scenarios.waypoints import Crisis

_FILLED: dict[str, tuple[float, ...]] = {"implied_vol": (), "depth": (), "congestion": ()}  # no fact among these points

STORIES: dict[str, tuple[Split, Story]] = {
    "crisis-2020-03": (
        "validation",
        Story(
            began="2020-03-06T06:00Z",
            # every six hours, and more often around the two worst hours
            closes=(
                (0, 234.0), (6, 241.0), (12, 239.0), (17, 244.0), (18, 246.0), (24, 244.0), (30, 245.0), (36, 239.0),
                (42, 238.0), (48, 230.0), (54, 232.0), (60, 216.0), (66, 200.0), (72, 205.0), (78, 201.0), (84, 193.0),
                (90, 203.0), (96, 203.0), (102, 203.0), (108, 201.0), (114, 201.0), (120, 199.0), (126, 197.0),
                (132, 184.0), (138, 194.0), (140, 184.0), (144, 182.0), (148, 168.0), (149, 132.0), (150, 136.0),
                (156, 142.0), (162, 109.0), (163, 105.0), (164, 97.6), (165, 115.0), (168, 119.0), (174, 129.0),
                (180, 124.0), (186, 135.0), (192, 132.0), (198, 130.0), (204, 128.0), (210, 122.0),
            ),
            lows=((165, 86.6),),
            highs=((18, 247.0), (165, 125.0)),
            known=_FILLED | {
                "closes": (
                    0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 66, 72, 78, 84, 90, 96, 102, 108, 114, 120, 126, 132, 138,
                    144, 149, 150, 156, 162, 164, 165, 168, 174, 180, 186, 192, 198, 204, 210,
                ),
                "highs": (165,),  # of the 247 only the day is known, not the hour
            },
            realised=7.68,
            worst_from=146.0,
            implied_vol=(
                (0, 0.76), (42, 0.76), (66, 0.84), (144, 0.88), (148, 0.90), (150, 1.50), (165, 1.90), (187, 1.75),
                (234, 1.40),
            ),
            depth=(
                (0, 1.0), (48, 1.0), (66, 0.8), (120, 0.9), (146, 0.8), (149, 0.25), (165, 0.15), (175, 0.35),
                (210, 0.7),
            ),
            congestion=((146, 0.05), (149, 0.25), (175, 0.25), (194, 0.05)),  # gas at six times the usual
            facts=(
                "ETH falls by 16% on a Sunday and by half on the Thursday after; blocks jam.",
                "Auctions of 8.32M USD of collateral went for nearly nothing, 36% of all liquidations; gas cost six "
                "times the usual; the oracle stood about 30 USD too high.",
                "Prices: hourly candles of one dollar exchange; another had 133 for its 132, and a low of 86.0.",
            ),
            around=Surroundings(vol_before=0.75, vol_around=0.9, vol_after=1.3),
        ),
    ),
    "crisis-2021-05": (
        "train",
        Story(
            began="2021-05-12T06:00Z",
            closes=(
                (0, 4327.0), (6, 4274.0), (8, 4309.0), (9, 4317.0), (12, 4144.0), (18, 3823.0), (24, 3988.0),
                (30, 3744.0), (36, 3699.0), (42, 3718.0), (48, 3847.0), (54, 4000.0), (60, 4096.0), (66, 4075.0),
                (72, 4036.0), (78, 3902.0), (84, 3744.0), (90, 3647.0), (96, 3783.0), (102, 3790.0), (108, 3605.0),
                (114, 3582.0), (120, 3339.0), (126, 3517.0), (132, 3202.0), (138, 3283.0), (144, 3524.0),
                (150, 3534.0), (154, 3346.0), (157, 3363.0), (160, 3403.0), (163, 3354.0), (166, 3097.0),
                (169, 2945.0), (172, 2974.0), (173, 2857.0), (174, 2721.0), (175, 2365.0), (176, 2494.0),
                (178, 2743.0), (181, 2604.0), (184, 2586.0), (186, 2439.0), (187, 2231.0), (190, 2472.0),
                (193, 2645.0), (196, 2673.0),
            ),
            lows=((174, 2443.0), (175, 1960.0), (176, 1888.0), (187, 2155.0)),
            highs=((9, 4373.0), (174, 2867.0), (175, 2774.0), (176, 2599.0), (187, 2546.0)),
            known=_FILLED,
            realised=4.80,
            worst_from=172.0,
            implied_vol=((0, 1.10), (150, 1.25), (172, 1.40), (176, 1.85), (196, 1.80), (270, 1.60)),
            depth=((0, 1.0), (150, 0.9), (172, 0.7), (176, 0.2), (196, 0.4)),
            congestion=((172, 0.2), (175, 0.7), (184, 0.5), (196, 0.3)),
            facts=(
                "ETH falls for a week, then by another 47% in a day, and comes half back within hours.",
                "Loans of 633-671M USD were liquidated on chain.",
                "Prices: hourly candles of Binance, in Tether; whole dollars.",
            ),
            around=Surroundings(vol_before=1.2, vol_around=1.7, vol_after=1.8),
        ),
    ),
    "crisis-2022-05": (
        "train",
        Story(
            began="2022-05-04T21:00Z",
            closes=(
                (0, 2943.0), (3, 2941.0), (4, 2942.0), (6, 2948.0), (12, 2924.0), (18, 2830.0), (24, 2755.0),
                (30, 2746.0), (36, 2719.0), (42, 2697.0), (48, 2705.0), (54, 2683.0), (60, 2684.0), (66, 2688.0),
                (82, 2561.0), (94, 2562.0), (106, 2452.0), (118, 2283.0), (130, 2399.0), (136, 2444.0), (142, 2377.0),
                (148, 2354.0), (153, 2380.0), (155, 2314.0), (159, 2408.0), (160, 2166.0), (161, 2338.0),
                (166, 2173.0), (172, 2143.0), (175, 1960.0), (176, 1891.0), (177, 1813.0), (178, 1791.0),
                (179, 1880.0), (184, 1946.0), (190, 1905.0), (196, 2008.0), (202, 2089.0),
            ),
            lows=((160, 2125.0), (161, 2154.0), (179, 1700.0)),
            highs=((4, 2954.0), (160, 2426.0), (161, 2394.0), (179, 1930.0)),
            known=_FILLED,
            realised=3.47,
            worst_from=155.0,
            implied_vol=((0, 0.70), (66, 0.74), (118, 0.85), (160, 1.05), (179, 1.20), (202, 1.05)),
            depth=((0, 1.0), (66, 1.0), (118, 0.7), (160, 0.4), (178, 0.3), (202, 0.6)),
            congestion=((106, 0.1), (160, 0.4), (178, 0.5), (202, 0.1)),
            facts=(
                "Terra unravels over a week; ETH falls by 42%.",
                "A lending market lost 11.2M USD because its feed of another coin stopped at a floor far above the "
                "price (`oracle_floor`).",
                "Prices: hourly candles of Kraken; whole dollars.",
            ),
            around=Surroundings(vol_before=0.62, vol_around=0.85, vol_after=0.85),
        ),
    ),
    "crisis-2022-06": (
        "train",
        Story(
            # two flat days are left out before; from the fall of 8% on 7 June on, the low of the 18th would not fit in
            # two weeks
            began="2022-06-09T18:00Z",
            closes=(
                (0, 1803.0), (1, 1790.0), (13, 1788.0), (25, 1678.0), (37, 1663.0), (43, 1551.0), (55, 1536.0),
                (61, 1458.0), (69, 1507.0), (73, 1512.0), (79, 1388.0), (87, 1204.0), (88, 1235.0), (91, 1215.0),
                (93, 1193.0), (97, 1231.0), (103, 1170.0), (109, 1231.0), (121, 1206.0), (133, 1136.0), (134, 1092.0),
                (135, 1026.0), (137, 1064.0), (138, 1118.0), (139, 1110.0), (144, 1109.0), (145, 1170.0),
                (151, 1234.0), (163, 1117.0), (175, 1064.0), (187, 1073.0), (199, 1087.0), (205, 1018.0), (211, 998.0),
                (217, 937.0), (218, 914.0), (219, 903.0), (220, 942.0), (223, 990.0), (229, 953.0),
            ),
            lows=((88, 1170.0), (138, 1049.0), (145, 1042.0), (219, 880.0)),
            highs=((1, 1805.0), (88, 1268.0), (138, 1159.0), (145, 1225.0)),
            known=_FILLED,
            realised=2.79,
            worst_from=85.0,
            implied_vol=((0, 0.80), (43, 0.92), (91, 1.20), (135, 1.25), (219, 1.30), (229, 1.25)),
            depth=((0, 1.0), (61, 0.7), (91, 0.4), (135, 0.4), (219, 0.35), (229, 0.5)),
            congestion=((61, 0.1), (91, 0.3), (135, 0.3), (219, 0.3), (229, 0.1)),
            facts=(
                "Lenders fail one after the other for nine days; ETH falls by 51%.",
                "Staked ether traded at .93-.95 of ETH (the overlay staked-discount).",
                "Prices: hourly candles of Kraken; whole dollars.",
            ),
            around=Surroundings(vol_before=0.70, vol_around=1.1, vol_after=1.2),
        ),
    ),
    "crisis-2022-11": (
        "train",
        Story(
            began="2022-11-04T14:00Z",
            closes=(
                (0, 1615.0), (1, 1660.0), (6, 1647.0), (12, 1654.0), (18, 1652.0), (24, 1636.0), (30, 1633.0),
                (36, 1616.0), (42, 1623.0), (46, 1620.0), (53, 1610.0), (59, 1573.0), (65, 1576.0), (71, 1585.0),
                (80, 1576.0), (86, 1509.0), (89, 1486.0), (95, 1478.0), (98, 1463.0), (99, 1545.0), (100, 1448.0),
                (101, 1345.0), (102, 1318.0), (104, 1337.0), (110, 1311.0), (116, 1214.0), (119, 1225.0),
                (121, 1225.0), (122, 1162.0), (125, 1162.0), (128, 1105.0), (129, 1116.0), (130, 1098.0),
                (134, 1170.0), (140, 1195.0), (143, 1198.0), (144, 1292.0), (146, 1320.0), (152, 1321.0),
            ),
            lows=((99, 1455.0), (101, 1345.0), (102, 1221.0), (130, 1070.0), (144, 1170.0)),
            highs=((1, 1677.0), (99, 1580.0), (101, 1469.0), (102, 1358.0), (144, 1315.0)),
            known=_FILLED,
            realised=2.72,
            worst_from=98.0,
            # above 1.5 at its peak; the hour of the peak is not known
            implied_vol=((0, 0.72), (46, 0.75), (98, 0.95), (122, 1.35), (130, 1.52), (152, 1.30)),
            depth=((0, 1.0), (46, 1.0), (98, 0.6), (101, 0.3), (130, 0.3), (152, 0.6)),
            congestion=((98, 0.1), (101, 0.4), (130, 0.4), (152, 0.1)),
            facts=(
                "An exchange fails; ETH falls by 36% in five days.",
                "A position of 63.6M USD in another coin was liquidated in 385 transactions within 50 minutes and left "
                "1.6M USD of bad debt.",
                "Prices: hourly candles of Kraken; whole dollars.",
            ),
            around=Surroundings(vol_before=0.62, vol_around=0.75, vol_after=0.85),
        ),
    ),
    "crisis-2023-03": (
        "validation",
        Story(
            began="2023-03-09T14:00Z",
            # the ratio of the first price to the low (a fall of 11.5%) is a fact
            closes=(
                (0, 1547.0), (10, 1460.0), (20, 1436.0), (21, 1388.0), (34, 1430.0), (41, 1415.0), (53, 1455.0),
                (65, 1465.0), (80, 1560.0), (105, 1675.0), (125, 1690.0),
            ),
            # on the 10th; sources disagree on morning or evening, so the hour is filled in
            lows=((21, 1368.0),),
            # a range of 5.9% of the opening; that the widest hour is also the hour of the low is filled in
            highs=((21, 1453.0),),
            # the index closed on the 10th and the 11th
            known=_FILLED | {"closes": (0,), "lows": (), "highs": (), "implied_vol": (34, 58), "peg": (41, 65, 105)},
            implied_vol=((0, 0.58), (34, 0.636), (58, 0.685), (105, 0.66)),
            depth=((0, 1.0), (34, 0.7), (41, 0.35), (65, 0.5), (105, 0.9)),
            congestion=((34, 0.1), (41, 0.5), (65, 0.3), (105, 0.05)),
            # the dollar coin on the 11th at 07:00 (0.88 for much of that day), the 12th at 07:00, the 13th at 23:00
            peg=((34, 1.0), (41, 0.869), (47, 0.88), (53, 0.905), (65, 0.936), (105, 0.995), (125, 1.0)),
            facts=(
                "The debt asset loses its peg, down to .869; ETH falls by 11.5%.",
                "A lending market was left about 0.3M USD short.",
                "Prices: the low and the widest hour as one large exchange had them; the way between is filled in.",
            ),
            around=Surroundings(vol_before=0.53, vol_around=0.75, vol_after=0.65),
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
            lows=((21, 2111.0),),  # of the candle that is named 01:00
            # the index closed on the 4th and the 5th
            known=_FILLED | {"closes": (0, 20, 21), "implied_vol": (19, 43)},
            realised=2.74,
            worst_from=19.0,
            implied_vol=((0, 0.64), (19, 0.683), (43, 0.762), (67, 0.74)),
            depth=((0, 1.0), (19, 0.6), (21, 0.25), (30, 0.35), (57, 0.8)),
            congestion=((19, 0.1), (21, 0.6), (30, 0.4), (57, 0.05)),
            facts=(
                "Funding trades unwind around the world; ETH falls by 28% within a night.",
                "The largest lending market liquidated 253.4M USD in 1,269 events.",
                "Prices: the first, the low and the hour of it as one large exchange had them; the rest is filled in.",
            ),
            around=Surroundings(vol_before=0.60, vol_around=0.70, vol_after=0.80),
        ),
    ),
    "crisis-2025-02": (
        "train",
        Story(
            began="2025-02-01T08:00Z",
            # the size of the worst hour is also a fact
            closes=(
                (0, 3332.0), (16, 3118.0), (28, 3080.0), (34, 2960.0), (40, 2868.0), (41, 2790.0), (42, 2700.0),
                (43, 2384.0), (44, 2480.0), (46, 2560.0), (50, 2570.0), (56, 2620.0), (64, 2800.0), (76, 2760.0),
            ),
            lows=((43, 2125.0),),
            known=_FILLED | {"closes": (0,), "implied_vol": (64,)},  # the index closed on the 3rd
            realised=2.94,
            worst_from=34.0,
            implied_vol=((0, 0.62), (40, 0.68), (64, 0.709), (100, 0.68)),
            depth=((0, 1.0), (34, 0.7), (43, 0.15), (50, 0.4), (76, 0.8)),
            congestion=((34, 0.1), (43, 0.6), (50, 0.3), (76, 0.05)),
            facts=(
                "Tariffs; ETH falls by 36%, nearly all of it in one night.",
                "The largest lending market liquidated 210M USD without new bad debt.",
                "Prices: the first and the low as one large exchange had them; the way between is filled in.",
            ),
            around=Surroundings(vol_before=0.58, vol_around=0.70, vol_after=0.80),
        ),
    ),
    "crisis-2025-10": (
        "validation",
        Story(
            began="2025-10-10T08:00Z",
            closes=(
                (0, 4394.0), (6, 4330.0), (8, 4250.0), (12, 4180.0), (13, 4150.0), (14, 3950.0), (15, 3880.0),
                (17, 3800.0), (22, 3830.0), (28, 3760.0), (40, 3800.0), (64, 4150.0),
            ),
            lows=((14, 3435.0),),  # of the candle that is named 21:00
            highs=((14, 4203.0),),  # a range of 18.5% of the opening
            known=_FILLED | {
                "closes": (0, 14), "highs": (), "implied_vol": (16, 40, 184), "depth": (14,),
            },  # the index closed on the 10th, the 11th and the 17th
            realised=1.56,
            worst_from=4.0,
            implied_vol=((0, 0.64), (16, 0.676), (40, 0.717), (184, 0.755)),
            depth=((0, 1.0), (13, 0.9), (14, 0.02), (15, 0.06), (17, 0.2), (22, 0.45), (40, 0.9)),
            congestion=((12, 0.05), (14, 0.9), (16, 0.5), (22, 0.1)),
            facts=(
                "Order books vanish for an hour; ETH touches -22% and is back at once.",
                "Depth was reported down by 98%; the largest lending market liquidated about 180M USD.",
                "Prices: the first and the hour of the low as one large exchange had them; the rest is filled in.",
            ),
            around=Surroundings(vol_before=0.58, vol_around=0.65, vol_after=0.75),
        ),
    ),
}  # fmt: skip

CRISES: dict[str, Crisis] = {name: Crisis(name, split, story) for name, (split, story) in STORIES.items()}
for _crisis in CRISES.values():
    register(_crisis)
