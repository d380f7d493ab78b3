"""What a driver may be told, as a form: made of the driver's own configuration schema, so that a new driver has one at once (EDG-30).

A *node* is one setting: ``name``, ``label``, ``help``, ``kind``, and what its kind needs. Kinds are ``text``, ``integer``,
``decimal``, ``boolean``, ``date``, ``clock``, ``choice``, ``choices`` (several), ``texts`` (one per line), ``range`` (from, to),
``group`` (``fields``), ``variant`` (``tag`` and ``variants``), ``list`` and ``map`` (``item``; a map may have ``keys``), and
``drawn`` (outlines, drawn on a picture). Words come from the catalogue, units from the end of the name, limits from the schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.kernel.i18n import first_text, has_text, t

Node = dict[str, Any]
Schema = Mapping[str, Any]

_UNITS = {
    "s": "s", "ms": "ms", "h": "h", "days": "j", "mb": "Mo", "px": "px", "hz": "Hz", "g": "g", "mm": "mm", "sha256": "", "pct": "%", "kb": "ko", "seconds": "s",
}  # fmt: skip
_DRAWN = frozenset({"zone", "masks", "polygon"})
KEPT_ELSEWHERE = {
    "analyses": "camera", "approved": "machine", "verdicts": "machine", "collision_response": "machine", "compartments": "stock",
    "thresholds": "thresholds",
}  # fmt: skip
"""Settings another page writes, with the reason and the rights it asks for: shown here, never changed here."""


def form(schema: Schema, locale: str = "fr") -> list[Node]:
    """Nodes of a driver's configuration, ``type`` left out."""
    return _Maker(schema, locale).fields(schema)


class _Maker:
    def __init__(self, schema: Schema, locale: str) -> None:
        self._definitions: Mapping[str, Schema] = schema.get("$defs") or {}
        self._locale = locale

    def fields(self, schema: Schema, *, without: frozenset[str] = frozenset({"type"})) -> list[Node]:
        needed = set(schema.get("required") or ())
        owner = str(schema.get("title") or "")
        return [
            self._field(owner, name, part, required=name in needed)
            for name, part in (schema.get("properties") or {}).items()
            if name not in without or self._resolved(part).get("type") == "array"
        ]

    def _field(self, owner: str, name: str, part: Schema, *, required: bool) -> Node:
        nullable, inner = self._unwrapped(part)
        node: Node = {
            "name": name,
            "label": first_text([f"driver.field.{owner}.{name}", f"driver.field.{name}"], self._locale),
            "help": self._help(owner, name),
            "unit": _unit(name),
            "required": required,
            "nullable": nullable,
            "default": part.get("default"),
            "kept_elsewhere": KEPT_ELSEWHERE.get(name),
        }
        return node | self._kind(name, inner)

    def _help(self, owner: str, name: str) -> str:
        for key in (f"driver.help.{owner}.{name}", f"driver.help.{name}"):
            if has_text(key):
                return t(key, self._locale)
        return ""

    def _kind(self, name: str, schema: Schema) -> Node:
        if name in _DRAWN:
            return {"kind": "drawn"}
        if "oneOf" in schema:
            return self._variant(name, schema)
        if "anyOf" in schema:
            return {"kind": "text", "number_too": True}
        options = _options(schema)
        if options is not None:
            return {"kind": "choice", "choices": self._choices(name, options)}
        kinds = {"array": self._array, "object": self._object, "string": self._string}
        maker = kinds.get(str(schema.get("type")))
        if maker is not None:
            return maker(name, schema)
        if schema.get("type") == "boolean":
            return {"kind": "boolean"}
        limits = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        kind = "integer" if schema.get("type") == "integer" else "decimal"
        return {"kind": kind, **{n: schema[n] for n in limits if n in schema}}

    def _string(self, _name: str, schema: Schema) -> Node:
        if schema.get("format") == "date":
            return {"kind": "date"}
        pattern = schema.get("pattern")
        if pattern and "[0-5]\\d" in pattern:
            return {"kind": "clock"}
        return {"kind": "text", "max_length": schema.get("maxLength"), "pattern": pattern}

    def _array(self, name: str, schema: Schema) -> Node:
        if "prefixItems" in schema:
            return {"kind": "range"}
        inner = self._resolved(schema.get("items") or {})
        options = _options(inner)
        if options is not None:
            return {"kind": "choices", "choices": self._choices(name, options)}
        if inner.get("type") == "object":
            item = {"name": "", "kind": "group", "fields": self.fields(inner, without=frozenset())}
            return {"kind": "list", "item": item, "minimum": schema.get("minItems", 0)}
        if name == "days":
            return {"kind": "choices", "choices": self._choices("weekday", range(7))}
        return {"kind": "texts"}

    def _object(self, name: str, schema: Schema) -> Node:
        if schema.get("properties"):
            return {"kind": "group", "fields": self.fields(schema, without=frozenset())}
        patterns = schema.get("patternProperties") or {}
        raw = next(iter(patterns.values()), None) or schema.get("additionalProperties") or {}
        inner = self._resolved(raw if isinstance(raw, Mapping) else {})
        made: Node = {"kind": "map", "item": {"name": "", "nullable": False, **self._kind(name, inner)}}
        keys = (schema.get("propertyNames") or {}).get("enum")
        if keys:
            made["keys"] = self._choices("signal", keys)
        return made

    def _variant(self, name: str, schema: Schema) -> Node:
        tag = str(schema["discriminator"]["propertyName"])
        mapping: Mapping[str, str] = schema["discriminator"]["mapping"]
        variants = [
            {
                "value": value,
                "label": self._choice(name, value),
                "fields": self.fields(self._resolved({"$ref": reference}), without=frozenset({tag})),
            }
            for value, reference in mapping.items()
        ]
        return {"kind": "variant", "tag": tag, "variants": variants}

    def _choices(self, name: str, values: Sequence[Any]) -> list[Node]:
        return [{"value": value, "label": self._choice(name, value)} for value in values]

    def _choice(self, name: str, value: Any) -> str:
        return first_text([f"driver.choice.{name}.{value}", f"driver.choice.{value}"], self._locale)

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._definitions[str(schema["$ref"]).rpartition("/")[2]]
        return schema

    def _unwrapped(self, part: Schema) -> tuple[bool, Schema]:
        """Whether a value may be left out as ``null``, and the schema of the value itself."""
        schema = self._resolved(part)
        several = [self._resolved(one) for one in schema.get("anyOf") or ()]
        rest = [one for one in several if one.get("type") != "null"]
        if len(rest) == 1:
            return True, rest[0]
        return len(rest) < len(several), schema


def _options(schema: Schema) -> Sequence[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return found if isinstance(found, Sequence) else None


def _unit(name: str) -> str:
    last = name.rpartition("_")
    return _UNITS.get(last[2], "") if last[0] or name == "seconds" else ""


# --- errors and changes, in the words of the form ---


def locate(nodes: Sequence[Node], steps: Sequence[Any]) -> tuple[str, Sequence[Node], Node | None]:
    """Where the schema's path of an error stands in the form: path of names and places, the nodes there, and the node itself."""
    path: list[str] = []
    here: Sequence[Node] = nodes
    node: Node | None = None
    for step in steps:
        if node is not None and node["kind"] == "variant":
            here = next((v["fields"] for v in node["variants"] if v["value"] == step), here)
            node = None
            continue
        if node is not None and node["kind"] in {"list", "map"}:
            if step == "[key]":
                continue
            path.append(str(step))
            node = node["item"]
            here = node.get("fields") or []
            if node["kind"] == "group":
                node = None
            continue
        found = next((one for one in here if one["name"] == step), None)
        if found is None:
            return ".".join([*path, *([] if node else [str(step)])]), here, node
        path.append(str(step))
        node = found
        if found["kind"] == "group":
            here, node = found["fields"], None
    return ".".join(path), here, node


def _place(node: Node, step: Any) -> str:
    if node["kind"] == "list":
        return str(int(step) + 1)
    return next((str(k["label"]) for k in node.get("keys") or () if k["value"] == step), str(step))


def in_words(text: str, nodes: Sequence[Node]) -> str:
    """A sentence of a driver with the names of settings as the form calls them."""
    labels = {str(node["name"]): str(node["label"]) for node in nodes}
    return re.sub(r"\b[a-z][a-z0-9_]*\b", lambda m: f"« {labels[m[0]]} »" if m[0] in labels else m[0], text)


def shown(node: Node | None, value: Any, locale: str = "fr") -> str:
    """A value as the form says it."""
    if value is None or value in ((), [], {}, ""):
        return "—"
    if isinstance(value, bool):
        return t("driver.yes" if value else "driver.no", locale)
    kind = node["kind"] if node else ""
    if node is not None and kind in {"choice", "choices"}:
        labels = {c["value"]: c["label"] for c in node["choices"]}
        several = value if isinstance(value, list | tuple) else [value]
        return ", ".join(str(labels.get(one, one)) for one in several)
    if kind == "drawn":
        return t("driver.drawn", locale)
    if kind == "range" and isinstance(value, list | tuple):
        return " – ".join(_number(one, locale) for one in value)
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    unit = node.get("unit") if node else ""
    return _number(value, locale) + (f" {unit}" if unit else "")


def _number(value: Any, locale: str) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace(".", ",") if isinstance(value, float) and locale == "fr" else text


def changes(nodes: Sequence[Node], before: Any, after: Any, locale: str = "fr") -> list[dict[str, str]]:
    """What differs between two configurations of a driver, setting by setting."""
    old, new = flat(nodes, before, locale), flat(nodes, after, locale)
    return [
        {"path": path, "label": (new.get(path) or old[path])[0], "before": _side(old, path), "after": _side(new, path)}
        for path in dict.fromkeys([*old, *new])
        if _side(old, path) != _side(new, path)
    ]  # fmt: skip


def _side(found: Mapping[str, tuple[str, str]], path: str) -> str:
    return found[path][1] if path in found else "—"


def flat(
    nodes: Sequence[Node], values: Any, locale: str = "fr", path: str = "", head: str = ""
) -> dict[str, tuple[str, str]]:
    """Every value of a configuration by its path, with its label and how it is shown."""
    found: dict[str, tuple[str, str]] = {}
    for node in nodes:
        if isinstance(values, Mapping) and node["name"] in values:
            name, label = f"{path}{node['name']}", f"{head}{node['label']}"
            found |= _flat_value(node, values[node["name"]], locale, name, label)
    return found


def _flat_value(node: Node, value: Any, locale: str, path: str, label: str) -> dict[str, tuple[str, str]]:
    inside = f"{label} › "
    kind = node["kind"]
    if kind == "group" and isinstance(value, Mapping):
        return flat(node["fields"], value, locale, f"{path}.", inside)
    if kind == "variant" and isinstance(value, Mapping):
        chosen = next((v for v in node["variants"] if v["value"] == value.get(node["tag"])), None)
        if chosen is not None:
            rest = flat(chosen["fields"], value, locale, f"{path}.", inside)
            return {f"{path}.{node['tag']}": (label, str(chosen["label"]))} | rest
    if kind == "list" and isinstance(value, list | tuple):
        places: list[tuple[Any, Any]] = list(enumerate(value))
    elif kind == "map" and isinstance(value, Mapping):
        places = list(value.items())
    else:
        return {path: (label, shown(node, value, locale))}
    found: dict[str, tuple[str, str]] = {}
    for step, one in places:
        found |= _flat_value(node["item"], one, locale, f"{path}.{step}", f"{inside}{_place(node, step)}")
    return found
