"""Price and delay on a supplier's product page: schema.org data (JSON-LD, microdata) or the usual meta tags. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from typing import Any

_META = ("product:price:amount", "og:price:amount", "price")


@dataclass(frozen=True)
class PageOffer:
    """What a page says of an article."""

    price: Decimal
    currency: str | None = None
    availability: str | None = None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.values: dict[str, str] = {}
        self._in_script = False
        self._property = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._in_script = tag == "script" and "ld+json" in found.get("type", "")
        if self._in_script:
            self.scripts.append("")
        name = found.get("itemprop") or found.get("property") or found.get("name") or ""
        if found.get("content") and name:
            self.values.setdefault(name.lower(), found["content"])
        self._property = name.lower() if name and not found.get("content") else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data
        elif self._property and data.strip():
            self.values.setdefault(self._property, data.strip())
            self._property = ""


def read_offer(page: str) -> PageOffer | None:
    """Offer of a product page; ``None`` where the page says none in a known way."""
    reader = _Reader()
    reader.feed(page)
    for script in reader.scripts:
        try:
            offers = list(_offers(json.loads(script)))
        except (ValueError, RecursionError):
            continue
        for offer in offers:
            price = _price(offer.get("price") or offer.get("lowPrice"))
            if price is not None:
                words = str(offer.get("availability") or "").rsplit("/", 1)[-1] or None
                return PageOffer(price, offer.get("priceCurrency"), words)
    for name in _META:
        price = _price(reader.values.get(name))
        if price is not None:
            return PageOffer(
                price, reader.values.get("pricecurrency") or reader.values.get("product:price:currency")
            )
    return None


def _offers(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        for one in data:
            yield from _offers(one)
    elif isinstance(data, dict):
        kinds = data.get("@type")
        names = kinds if isinstance(kinds, list) else [kinds]
        if any(k in {"Offer", "AggregateOffer"} for k in names):
            yield data
        for name in ("offers", "@graph", "mainEntity", "itemOffered"):
            yield from _offers(data.get(name))


def _price(value: Any) -> Decimal | None:
    if value is None:
        return None
    plain = re.sub(r"[^\d,.]", "", str(value))
    if "," in plain and "." in plain:
        thousands = "," if plain.rfind(".") > plain.rfind(",") else "."
        plain = plain.replace(thousands, "")
    try:
        price = Decimal(plain.replace(",", "."))
    except InvalidOperation:
        return None
    return price if 0 < price < 10**9 else None
