"""Four crises of other coins as waypoints, for the sealed test: BTC, LUNA, XRP and SOL, each in its own USD.

Prices of BTC and LUNA are closes and lows of Binance's hourly candles; the hour of each is a fact. Those of XRP and SOL
are Yahoo Finance's daily closes (a day ends at 00h UTC) and daily lows. Of a daily low the day is a fact; its hour and
the close before it are filled in. Implied vol, depth and congestion are always filled in: we know of no index of these
coins' vol.
"""

from protogov.envs.scenarios.stories import Story, Surroundings

FILLED: dict[str, tuple[float, ...]] = {"implied_vol": (), "depth": (), "congestion": ()}  # none of these are facts

STORIES: dict[str, Story] = {
    "test-btc-2021-04": Story(
        began="2021-04-17T13:00Z",
        closes=(
            (0, 61061.5), (5, 59705.6), (8, 60803.0), (11, 60006.7), (13, 59220.0), (14, 58804.2), (15, 55014.5),
            (16, 54829.2), (17, 55569.2), (19, 56180.3), (20, 54953.7), (23, 53308.9), (24, 54947.2), (28, 55432.8),
            (34, 56535.9), (43, 57323.4), (47, 57107.4), (51, 54585.2), (56, 56130.0), (60, 54631.3), (66, 53856.4),
            (71, 56266.8), (81, 57020.8), (87, 55204.6), (98, 56182.1), (106, 53996.7), (111, 53497.1), (119, 54866.6),
            (125, 53437.4), (128, 51623.6), (133, 51080.6), (134, 50000.0), (139, 47942.4), (140, 48749.8),
            (143, 50070.4),
        ),
        lows=((15, 50931.3), (140, 47500.0)),
        known=FILLED,
        realised=1.61,
        worst_from=14.0,
        implied_vol=((0, 0.75), (15, 0.95), (60, 0.90), (140, 1.00)),
        depth=((0, 1.0), (14, 0.8), (15, 0.2), (24, 0.6), (133, 0.6), (143, 0.7)),
        congestion=((14, 0.1), (15, 0.5), (24, 0.1), (143, 0.1)),
        facts=(
            "BTC falls by 13% within one Sunday hour as leverage is flushed out, and by 22% in six days.",
            "The hour of 18 April that opens at 03h UTC has its low at 50,931 and its close at 55,014.",
        ),
        around=Surroundings(vol_before=0.55, vol_around=0.80, vol_after=0.80),
    ),
    "test-luna-2021-05": Story(
        began="2021-05-18T23:00Z",
        closes=(
            (0, 16.074), (1, 15.658), (2, 15.573), (3, 14.780), (5, 14.514), (6, 13.539), (8, 14.425), (11, 14.543),
            (13, 13.528), (14, 10.900), (15, 11.550), (18, 11.885), (21, 11.352), (23, 10.475), (25, 9.477),
            (26, 8.377), (27, 8.918), (30, 9.422), (33, 9.913), (35, 9.492), (38, 10.774), (41, 11.437), (42, 10.297),
            (46, 10.159), (50, 10.780), (52, 11.566), (56, 10.644), (62, 9.715), (64, 8.926), (65, 8.439), (70, 7.600),
            (73, 8.262), (78, 7.610), (81, 7.120), (82, 7.572), (86, 7.665), (93, 6.778), (97, 6.594), (98, 7.003),
            (102, 6.451), (105, 5.813), (106, 5.321), (109, 5.549), (110, 4.872), (112, 5.083), (114, 4.427),
            (116, 4.114),
            (117, 4.174), (118, 4.408), (121, 4.086), (125, 4.984), (130, 6.406), (131, 5.721), (134, 6.977),
            (135, 6.240), (138, 6.003), (141, 7.212),
        ),
        lows=((15, 9.1), (26, 8.088), (117, 3.91)),
        known=FILLED,
        implied_vol=((0, 1.40), (15, 1.90), (60, 1.80), (117, 2.20), (141, 2.00)),
        depth=((0, 1.0), (13, 0.7), (15, 0.2), (40, 0.5), (105, 0.3), (117, 0.15), (141, 0.4)),
        congestion=((13, 0.3), (15, 0.7), (30, 0.4), (105, 0.3), (117, 0.5), (141, 0.2)),
        facts=(
            "A coin that backs a dollar of its own falls by 76% in five days and has nearly doubled a day later.",
            "From 16.07 on the evening of 18 May to a low of 3.91 on the 23rd, and 7.21 on the evening of the 24th.",
        ),
        around=Surroundings(vol_before=1.20, vol_around=2.50, vol_after=2.00),
    ),
    "test-xrp-2020-12": Story(
        began="2020-12-21T00:00Z",
        closes=(
            (0, 0.5561), (24, 0.5169), (46, 0.4550), (48, 0.4484), (68, 0.2900), (72, 0.2586), (96, 0.3378),
            (120, 0.3181), (144, 0.2947), (168, 0.2830), (192, 0.2480), (205, 0.2100), (216, 0.2210),
        ),
        lows=((47, 0.4106), (69, 0.2214), (206, 0.1748)),
        known=FILLED | {"closes": tuple(range(0, 217, 24)), "lows": ()},  # of the lows the day and the price are facts
        implied_vol=((0, 0.90), (48, 1.30), (72, 1.90), (120, 1.70), (216, 1.60)),
        depth=((0, 1.0), (24, 0.7), (69, 0.2), (96, 0.5), (206, 0.3), (216, 0.5)),
        congestion=((24, 0.05), (69, 0.3), (96, 0.1), (216, 0.1)),
        facts=(
            "A regulator sues the issuer, exchanges stop trading the coin one after the other: down 69% in nine days.",
            "The complaint was announced on 21 December and filed on the 22nd; the largest exchange of the country "
            "announced on the 28th that it would stop trading the coin.",
        ),
        around=Surroundings(vol_before=1.10, vol_around=1.80, vol_after=1.50),
    ),
    "test-sol-2022-11": Story(
        began="2022-11-06T00:00Z",
        closes=(
            (0, 36.77), (24, 32.68), (48, 29.60), (68, 25.00), (72, 24.15), (93, 14.80), (96, 13.94), (120, 17.68),
            (144, 16.33), (168, 14.54), (192, 13.16),
        ),
        lows=((69, 21.78), (94, 12.51)),
        known=FILLED | {"closes": tuple(range(0, 193, 24)), "lows": ()},  # of the lows the day and the price are facts
        implied_vol=((0, 0.95), (48, 1.20), (72, 1.80), (96, 2.20), (144, 1.90), (192, 1.70)),
        depth=((0, 1.0), (48, 0.7), (69, 0.3), (94, 0.15), (120, 0.4), (192, 0.4)),
        congestion=((48, 0.1), (69, 0.5), (94, 0.6), (120, 0.3), (192, 0.1)),
        facts=(
            "An exchange fails that held much of the coin: down 64% in eight days, by 42% in the worst of them.",
            "From a close of 36.77 on 5 November to 13.94 on the 9th, whose low was 12.51, and 13.16 on the 13th.",
        ),
        around=Surroundings(vol_before=0.90, vol_around=1.60, vol_after=1.30),
    ),
}  # fmt: skip
