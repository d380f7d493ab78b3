"""Tool catalogues of suppliers in their many shapes, and prices read from their sites."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.models import Task
from coordinator.modules.catalogue.engine.price_page import read_offer
from coordinator.modules.catalogue.engine.tool_catalogue import CatalogueError, kind_of, read_catalogue
from coordinator.modules.catalogue.models import SupplierItem
from coordinator.modules.parties.models import Supplier, SupplierCatalogue
from tests.conftest import master, person
from tests.factories import make

Api = Callable[..., Any]

CSV_FR = "Référence;Désignation;Marque;DC;OAL;APMX;NOF;Prix;Délai\nF-0800;Fraise carbure 4 dents;Dorme;8;63;19;4;31,50 €;3\nF-1000;Foret HSS;Dorme;10;133;87;;8,20;\n"
CSV_EN = "order code,description,manufacturer,DC,LU,TMC1ISO,unit price\nA12,Solid carbide drill,Toolco,12.5,60,P M K,77.10\n"
XML_ATTRIBUTES = """<catalog><tool reference="R-6"><name>Tap M6</name><property code="TP" value="1"/><property code="DC" value="6"/>
  <property code="TDZ" value="M6"/></tool></catalog>"""
XML_ELEMENTS = """<?xml version="1.0"?><p:Products xmlns:p="urn:x"><p:Product><p:ProductID>E-16</p:ProductID>
  <p:Description>End mill</p:Description><p:Properties>
  <p:Property><p:ShortName>DC</p:ShortName><p:Value>16</p:Value><p:Unit>mm</p:Unit></p:Property>
  <p:Property><p:ShortName>NOF</p:ShortName><p:Value>4</p:Value></p:Property></p:Properties></p:Product>
  <p:Product><p:ProductID>E-20</p:ProductID><p:Description>End mill</p:Description><p:Properties>
  <p:Property><p:ShortName>DC</p:ShortName><p:Value>20</p:Value></p:Property>
  <p:Property><p:ShortName>RE</p:ShortName><p:Value>0,5</p:Value></p:Property></p:Properties></p:Product></p:Products>"""
XML_TAGS = "<items><item id='T1'><DC>4</DC><OAL>50</OAL><type>reamer</type></item></items>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CSV_FR, {"F-0800": ("end_mill", 8.0), "F-1000": ("drill", 10.0)}),
        (CSV_EN, {"A12": ("drill", 12.5)}),
        (XML_ATTRIBUTES, {"R-6": ("tap", 6.0)}),
        (XML_ELEMENTS, {"E-16": ("end_mill", 16.0), "E-20": ("end_mill", 20.0)}),
        (XML_TAGS, {"T1": ("reamer", 4.0)}),
    ],
)
def test_articles_are_read_whatever_the_shape(text: str, expected: dict[str, tuple[str, float]]) -> None:
    found = read_catalogue(text.encode(), "catalogue")
    assert {x.reference: (x.tool_type, x.properties["DC"]) for x in found.tools} == expected


def test_prices_delays_and_older_encodings() -> None:
    first = read_catalogue(CSV_FR.encode("cp1252", errors="replace"), "c.csv").tools[0]
    assert (first.price, first.lead_time_days, first.manufacturer, first.properties["NOF"]) == (
        Decimal("31.50"),
        3,
        "Dorme",
        4.0,
    )


def test_a_number_without_measure_is_left_out() -> None:
    text = "reference;description;price;lead time\nF-1;Foret;1e999999999;1e999999999\n"
    tool = read_catalogue(text.encode(), "c.csv").tools[0]
    assert (tool.price, tool.lead_time_days) == (None, None)


def test_a_package_joins_its_files_and_says_what_it_could_not_read() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("product_data_files/a.xml", XML_ELEMENTS)
        archive.writestr("product_data_files/b.xml", XML_ATTRIBUTES)
        archive.writestr("prices.csv", "reference;description;price\nE-16;Fraise 16;54,00\n")
        archive.writestr("broken.xml", "<a><b></a>")
        archive.writestr("drawing.stp", "ISO-10303-21;")
    found = read_catalogue(packed.getvalue(), "paquet.zip")
    assert {x.reference for x in found.tools} == {"E-16", "E-20", "R-6"}
    mill = next(x for x in found.tools if x.reference == "E-16")
    assert (mill.price, mill.properties["DC"]) == (Decimal("54.00"), 16.0)
    assert found.faults == (("broken.xml", "not_a_catalogue"),)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "unsafe_xml"),
        (b"<!--" + b"x" * 30_000 + b"--><!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "unsafe_xml"),
        ("\ufeff<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>".encode("utf-16-le"), "not_a_catalogue"),
        (b"<a>" * 5000 + b"</a>" * 5000, "not_a_catalogue"),
        (b'reference;price\nA;"' + b"x" * 200_000, "not_a_catalogue"),
        (b"PK\x03\x04nonsense", "bad_zip"),
        (b"\x00\x01\x02\x03", "not_a_catalogue"),
        (b"<a><b>", "not_a_catalogue"),
        (b"<a><b>1</b></a>", "no_article"),
        (b"bonjour", "not_a_catalogue"),
    ],
)
def test_what_is_no_catalogue_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(CatalogueError) as error:
        read_catalogue(data, "x")
    assert error.value.code == code


def test_kinds_in_three_languages() -> None:
    words = (
        "Taraud machine M8",
        "Spiralbohrer VHM",
        "indexable insert",
        "Alésoir H7",
        "Porte-outil HSK",
        "vis",
    )
    assert [kind_of(w) for w in words] == ["tap", "drill", "insert", "reamer", "holder", None]


@pytest.mark.requirement("STK-36")
def test_an_imported_catalogue_is_searched_and_read_again_without_doubling(api: Api, ctx: Context) -> None:
    supplier = make(ctx, Supplier)
    catalogue = ctx.add(SupplierCatalogue(supplier_id=supplier.id, name="2026", kind="feed"))
    client = api(person("purchasing:read", "purchasing:update", "tools:read"))
    url = f"/api/v1/supplier-catalogues/{catalogue.id}/tools"
    answers = [
        client.post(url, files={"file": ("c.csv", CSV_FR.encode(), "text/csv")}).json() for _ in range(2)
    ]
    assert [(a["created"], a["updated"]) for a in answers] == [(2, 0), (0, 2)]
    found = client.post("/api/v1/stock/tools/search", json={"tool_type": "drill", "diameter_mm": 10}).json()[
        "items"
    ]
    assert [(f["source"], "F-1000" in f["display"]) for f in found] == [("catalogue", True)]
    refused = client.post(url, files={"file": ("c.csv", b"rien", "text/csv")})
    assert (refused.status_code, refused.json()["code"]) == (400, "catalogue.not_a_catalogue")
    assert (
        api(person("purchasing:read")).post(url, files={"file": ("c.csv", b"x", "text/csv")}).status_code
        == 403
    )


PAGES = {
    "/json": '<script type="application/ld+json">{"@type":"Product","offers":{"@type":"Offer","price":"41.90","priceCurrency":"EUR",'
    '"availability":"https://schema.org/InStock"}}</script>',
    "/meta": '<meta property="product:price:amount" content="1 234,50"><meta property="product:price:currency" content="EUR">',
    "/micro": '<span itemprop="price">12,30 €</span>',
    "/new": "<h1>Notre nouveau site</h1>",
    "/dollars": '<script type="application/ld+json">{"@type":"Offer","price":9,"priceCurrency":"USD"}</script>',
}


@pytest.mark.parametrize(
    ("path", "price"), [("/json", "41.90"), ("/meta", "1234.50"), ("/micro", "12.30"), ("/new", None)]
)
def test_offers_of_pages(path: str, price: str | None) -> None:
    offer = read_offer(PAGES[path])
    assert (offer.price if offer else None) == (Decimal(price) if price else None)


@pytest.fixture
def site() -> Iterator[str]:
    """A supplier's site on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = PAGES.get(self.path)
            self.send_response(200 if page else 503)
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.requirement("STK-52")
def test_a_silent_or_changed_site_leaves_the_last_price_with_its_date_and_asks(
    api: Api, ctx: Context, site: str
) -> None:
    supplier = make(ctx, Supplier, website=site)
    article = make(
        ctx,
        SupplierItem,
        supplier_id=supplier.id,
        supplier_reference="Z1",
        source_url=f"{site}/json",
        currency="EUR",
    )
    client = api(master())
    url = f"/api/v1/supplier-items/{article.id}/refresh"
    assert client.post(url, json={}).json()["result"] == {"outcome": "ok", "price": "41.9000"}
    ctx.session.expire_all()
    read_at = article.fetched_at
    for path, outcome in (("/new", "changed"), ("/dollars", "changed"), ("/gone", "unreachable")):
        article.source_url = f"{site}{path}"
        ctx.session.flush()
        result = client.post(url, json={}).json()["result"]
        ctx.session.expire_all()
        assert (result["outcome"], article.price, article.fetched_at) == (outcome, Decimal("41.90"), read_at)
        assert f"{read_at:%d/%m/%Y}" in result["message"]
    tasks = ctx.session.scalars(select(Task).where(Task.kind == "purchasing.enter_price")).all()
    assert [t.role_code for t in tasks] == ["purchasing"], "asked once a day"
    article.source_url = "http://ailleurs.example/prix"
    ctx.session.flush()
    assert client.post(url, json={}).json()["code"] == "supplier_item.foreign_page"
