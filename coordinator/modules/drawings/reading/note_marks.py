"""Marks in the words of a sheet which change how a part is made, checked or kept: quality, secrecy, certificates (DRW-27, DRW-28).

A hit only proposes; a person ticks or unticks it. Patterns ask for the context which makes a word mean this and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Criticality = Literal["standard", "sensitive", "critical", "aerospace", "military", "armament"]


@dataclass(frozen=True)
class NoteMark:
    """One hit: stable code, kind of note, proposed criticality, the words found."""

    code: str
    kind: str
    criticality: Criticality
    words: str

    @property
    def restricts_access(self) -> bool:
        """True for secrecy and export-control marks: the drawing is limited to named users (DRW-28)."""
        return self.kind == "secrecy"


@dataclass(frozen=True)
class _Rule:
    code: str
    kind: str
    criticality: Criticality
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None = None


def _rule(
    code: str,
    kind: str,
    criticality: Criticality,
    pattern: str,
    unless: str | None = None,
    *,
    case: bool = False,
) -> _Rule:
    flags = 0 if case else re.IGNORECASE
    return _Rule(
        code,
        kind,
        criticality,
        re.compile(pattern, flags),
        re.compile(unless, re.IGNORECASE) if unless else None,
    )


_RULES = (
    _rule("itar", "secrecy", "military", r"\bITAR\b|international traffic in arms|22\s?CFR\s?1[23]\d", case=False),
    _rule("ear", "secrecy", "military", r"(?-i:\bEAR\b)(?=.{0,40}(?:control|restrict|export|subject|§|15\s?CFR))|(?:export|subject to(?: the)?|controlled (?:by|under)(?: the)?|under(?: the)?)\s+EAR\b|\bEAR\s?99\b|export administration regulations|\bECCN\b|\bEAR\s?7[37]\d\b"),
    _rule("export_control", "secrecy", "military", r"export[\s-]?control(?:led)?|contr[ôo]le (?:des|à l['’])\s?exportation|biens? (?:à )?double usage|dual[\s-]use (?:item|good)|ausfuhrgenehmigung|exportkontroll|\bCUI\b|controlled unclassified"),
    _rule("restricted", "secrecy", "military", r"diffusion\s+restreinte|\bNATO\s+(?:RESTRICTED|CONFIDENTIAL|SECRET)|\bOTAN\s+(?:DIFFUSION|CONFIDENTIEL|SECRET)|sp[ée]cial\s+france|NUR\s+F[ÜU]R\s+DEN\s+DIENSTGEBRAUCH|\bVS[\s-]NfD\b|RESTREINT\s+UE|EU\s+RESTRICTED"),
    _rule("secret", "secrecy", "military", r"\btr[èe]s\s+secret\b|secret[\s-]+d[ée]fense|\bsecret\s+(?:otan|industriel)|\btop secret\b|^\W*secret\W*$|confidentiel[\s-]+d[ée]fense|streng geheim|^\W*geheim\W*$"),
    _rule("confidential", "secrecy", "sensitive", r"\bconfidentiel(?:le)?\b|\bconfidential\b|\bvertraulich\b|company secret", r"proprietary|propri[ée]t|property|eigentum|copyright|all rights|tous droits|ISO\s?16016|reproduction|reproduced|disclosed|communiqu"),
    _rule("en9100", "quality_standard", "aerospace", r"\b(?:EN|AS|JISQ|NF\s?EN|ISO)\s?-?\s?91(?:00|10|20)\b"),
    _rule("aerospace", "quality_standard", "aerospace", r"\ba[ée]ronautique\b|\baerospace\b"),
    _rule("military", "quality_standard", "military", r"\bSTANAG\b|\bmilitary\b|\bmilitaire\b"),
    _rule("nadcap", "quality_standard", "aerospace", r"\bNADCAP\b"),
    _rule("first_article", "quality_standard", "aerospace", r"\b(?:EN|AS)\s?9102\b|first article|\bFAI\b|premier article|dossier premier article|\bDVI\b|erstmuster(?:pr[üu]f)?|\bPPAP\b"),
    _rule("safety_part", "safety", "critical", r"flight[\s-]?safety|safety[\s-]critical|pi[èe]ce (?:de s[ée]curit[ée]|vitale|critique)|critical (?:part|item|characteristic)|caract[ée]ristiques? (?:critique|cl[ée])s?|key characteristic|cote(?:s)? critique|sicherheitsteil|sicherheitsrelevant|dokumentationspflichtig"),
    _rule("armament", "safety", "armament", r"mat[ée]riel de guerre|\bcat[ée]gorie\s+A2?\b.*arme|\barmement\b|\bmunition|ordnance|waffe(?:n)?teil"),
    _rule("certificate_31", "certificate", "standard", r"(?:10204|certificat|certificate|zeugnis|abnahmepr[üu]f|cert\.?)[^.;]{0,40}\b3[.,]1\b|\b3[.,]1\b[^.;]{0,25}(?:10204|certificat|certificate|zeugnis|cert\b)"),
    _rule("certificate_32", "certificate", "sensitive", r"(?:10204|certificat|certificate|zeugnis|cert\.?)[^.;]{0,40}\b3[.,]2\b|\b3[.,]2\b[^.;]{0,25}(?:10204|certificat|certificate|zeugnis)"),
    _rule("certificate_22", "certificate", "standard", r"(?:10204|certificat|certificate|zeugnis)[^.;]{0,40}\b2[.,][12]\b"),
    _rule("certificate", "certificate", "standard", r"\b10204\b|certificat\s+(?:mati[èe]re|de conformit|d['’]analyse)|material certificate|certificate of conform|werkszeugnis|mill cert|\bCCPU\b"),
    _rule("ndt", "ndt", "sensitive", r"ressuage|magn[ée]toscop|contr[ôo]le (?:par )?ultrasons?|radiograph|\bCND\b|\bNDT\b|\bNDI\b|penetrant|magnetic particle|ultrasonic (?:inspect|test)|\bX-ray inspect|zerst[öo]rungsfrei|farbeindring|magnetpulver|ultraschallpr[üu]f|ASTM\s?E\s?(?:1417|1444)"),
    _rule("serialisation", "marking", "sensitive", r"s[ée]rialis|num[ée]ro de s[ée]rie|serial (?:no|number)|\bS/N\b|seriennummer|tra[çc]abilit|traceab|r[üu]ckverfolgbar"),
    _rule("cleanliness", "cleanliness", "sensitive", r"propret[ée]|d[ée]graiss|cleanliness|clean room|salle (?:blanche|propre)|oxygen clean|ISO\s?16232|VDA\s?19|restschmutz|technische sauberkeit"),
)  # fmt: skip
STRICTEST_FIRST: tuple[Criticality, ...] = ("armament", "military", "aerospace", "critical", "sensitive")
"""Criticalities a mark may propose."""


def marks_in(text: str) -> list[NoteMark]:
    """Marks of one text; a general rule gives way to a more exact one of the same kind."""
    found: list[NoteMark] = []
    for rule in _RULES:
        match = rule.pattern.search(text)
        if match is None or (rule.unless is not None and rule.unless.search(text)):
            continue
        if rule.code == "certificate" and any(mark.kind == "certificate" for mark in found):
            continue
        found.append(NoteMark(rule.code, rule.kind, rule.criticality, match[0].strip()))
    return found
