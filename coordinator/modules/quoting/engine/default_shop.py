"""The built-in shop: a realistic small job shop, also written as the commented example file."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from coordinator.modules.quoting.engine import shop_file
from coordinator.modules.quoting.engine.default_tools import (
    hole_tools,
    milling_tools,
    supplier_items,
    turning_tools,
)
from coordinator.modules.quoting.engine.shop import Machine, RateCard, RateCardLine, Shop, StockUnit


@lru_cache(maxsize=1)
def default_shop() -> Shop:
    """Saw, CNC lathe, mill-turn, 3-axis, 5-axis, bench, washing, inspection, packaging; tools, bars, plates, rates."""
    return Shop(
        machines=_machines(),
        tools=turning_tools() + hole_tools() + milling_tools(),
        supplier_items=supplier_items(),
        stock=_stock(),
        rate_card=RateCard(lines=_rates()),
    )


def _machines() -> tuple[Machine, ...]:
    lathe_tools = ("VDI30", "VDI40", "25x25")
    return (
        Machine("SCIE-1", "Scie à ruban Ø260", "saw", "Sciage", max_turning_diameter_mm=260),
        Machine(
            "TOUR-1",
            "Tour CN 2 axes",
            "lathe",
            "Tournage CN",
            axis_count=2,
            max_turning_diameter_mm=280,
            max_turning_length_mm=500,
            bar_capacity_mm=65,
            has_tailstock=True,
            has_steady_rest=True,
            max_spindle_rpm=4500,
            spindle_power_kw=15,
            spindle_torque_nm=240,
            max_feed_mm_min=8000,
            magazine_places=12,
            tool_interface=lathe_tools,
            attainable_it=6,
            attainable_ra_um=0.8,
        ),
        Machine(
            "TF-1",
            "Tour-fraiseur bi-broche",
            "mill_turn",
            "Tournage-fraisage",
            axis_count=5,
            travel_x_mm=400,
            travel_y_mm=100,
            travel_z_mm=600,
            max_turning_diameter_mm=250,
            max_turning_length_mm=400,
            bar_capacity_mm=65,
            max_spindle_rpm=5000,
            spindle_power_kw=18,
            spindle_torque_nm=200,
            max_feed_mm_min=8000,
            magazine_places=24,
            tool_interface=lathe_tools,
            has_driven_tools=True,
            driven_tool_power_kw=5.5,
            driven_tool_torque_nm=35,
            driven_tool_max_rpm=6000,
            has_sub_spindle=True,
            attainable_it=6,
            attainable_ra_um=0.8,
        ),
        Machine(
            "CU3-1",
            "Centre d'usinage 3 axes",
            "machining_centre",
            "Fraisage 3 axes",
            axis_count=3,
            travel_x_mm=800,
            travel_y_mm=500,
            travel_z_mm=510,
            table_load_kg=500,
            max_spindle_rpm=12000,
            spindle_power_kw=18,
            spindle_torque_nm=110,
            max_feed_mm_min=15000,
            magazine_places=24,
            tool_interface=("BT40",),
            attainable_it=6,
            attainable_ra_um=0.8,
        ),
        Machine(
            "CU5-1",
            "Centre d'usinage 5 axes",
            "machining_centre",
            "Fraisage 5 axes",
            axis_count=5,
            travel_x_mm=600,
            travel_y_mm=600,
            travel_z_mm=500,
            table_load_kg=300,
            max_spindle_rpm=15000,
            spindle_power_kw=20,
            spindle_torque_nm=120,
            max_feed_mm_min=20000,
            magazine_places=60,
            tool_interface=("BT40",),
            attainable_it=6,
            attainable_ra_um=0.8,
        ),
        Machine("ETABLI-1", "Établi d'ébavurage", "other", "Établi"),
        Machine("LAVAGE-1", "Machine à laver", "other", "Lavage"),
        Machine("CTRL-1", "Poste de contrôle", "inspection", "Contrôle", attainable_it=5),
        Machine("EXP-1", "Poste d'emballage", "other", "Emballage"),
    )


def _stock() -> tuple[StockUnit, ...]:
    def bar(code: str, material: str, d: float, n: int, price: str) -> StockUnit:
        return StockUnit(code, material, "round", 3000.0, d, quantity=n, price_per_kg=Decimal(price))

    def plate(code: str, material: str, t: float, price: str) -> StockUnit:
        return StockUnit(code, material, "plate", 2000.0, None, 1000.0, t, price_per_kg=Decimal(price))

    return (
        bar("B-C45-25", "C45E", 25, 3, "1.90"),
        bar("B-C45-45", "C45E", 45, 2, "1.90"),
        bar("B-C45-50", "C45E", 50, 2, "1.90"),
        bar("B-42CD4-60", "42CrMo4", 60, 2, "2.60"),
        bar("B-S355-60", "S355J2", 60, 1, "1.60"),
        bar("B-304L-30", "X2CrNi18-9", 30, 2, "5.20"),
        bar("B-316L-40", "X2CrNiMo17-12-2", 40, 2, "6.40"),
        bar("B-316L-65", "X2CrNiMo17-12-2", 65, 1, "6.40"),
        bar("B-2017-40", "EN AW-2017A", 40, 2, "6.90"),
        bar("B-LAITON-20", "CuZn39Pb3", 20, 4, "8.50"),
        plate("P-6082-30", "EN AW-6082", 30, "5.80"),
        plate("P-6082-20", "EN AW-6082", 20, "5.80"),
        plate("P-2017-40", "EN AW-2017A", 40, "6.90"),
        plate("P-C45-30", "C45E", 30, "1.90"),
        StockUnit("CH-C45-45-A", "C45E", "round", 310.0, 45, is_offcut=True, price_per_kg=Decimal("1.90")),
        StockUnit(
            "CH-6082-35",
            "EN AW-6082",
            "plate",
            220.0,
            None,
            140.0,
            35,
            is_offcut=True,
            price_per_kg=Decimal("5.80"),
        ),
        StockUnit(
            "B-TA6V-30-C",
            "Ti-6Al-4V",
            "round",
            1500.0,
            30,
            certified=True,
            heat_number="T41873",
            price_per_kg=Decimal("48"),
        ),
        StockUnit(
            "B-316L-40-C",
            "X2CrNiMo17-12-2",
            "round",
            3000.0,
            40,
            certified=True,
            heat_number="H20715",
            price_per_kg=Decimal("7.40"),
        ),
    )


def _rates() -> tuple[RateCardLine, ...]:
    hours = {
        "Sciage": 45,
        "Tournage conventionnel": 50,
        "Fraisage conventionnel": 50,
        "Tournage CN": 65,
        "Tournage-fraisage": 75,
        "Fraisage 3 axes": 65,
        "Fraisage 4 axes": 72,
        "Fraisage 5 axes": 90,
        "Électro-érosion": 60,
        "Rectification": 65,
        "Soudage": 55,
        "Établi": 45,
        "Lavage": 45,
        "Contrôle": 55,
        "Contrôle 3D": 70,
        "Emballage": 40,
    }
    prices = {
        "P1": "1.60",
        "P2": "1.90",
        "P3": "3.20",
        "M1": "5.20",
        "M2": "7.80",
        "K1": "2.40",
        "K2": "2.80",
        "N1": "5.80",
        "N2": "8.50",
        "N3": "9.00",
        "S1": "48",
        "S2": "65",
        "H": "3.00",
    }
    named = {
        "42CrMo4": "2.60",
        "X2CrNiMo17-12-2": "6.40",
        "EN AW-2017A": "6.90",
        "EN AW-7075": "8.20",
        "PEEK": "120",
    }
    line, d = RateCardLine, Decimal
    return (
        *(line("machine_hour", d(v), work_center=k) for k, v in hours.items()),
        line("labour_hour", d(38)),
        line("programming", d(65)),
        line("methods", d(65)),
        line("inspection", d(55)),
        line("packaging", d(40)),
        line("logistics", d(15), unit="delivery"),
        line("fixed_fee", d(35), unit="piece", activity_type="certificate"),
        *(line("material", d(v), unit="kg", material=k) for k, v in (prices | named).items()),
        line("heat_treatment", d("2.20"), unit="kg", lot_minimum=d(90)),
        line("surface_treatment", d("3.50"), unit="kg", lot_minimum=d(80)),
        line("subcontracting", d(6), unit="piece", activity_type="cutting"),
        line("subcontracting", d(75), unit="h", activity_type="grinding", lot_minimum=d(120)),
    )


_HEADER = """\
# Fichier atelier de « usinage quote compute » (exemple commenté, à adapter).
# Les noms sont ceux du modèle de données ; les unités sont dans les noms (_mm, _min, _kw, _pct).
# Un champ absent prend la valeur par défaut ; une limite machine absente n'est pas contrôlée.
# Retirer une machine, un outil ou un taux se voit dans les opérations, les manques et le prix.
"""
_COMMENTS = {
    "machines": "# Parc : machine_type parmi saw, lathe, mill, machining_centre, mill_turn, grinder, edm, welding, press,\n"
    "# inspection, other ; status « retired » = jamais utilisée. work_center relie la machine à son taux horaire.",
    "tools": "# Outils en stock. holder_interface vide = se monte dans toute pince ; mounted_in = déjà monté (pas de +3 min).\n"
    "# cutting_data : conditions propres à l'outil {operation_type, iso513_group, vc_m_min, f_mm_rev, fz_mm, ap_mm, ae_mm,\n"
    "# source: manual|supplier|learned, status: accepted|proposed} ; elles priment sur les tables.",
    "supplier_items": "# Articles fournisseur proposés quand le stock n'a pas l'outil : prix en € HT et délai en jours.",
    "stock": "# Barres, plaques et chutes (is_offcut) ; certified = réservé aux lignes avec certificat ; prix en €/kg.",
    "rate_card": "# Grille tarifaire : la ligne valable la plus précise gagne (machine > work_center > … > général).",
    "calendar": "# Minutes ouvrées par jour (lundi d'abord) et jours fermés (AAAA-MM-JJ).",
    "settings": "# Toutes les valeurs par défaut du chiffrage.",
}


def default_shop_yaml() -> str:
    """The built-in shop as a commented YAML example."""
    parts = [_HEADER]
    for line in shop_file.dumps(default_shop()).splitlines():
        key = line.split(":", 1)[0]
        if key in _COMMENTS:
            parts.append(f"\n{_COMMENTS[key]}")
        parts.append(line)
    return "\n".join(parts) + "\n"
