"""Steps 1 and 2: the company exists, its people and things are entered, the stations join."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

import pyotp

from infra.demo.client import Person, Record
from infra.demo.stations import MACHINE_CODE, StationUnit
from infra.demo.story.selling import prepare_plans
from infra.demo.story.telling import Story, expect

SITE = "ATELIER"
OWNER_EMAIL = "direction@atelier.example"

PEOPLE: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "estimator": ("Claire", "Devaux", ("estimator", "sales")),
    "methods": ("Hugo", "Marchal", ("methods_manager",)),
    "production": ("Nadia", "Benali", ("production_manager",)),
    "storekeeper": ("Paul", "Rivière", ("storekeeper",)),
    "purchasing": ("Inès", "Caron", ("purchasing",)),
    "quality": ("Sophie", "Lemaire", ("quality_manager",)),
    "operator": ("Karim", "Haddad", ("operator",)),
    "operator2": ("Julie", "Perrin", ("operator",)),
}
"""Key in the story → first name, last name, roles."""

PIN = {"operator": "482913", "operator2": "730264"}

MACHINES: tuple[dict[str, Any], ...] = (
    {"code": "SC-300", "name": "Scie à ruban", "machine_type": "saw", "bar_capacity_mm": 300, "spindle_power_kw": 3,
     "operations": ("cutting",)},
    {"code": MACHINE_CODE, "name": "Tour CN", "machine_type": "lathe", "axis_count": 2, "bar_capacity_mm": 65,
     "max_turning_diameter_mm": 250, "travel_x_mm": 200, "travel_z_mm": 600, "max_spindle_rpm": 4500, "spindle_power_kw": 15,
     "spindle_torque_nm": 300, "tool_slots": 12, "max_feed_mm_min": 10000, "cnc_controller": "OPC UA 40501", "operations": ("turning", "drilling")},
    {"code": "CU-500", "name": "Centre d'usinage 3 axes", "machine_type": "machining_centre", "axis_count": 3,
     "travel_x_mm": 800, "travel_y_mm": 500, "travel_z_mm": 500, "table_length_mm": 1000, "table_width_mm": 500,
     "table_load_kg": 500, "max_spindle_rpm": 12000, "spindle_power_kw": 15, "spindle_torque_nm": 90, "tool_slots": 30,
     "max_feed_mm_min": 15000, "operations": ("milling", "drilling")},
    {"code": "CU-501", "name": "Centre d'usinage 4 axes", "machine_type": "machining_centre", "axis_count": 4,
     "travel_x_mm": 700, "travel_y_mm": 450, "travel_z_mm": 450, "table_length_mm": 900, "table_width_mm": 450,
     "table_load_kg": 400, "max_spindle_rpm": 10000, "spindle_power_kw": 11, "spindle_torque_nm": 80, "tool_slots": 24,
     "max_feed_mm_min": 12000, "operations": ("milling", "drilling")},
    {"code": "MMT-1", "name": "Poste de contrôle", "machine_type": "inspection", "operations": ("inspection",)},
    {"code": "EB-1", "name": "Poste d'ébavurage", "machine_type": "other",
     "operations": ("deburring", "washing", "marking", "packaging")},
)  # fmt: skip

RATES = (
    ("machine_hour", "saw", "38"), ("machine_hour", "lathe", "68"), ("machine_hour", "machining_centre", "74"),
    ("machine_hour", "inspection", "45"), ("machine_hour", "other", "35"), ("machine_hour", None, "60"),
    ("setup_hour", None, "52"), ("labour_hour", None, "46"), ("programming", None, "62"), ("methods", None, "58"),
    ("inspection", None, "52"), ("logistics", None, "42"),
)  # fmt: skip

TOOLS: tuple[dict[str, Any], ...] = (
    {"code": "OUTIL-01", "name": "Fraise carbure 10 mm Z4", "tool_type": "end_mill", "diameter_mm": 10, "length_mm": 72,
     "cutting_length_mm": 22, "teeth_count": 4, "grade": "carbure", "iso513_groups": "P,M,K,N,S"},
    {"code": "OUTIL-02", "name": "Fraise carbure 6 mm Z3", "tool_type": "end_mill", "diameter_mm": 6, "length_mm": 57,
     "cutting_length_mm": 13, "teeth_count": 3, "grade": "carbure", "iso513_groups": "P,M,K,N,S"},
    {"code": "OUTIL-03", "name": "Foret carbure 5 mm", "tool_type": "drill", "diameter_mm": 5, "length_mm": 82,
     "cutting_length_mm": 44, "teeth_count": 2, "point_angle_deg": 140, "grade": "carbure", "iso513_groups": "P,M,K,N"},
    {"code": "OUTIL-04", "name": "Foret carbure 8,5 mm", "tool_type": "drill", "diameter_mm": "8.5", "length_mm": 103,
     "cutting_length_mm": 61, "teeth_count": 2, "point_angle_deg": 140, "grade": "carbure", "iso513_groups": "P,M,K,N"},
    {"code": "OUTIL-05", "name": "Fraise à surfacer 50 mm", "tool_type": "face_mill", "diameter_mm": 50, "length_mm": 50,
     "cutting_length_mm": 8, "teeth_count": 5, "grade": "carbure", "iso513_groups": "P,M,K,N"},
    {"code": "OUTIL-06", "name": "Taraud M6", "tool_type": "tap", "diameter_mm": 6, "thread_pitch_mm": 1, "length_mm": 80,
     "cutting_length_mm": 20, "teeth_count": 3, "grade": "HSS-E", "iso513_groups": "P,M,N"},
    {"code": "OUTIL-07", "name": "Alésoir 10 H7", "tool_type": "reamer", "diameter_mm": 10, "length_mm": 120,
     "cutting_length_mm": 40, "teeth_count": 6, "grade": "carbure", "iso513_groups": "P,M,K,N"},
)  # fmt: skip

BAR_LENGTH_MM = 3000


def set_up(story: Story) -> str:
    """Install the company through its first-start page, then enter people, machines, tools and material."""
    prepare_plans(story)
    owner = found_company(story)
    _machines(story, owner)
    _people(story, owner)
    _stock(story, owner)
    sql = story.workshop.value
    counted = {
        "machines": sql("SELECT count(*) FROM machine"), "tools": sql("SELECT count(*) FROM tool"),
        "people": sql("SELECT count(*) FROM user_account WHERE is_active"),
        "lots": sql("SELECT count(*) FROM stock_lot WHERE status = 'released' AND is_certified"),
        "rates": sql("SELECT count(*) FROM rate_card_line"),
    }  # fmt: skip
    expect(
        counted["machines"] == len(MACHINES),
        f"{counted['machines']} machines en base au lieu de {len(MACHINES)}",
    )
    expect(counted["tools"] == len(TOOLS), f"{counted['tools']} outils en base au lieu de {len(TOOLS)}")
    expect(
        counted["people"] == len(PEOPLE) + 1,
        f"{counted['people']} comptes actifs au lieu de {len(PEOPLE) + 1}",
    )
    expect(counted["lots"] == 2, f"{counted['lots']} lots certifiés et libérés au lieu de 2")
    rates = len(RATES) + counted["lots"] + 2
    expect(counted["rates"] == rates, f"{counted['rates']} taux au lieu de {rates}")
    return (
        f"{counted['people']} comptes, {counted['machines']} machines, {counted['tools']} outils, "
        f"{counted['lots']} lots matière certifiés, {counted['rates']} taux horaires"
    )


def _password() -> str:
    return f"Copeau-{secrets.token_hex(5)}"


def found_company(story: Story) -> Person:
    secret, password = pyotp.random_base32(), _password()
    rates = [
        {"kind": kind, "rate": rate, "unit": "€/h", **({"machine_type": machine} if machine else {})}
        for kind, machine, rate in RATES
    ]
    description = {
        "company": {
            "legal_name": "Mécanique du Val", "legal_form": "SAS", "share_capital": "50000", "siren": "732829320",
            "rcs_number": "732 829 320", "rcs_city": "Lyon", "street": "12 rue des Tourneurs", "postal_code": "69007",
            "city": "Lyon", "country": "FR", "phone": "+33 4 72 00 00 00", "email": "contact@atelier.example",
            "iban": "FR1420041010050500013M02606", "bic": "PSSTFRPPLYO", "sectors": ["aerospace", "medical"],
        },
        "master": {
            "first_name": "Marie", "last_name": "Valette", "email": OWNER_EMAIL, "password": password, "totp_secret": secret,
        },
        "trades": {"activities": ["machining", "turning", "milling"], "main": "machining"},
        "certifications": [{"standard": "EN 9100", "status": "target"}],
        "calendars": [{
            "code": "JOUR", "name": "Journée, 7 jours sur 7", "is_default": True,
            "shifts": [{"weekdays": [1, 2, 3, 4, 5, 6, 7], "start": "00:00", "end": "23:59"}],
        }],
        "sites": [{
            "code": SITE, "name": "Atelier de Lyon", "siret": "73282932000074", "street": "12 rue des Tourneurs",
            "postal_code": "69007", "city": "Lyon", "calendar": "JOUR", "is_default": True,
            "workshops": [{"code": "USI", "name": "Usinage", "calendar": "JOUR"}],
        }],
        "rates": rates,
    }  # fmt: skip
    visitor = Person(story.workshop.api_url, OWNER_EMAIL, password, totp_secret=secret)
    visitor.call("POST", "/setup", json=description)
    expect(visitor.call("GET", "/setup")["is_set_up"], "L'installation n'est pas enregistrée.")
    visitor.sign_in()
    story.people["owner"] = visitor
    return visitor


def _people(story: Story, owner: Person) -> None:
    for key, (first, last, roles) in PEOPLE.items():
        email = f"{first}.{last}@atelier.example".lower().translate(str.maketrans("éèï", "eei"))
        first_password = _password()
        pin = _employed(story, owner, key, first, last) | {"pin": PIN[key]} if key in PIN else {}
        user = owner.create(
            "users",
            first_name=first,
            last_name=last,
            email=email,
            password=first_password,
            roles=list(roles),
            **pin,
        )
        story.facts[f"{key}.user"] = user
        if key in PIN:
            badge = owner.act("users", user["id"], "issue_badge")["result"]["content"]
            story.facts[f"{key}.badge"] = badge
            story.facts[f"{key}.name"] = f"{first} {last}"
        person = Person(story.workshop.api_url, email, first_password)
        person.sign_in(new_password=_password())
        story.people[key] = person


def _employed(story: Story, owner: Person, key: str, first: str, last: str) -> dict[str, Any]:
    """The person as an employee, so that the plan counts on him."""
    number = f"E{len(story.facts):04d}"
    employee = owner.create(
        "employees",
        number=number,
        first_name=first,
        last_name=last,
        hired_on="2021-03-01",
        hourly_cost="31.50",
    )
    story.facts[f"{key}.employee"] = employee
    return {"employee_id": employee["id"]}


def _machines(story: Story, owner: Person) -> None:
    site = owner.one("sites", code=SITE)
    workshop = owner.one("workshops", code="USI")
    for values in MACHINES:
        fields = {name: value for name, value in values.items() if name != "operations"}
        machine = owner.create("machines", **fields, site_id=site["id"], workshop_id=workshop["id"])
        for operation in values["operations"]:
            owner.create("machine-capabilities", machine_id=machine["id"], operation_type=operation)
        story.facts[f"machine.{values['code']}"] = machine


def _stock(story: Story, owner: Person) -> None:
    supplier = owner.create(
        "suppliers", name="Aciers et Outillage Rhône", kinds=["material", "cutting_tools"], lead_time_days=3
    )
    story.facts["supplier"] = supplier
    keeper = story.who("storekeeper")
    for number, values in enumerate(TOOLS, 1):
        place = owner.create(
            "storage-locations", code=f"A-{number:02d}", name=f"Armoire A, case {number}", kind="compartment"
        )
        keeper.act("storage-locations", place["id"], "set_vision_mode", mode="review")
        tool = owner.create(
            "tools", **values, item_kind="tool", unit="pce", unit_cost=str(38 + number), alert_threshold=1, critical_level=0,
            reorder_qty=2, lead_time_days=3, is_consumable=False,
        )  # fmt: skip
        owner.create(
            "location-items", storage_location_id=place["id"], stock_item_id=tool["id"], is_main=True
        )
        owner.create(
            "supplier-items", supplier_id=supplier["id"], stock_item_id=tool["id"], supplier_reference=f"AOR-{values['code']}",
            price="41.50", lead_time_days=3, is_preferred=True,
        )  # fmt: skip
        keeper.act("tools", tool["id"], "receive", quantity=1, location_id=place["id"])
        story.facts[f"tool.{values['code']}"] = tool
        story.facts[f"place.A-{number:02d}"] = place
    _inserts(story, owner)
    _material(story, owner, supplier)


def _inserts(story: Story, owner: Person) -> None:
    place = owner.create("storage-locations", code="A-08", name="Armoire A, case 8", kind="compartment")
    keeper = story.who("storekeeper")
    keeper.act("storage-locations", place["id"], "set_vision_mode", mode="review")
    insert = owner.create(
        "stock-items", code="PLAQUETTE", name="Plaquette CNMG 120408", item_kind="insert", unit="pce", is_consumable=True,
        unit_cost="7.80", alert_threshold=3, critical_level=1, reorder_qty=10,
    )  # fmt: skip
    owner.create("location-items", storage_location_id=place["id"], stock_item_id=insert["id"], is_main=True)
    keeper.act("stock-items", insert["id"], "receive", quantity=5, location_id=place["id"])
    story.facts["insert"], story.facts["place.A-08"] = insert, place


def _material(story: Story, owner: Person, supplier: Record) -> None:
    """Two certified lots of round bar: unalloyed steel and aluminium, each with its inspection certificate."""
    keeper = story.who("storekeeper")
    rack = owner.create("storage-locations", code="R-BARRES", name="Rack à barres", kind="rack")
    story.facts["rack"] = rack
    card = owner.list("rate-cards")[0]
    day = dt.datetime.now(dt.UTC).date().isoformat()
    for values in (
        {"kind": "treatment", "rate": "3.20", "unit": "€/kg"},
        {"kind": "fixed_fee", "treatment": "certificate", "rate": "35", "unit": "€/lot"},
    ):
        owner.create("rate-card-lines", rate_card_id=card["id"], valid_from=day, **values)
    for designation, diameter, bars, heat, price in (
        ("C45", 60, 4, "H48213", "1.95"), ("6082", 80, 2, "A77120", "5.40"),
    ):  # fmt: skip
        material = find_material(owner, designation)
        owner.create(
            "rate-card-lines", rate_card_id=card["id"], kind="material", material_id=material["id"], rate=price, unit="€/kg",
            valid_from=day,
        )  # fmt: skip
        received = keeper.act(
            "materials", material["id"], "receive", quantity=BAR_LENGTH_MM, unit="mm", location_id=rack["id"], is_certified=True,
            heat_number=heat, supplier_id=supplier["id"], supplier_lot=f"AOR-{heat}", delivery_note="BL-2211", shape="round",
            diameter_mm=diameter, bar_count=bars, unit_cost="0.0145",
        )["result"]  # fmt: skip
        lot_id = received["stock_lot_id"]
        lot = keeper.act(
            "stock-lots", lot_id, "attach_certificate", certificate_type="3.1", certificate_number=f"C-{heat}", heat_number=heat,
            norm="EN 10204", certificate_date=dt.date(2026, 9, 14).isoformat(),
        )["record"]  # fmt: skip
        owner.act("stock-lots", lot_id, "verify_certificate")
        lot = owner.act("stock-lots", lot_id, "release")["record"]
        expect(
            lot["status"] == "released",
            f"Le lot {lot['lot_number']} reste {lot['status']} après vérification.",
        )
        story.facts[f"material.{designation}"] = material
        story.facts[f"lot.{designation}"] = lot
        story.facts[f"bars.{designation}"] = received


def find_material(person: Person, designation: str) -> Record:
    """Material of the catalogue by a designation a person writes."""
    found = person.list("materials", q=designation)
    exact = [
        m for m in found if designation in (m.get("en_designation"), m.get("afnor_designation"), m["code"])
    ]
    expect(exact or found, f"La matière {designation} manque au catalogue.")
    return (exact or found)[0]


# stations -------------------------------------------------------------------------------------------------


def admit_stations(story: Story) -> str:
    """Each station asks for admission with the code on its screen; it is approved, configured and healthy."""
    owner, units = story.who("owner"), story.workshop.stations
    for unit in units.values():
        unit.service.start()
    for unit in units.values():
        admit(story, owner, unit)
    for unit in units.values():
        answer = owner.act("stations", unit.station_id, "set_config", config=unit.config)
        expect(answer["result"]["version_no"] == 1, f"{unit.name} : première configuration mal numérotée.")
    for unit in units.values():
        _wait_healthy(story, unit)
    return "; ".join(f"{u.name} = {u.code}, configuration 1 appliquée, en ligne" for u in units.values())


def admit(story: Story, owner: Person, unit: StationUnit) -> None:
    code = story.eventually(unit.claim_code, f"{unit.name} n'affiche pas de code", timeout_s=60)
    claim = owner.one("station-claims", claim_code=code)
    wrong = "AAAAAAAA" if code != "AAAAAAAA" else "BBBBBBBB"
    arguments = {"name": unit.name, "kind": unit.kind, "site_code": SITE, "station_code": f"st-{unit.key}"}
    try:
        owner.act("station-claims", claim["id"], "approve", claim_code=wrong, **arguments)
    except Exception as error:
        expect("station.wrong_claim_code" in str(error), f"Un mauvais code donne une autre erreur : {error}")
    else:
        expect(False, f"{unit.name} a été admise avec un mauvais code.")
    result = owner.act("station-claims", claim["id"], "approve", claim_code=code, **arguments)["result"]
    unit.station_id, unit.code = result["station_id"], result["station_code"]


def _wait_healthy(story: Story, unit: StationUnit) -> None:
    query = "SELECT status, config_version, health, last_contact_at FROM station WHERE id = %s"

    def healthy() -> bool:
        unit.service.require_running()
        status, version, health, contact = story.workshop.rows(query, unit.station_id)[0]
        return status == "online" and version == 1 and bool(health) and contact is not None

    def state() -> str:
        return str(story.workshop.rows(query, unit.station_id)[0])[:400]

    try:
        story.eventually(healthy, f"{unit.name} n'est pas en bonne santé", timeout_s=60)
    except Exception as error:
        expect(False, f"{error} ; dernier état : {state()}")
