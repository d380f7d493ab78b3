"""Tools of the built-in shop and the articles of its tool supplier."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.engine.tolerances import COARSE_PITCH_MM
from coordinator.modules.quoting.engine.values import size

_ALL = ("P", "M", "K", "N", "S")


def turning_tools() -> tuple[Tool, ...]:
    def insert(
        code: str, name: str, kind: str, radius: float | None, price: str, edges: int, **extra: object
    ) -> Tool:
        base = Tool(
            code,
            name,
            kind,
            corner_radius_mm=radius,
            price=Decimal(price),
            edge_count=edges,
            holder_interface="25x25",
            iso513_groups=_ALL,
            mounted_in=("TOUR-1", "TF-1"),
            quantity=10,
        )
        return replace(base, **extra)  # type: ignore[arg-type]

    hard = insert(
        "CBN-CNGA-08", "Plaquette CBN CNGA 120408", "turning_finish", 0.8, "62", 2, iso513_groups=("H",)
    )
    bars = tuple(
        insert(
            f"BA-{d}",
            f"Barre d'alésage Ø{d} rε 0,4",
            "boring_bar",
            0.4,
            "8.50",
            2,
            diameter_mm=float(d),
            usable_length_mm=float(4 * d),
            mounted_in=("TOUR-1", "TF-1") if d == 16 else (),
        )
        for d in (8, 12, 16, 25)
    )
    return (
        insert("CNMG-12", "Plaquette CNMG 120412 ébauche", "turning_rough", 1.2, "9.50", 4),
        insert("VBMT-08", "Plaquette VBMT 160408 finition", "turning_finish", 0.8, "9.00", 2),
        insert("VBMT-04", "Plaquette VBMT 160404 finition", "turning_finish", 0.4, "9.00", 2),
        replace(hard, mounted_in=()),
        insert(
            "GORGE-2", "Lame à gorge 2 mm", "grooving", None, "14", 2, width_mm=2.0, cutting_length_mm=12.0
        ),
        insert(
            "GORGE-3", "Lame à gorge 3 mm", "grooving", None, "14", 2, width_mm=3.0, cutting_length_mm=15.0
        ),
        insert(
            "TRONC-3",
            "Lame à tronçonner 3 mm",
            "parting",
            None,
            "12",
            2,
            width_mm=3.0,
            cutting_length_mm=33.0,
        ),
        insert("FILET-EXT", "Plaquette à fileter 16ER 60°", "threading", None, "13", 3),
        *(
            insert(
                f"GORGE-INT-{d}",
                f"Barre à gorge intérieure Ø{d}, lame 2 mm",
                "grooving",
                None,
                "14",
                2,
                width_mm=2.0,
                diameter_mm=float(d),
                cutting_length_mm=4.0,
                usable_length_mm=float(4 * d),
                mounted_in=(),
            )
            for d in (12, 20)
        ),
        *(
            insert(
                f"FILET-INT-{d}",
                f"Barre à fileter Ø{d} plaquette 60°",
                "threading",
                None,
                "13",
                3,
                diameter_mm=float(d),
                usable_length_mm=float(4 * d),
                mounted_in=(),
            )
            for d in (12, 16, 25)
        ),
        *bars,
    )


_DRILLS_MM = (
    2.0,
    2.1,
    2.5,
    2.9,
    3.0,
    3.3,
    3.9,
    4.0,
    4.2,
    4.8,
    5.0,
    5.5,
    5.8,
    6.0,
    6.6,
    6.8,
    7.0,
    7.8,
    8.0,
    8.5,
    9.0,
    9.8,
    10.0,
    10.2,
    11.0,
    11.8,
    12.0,
    13.5,
    13.8,
    14.0,
    15.8,
    16.0,
    17.5,
    17.8,
    18.0,
    19.8,
    20.0,
)
_MOUNTED_DRILLS = (3.3, 4.2, 5.0, 6.8, 8.5, 10.2)


def hole_tools() -> tuple[Tool, ...]:
    def drill(d: float) -> Tool:
        mounted = ("CU3-1", "CU5-1", "TF-1") if d in _MOUNTED_DRILLS else ()
        return Tool(
            f"FC-{d:g}",
            f"Foret carbure Ø{size(d)} 5D",
            "drill",
            d,
            usable_length_mm=5 * d + 4,
            teeth=2,
            iso513_groups=_ALL,
            price=Decimal(str(18 + 6 * d)),
            mounted_in=mounted,
            quantity=3,
        )

    def u_drill(d: int) -> Tool:
        return Tool(
            f"FP-{d}",
            f"Foret à plaquettes Ø{d} 3D",
            "drill",
            float(d),
            usable_length_mm=3.0 * d,
            teeth=1,
            iso513_groups=_ALL,
            price=Decimal(22),
            edge_count=4,
            edge_life_min=15,
            quantity=1,
        )

    reamers = tuple(
        Tool(
            f"AL-{d}H7",
            f"Alésoir HSS-E Ø{d} H7",
            "reamer",
            float(d),
            usable_length_mm=6.0 * d + 10,
            teeth=6,
            substrate="hss",
            price=Decimal(str(24 + 3 * d)),
            iso513_groups=_ALL,
            quantity=2,
        )
        for d in (3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20)
    )
    taps = tuple(
        Tool(
            f"TA-M{d:g}",
            f"Taraud machine HSS-E M{size(d)}",
            "tap",
            float(d),
            usable_length_mm=3.2 * d + 6,
            pitch_mm=COARSE_PITCH_MM[d],
            teeth=3,
            substrate="hss",
            price=Decimal(str(20 + 1.5 * d)),
            iso513_groups=_ALL,
            quantity=3,
            mounted_in=("CU3-1", "CU5-1") if d in (6, 8) else (),
        )
        for d in (2, 2.5, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20)
    )
    counterbores = tuple(
        Tool(
            f"LAM-{d:g}",
            f"Fraise à lamer HSS Ø{size(d)}",
            "counterbore",
            d,
            usable_length_mm=40.0,
            teeth=3,
            substrate="hss",
            price=Decimal(45),
            iso513_groups=_ALL,
        )
        for d in (6.5, 8.0, 10.0, 11.0, 15.0, 18.0, 20.0)
    )
    return (
        Tool(
            "POINT-10",
            "Foret à pointer carbure Ø10 90°",
            "spot_drill",
            10.0,
            usable_length_mm=30,
            teeth=2,
            price=Decimal(42),
            mounted_in=("CU3-1", "CU5-1", "TF-1", "TOUR-1"),
            quantity=3,
        ),
        Tool(
            "FRAISURE-20",
            "Fraise à chanfreiner Ø20 90°",
            "countersink",
            20.0,
            usable_length_mm=60,
            teeth=3,
            iso513_groups=_ALL,
            substrate="hss",
            price=Decimal(28),
            mounted_in=("CU3-1", "CU5-1"),
            quantity=2,
        ),
        *(
            Tool(
                f"CENT-A{d:g}",
                f"Foret à centrer HSS A{size(d)} (ISO 866)",
                "spot_drill",
                d,
                usable_length_mm=5 * d,
                teeth=2,
                substrate="hss",
                price=Decimal(8),
                quantity=3,
            )
            for d in (1.0, 1.6, 2.0, 2.5, 3.15, 4.0, 6.3)
        ),
        *(drill(d) for d in _DRILLS_MM),
        *(u_drill(d) for d in (22, 25, 30, 35, 40, 45, 50)),
        *reamers,
        *taps,
        *counterbores,
        Tool(
            "TETE-25",
            "Tête à aléser Ø20–50",
            "boring_head",
            50.0,
            usable_length_mm=120,
            corner_radius_mm=0.4,
            price=Decimal(9),
            edge_count=2,
            holder_interface="BT40",
        ),
        Tool(
            "TETE-50",
            "Tête à aléser Ø50–100",
            "boring_head",
            100.0,
            usable_length_mm=160,
            corner_radius_mm=0.4,
            price=Decimal(9),
            edge_count=2,
            holder_interface="BT40",
        ),
        *(
            Tool(
                f"FF-M{thread}",
                f"Fraise à fileter carbure Ø{size(d)} pas {size(pitch)}",
                "thread_mill",
                d,
                usable_length_mm=2.2 * thread,
                cutting_length_mm=1.5 * thread if thread <= 20 else 30.0,
                pitch_mm=pitch,
                teeth=4,
                price=Decimal(str(75 + 4 * thread)),
                iso513_groups=(*_ALL, "H"),
                quantity=1,
            )
            for thread, d, pitch in (
                (6, 4.6, 1.0),
                (8, 6.2, 1.25),
                (10, 7.9, 1.5),
                (12, 9.3, 1.75),
                (16, 11.9, 2.0),
                (20, 15.9, 2.5),
                (24, 17.9, 3.0),
            )
        ),
    )


def milling_tools() -> tuple[Tool, ...]:
    def end_mill(d: int, long: bool = False) -> Tool:
        suffix = "L" if long else ""
        return Tool(
            f"FR-{d}{suffix}",
            f"Fraise carbure Ø{d} {'longue' if long else '4 dents'}",
            "end_mill",
            float(d),
            usable_length_mm=(5.0 if long else 3.0) * d,
            cutting_length_mm=2.2 * d,
            teeth=4 if d > 3 else 3,
            corner_radius_mm=0.0,
            price=Decimal(str(12 + 5 * d)),
            quantity=4,
            mounted_in=("CU3-1", "CU5-1") if d in (6, 10, 16) and not long else (),
            iso513_groups=(*_ALL, "H"),
        )

    face = [
        Tool(
            f"SURF-{d}",
            f"Fraise à surfacer Ø{d}",
            "face_mill",
            float(d),
            usable_length_mm=60,
            teeth=z,
            edge_count=z * 4,
            price=Decimal(9 * z),
            edge_life_min=15.0 * z,
            holder_interface="BT40",
            mounted_in=("CU3-1", "CU5-1") if d == 50 else (),
            iso513_groups=(*_ALL, "H"),
        )
        for d, z in ((50, 5), (80, 6))
    ]
    return (
        *face,
        *(end_mill(d) for d in (3, 4, 5, 6, 8, 10, 12, 16, 20)),
        *(end_mill(d, True) for d in (6, 8, 10, 12, 16)),
    )


def supplier_items() -> tuple[Tool, ...]:
    """What the tool supplier delivers in a few days: long carbide drills, other sizes, HSS-Co drills, taps, reamers."""
    items: list[Tool] = []
    for d in (
        2.0,
        2.5,
        3.0,
        3.3,
        4.0,
        4.2,
        5.0,
        6.0,
        6.8,
        7.8,
        8.0,
        8.5,
        9.8,
        10.0,
        10.2,
        11.8,
        12.0,
        14.0,
        16.0,
    ):
        items.append(
            Tool(
                f"CAT-FC12-{d:g}",
                f"Foret carbure Ø{size(d)} 12D",
                "drill",
                d,
                usable_length_mm=12 * d + 4,
                teeth=2,
                price=Decimal(str(45 + 12 * d)),
                delay_days=3,
                supplier="Catalogue",
                quantity=0,
            )
        )
    for d in (*_DRILLS_MM, 4.5, 4.8, 8.7, 9.5, 10.5, 11.5, 12.5, 13.0, 15.0, 15.5, 17.0, 19.0):
        items.append(
            Tool(
                f"CAT-FH-{d:g}",
                f"Foret HSS-Co Ø{size(d)} 8D",
                "drill",
                d,
                usable_length_mm=8 * d + 4,
                teeth=2,
                substrate="hss",
                iso513_groups=("P1", "P2", "N"),
                price=Decimal(str(4 + 1.6 * d)),
                delay_days=2,
                supplier="Catalogue",
                quantity=0,
            )
        )
        items.append(
            Tool(
                f"CAT-FC-{d:g}",
                f"Foret carbure Ø{size(d)} 5D",
                "drill",
                d,
                usable_length_mm=5 * d + 4,
                teeth=2,
                price=Decimal(str(18 + 6 * d)),
                delay_days=2,
                supplier="Catalogue",
                quantity=0,
            )
        )
    return tuple(items)
