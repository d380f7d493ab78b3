"""Texts as drawings carry them: sizes, deviations, fits, call-outs, title fields, notes and words, drawn at random."""

from __future__ import annotations

import random
import re
from functools import lru_cache
from pathlib import Path

FIT_LETTERS = ("H", "h", "g", "f", "js", "k", "m", "n", "p", "P", "N", "G", "F", "j", "J", "JS", "K", "r", "s", "e", "d", "D", "E")  # fmt: skip
_WORDS = (
    "Matière Material Werkstoff Indice Date Échelle Scale Folio Sheet Blatt Dessiné Drawn Masse Weight Benennung Client REV DWG NO N° Nr. "
    "TITLE FINISH Traitement Tolérances générales ISO 2768 Acier Steel Stahl Coupe SECTION Schnitt Détail Vue DETAIL VIEW Arbre Bride "
    "Support Flansch Welle Zinc plated Anodisé Black oxide Brüniert Trempé revenu sauf indication contraire UNLESS OTHERWISE SPECIFIED "
    "ALL DIMENSIONS IN MM REMOVE BURRS Arêtes vives Kanten gebrochen Nom Name Gezeichnet Geprüft Approuvé Vérifié Ra Rz HRC kg Format "
    "Désignation Bezeichnung Dénomination Référence Quantité Menge Stückliste Nomenclature Repère Pos. Observations Bemerkung Änderung "
    "Maßstab Gewicht Oberfläche Oberflächenbehandlung Wärmebehandlung Allgemeintoleranzen Zeichnungsnummer Freigegeben Bearbeiter Datum "
    "Kunde Auftraggeber Projekt Projet Société Company Customer Checked Approved Author Auteur Dessinateur Responsable Poids Feuille "
    "Ensemble Sous-ensemble Pièce Teil Part Assembly Axe Douille Entretoise Palier Moyeu Flasque Plaque Cale Chape Levier Carter "
    "Couvercle Bague Rondelle Vis Écrou Goupille Ressort Joint Pignon Poulie Galet Coulisseau Glissière Équerre Châssis Bâti Moteur "
    "Réducteur Embrayage Roulement Clavette Manivelle Buchse Deckel Gehäuse Hebel Halter Scheibe Schraube Mutter Feder Dichtung Zahnrad "
    "Führung Grundplatte Lager Nabe Bolzen Hülse Winkel Rohr Träger Spannflansch Zwischenwelle Gabelkopf Lagerbock Führungsbuchse Shaft "
    "Housing Bearing Bush Spacer Washer Bracket Plate Lever Cover Ring Pin Spring Gear Pulley Roller Slide Frame Motor mount Clamp hub "
    "Aluminium Laiton Bronze Fonte Inox Cuivre Alu Messing Guss Edelstahl Kupfer Brass Cast iron Stainless trempe cémentation nitruration "
    "Zingage Chromage dur Phosphatation Bronzage Passivation Grenaillage Peinture Anodisation incolore noire verzinkt eloxiert vergütet "
    "gehärtet lackiert hardened tempered nickel painted passivated chanfrein congé rayon débouchant profondeur perçage taraudage filetage "
    "alésage lamage fraisage rainure méplat gorge équidistants répartis Bohrungen Gewinde Senkung Nut Fase Radius durchgehend tief "
    "symétrie concentricité parallélisme perpendicularité planéité usinage ébavurer casser les angles non cotés rayons cotes entre "
    "fonctionnelles dimensions tolerances surface finish texture deburr sharp edges break THRU DEEP TYP REF MAX MIN PLCS EQ SP BOTH SIDES "
    "tous côtés symétrique identique suivant plan voir note selon norme état brut fini livré contrôle réception procédé poste gamme "
    "Première angle projection Third angle dièdre mm inch Pouces Conditionnement Protection Emballage Ausführung Genauigkeit Norm Ersatz"
)
WORDS = _WORDS.split()
_NAMES = (
    "Martin Durand Dupont Lefèvre Müller Schäfer Weber Schulz Bernard Moreau Petit Roux Garnier Böhm Köhler "
    "Smith Jones Taylor Noël Rossi López Girard Küster Weiß Groß Fournier Leclère Hervé Krüger"
)
NAMES = _NAMES.split()
_MATERIALS = (
    "C45 C45E C35 C22 XC48 XC38 S235JR S355J2 S275JR E295 42CrMo4 34CrNiMo6 16MnCr5 20NiCrMo2 100Cr6 35NCD16 30CrNiMo8 X5CrNi18-10 "
    "X2CrNiMo17-12-2 X30Cr13 X40CrMoV5-1 X153CrMoV12 Z6CN18-09 Z100CD17 1.4301 1.4404 1.4571 1.2379 1.7225 1.0503 AISI304 304L 316L 303 "
    "17-4PH 11SMnPb30 11SMn30 A60 EN-GJL-250 EN-GJS-400-15 GG25 GGG40 Ft25 CuZn39Pb3 CuZn40Pb2 CuSn8 CuSn12 CuAl10Ni5Fe4 UE12P AW-6082 "
    "AW-2017A AW-7075 AW-5083 6061-T6 6082-T6 7075-T651 2017A AlMgSi1 AlCu4MgSi AS7G06 POM-C PA6 PA66 PEEK PTFE PEHD POM PVC ABS Ertalon "
    "TA6V Ti-6Al-4V 45NiCrMo16 S690QL St37-2 St52-3 Ck45 9SMnPb28 X8CrNiS18-9 AlZn5,5MgCu EN10025 T6 T651"
)
MATERIALS = _MATERIALS.split()
NOTES = (
    "ISO 2768-mK", "ISO 2768-m", "ISO 2768-fH", "ISO 8015", "DIN 7168-m", "ISO 13715", "NF EN 22768", "ASME Y14.5-2009", "ISO 1302", "ISO 128",
    "Tol. gén. ISO 2768 mK", "Tolérances générales ISO 2768-mK", "Toleranzen nach ISO 2768-m", "Sauf indication contraire", "Angles vifs cassés 0,2",
    "Chanfreins non cotés 0,5 x 45°", "Rayons non cotés R1", "Ébavurer et casser les angles", "Alle Kanten gebrochen 0,2 x 45°", "Ra 3,2 partout",
    "BREAK ALL SHARP EDGES .010 MAX", "ALL OVER EXCEPT AS NOTED", "DO NOT SCALE DRAWING", "Trempé revenu 30-35 HRC", "Cémenté trempé 58-62 HRC",
    "Cémenté ép. 0,6 mm", "Zingage blanc 8 µm", "Anodisation dure 25 µm", "Nickelage chimique 15 µm", "Einsatzgehärtet 60+2 HRC Eht 0,8", "verzinkt 8 µm",
    "COUPE A-A", "SECTION B-B", "SCHNITT C-C", "DÉTAIL D", "Vue suivant F", "DETAIL E SCALE 5:1", "Coupe A-A (2 : 1)", "Échelle 1:2", "Maßstab 1:1",
    "Masse : 0,35 kg", "Gewicht 1,2 kg", "WEIGHT 2.4 LBS", "Format A3", "Folio 1/1", "Feuille 1 / 2", "SHEET 1 OF 2", "Blatt 2/3", "ép. 1,5", "Gew. 0,8 kg",
    "Zone de marquage", "Gravure h=3 prof. 0,2", "Repère de fixation", "SPHÈRE", "Filetage à droite", "Pas à gauche", "Module 2", "Nombre de dents 24",
)  # fmt: skip
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CATALOGUE_WORD = re.compile(r"[A-Za-zÀ-ÿ'’\-]{2,16}")


@lru_cache(maxsize=1)
def catalogue_words() -> tuple[str, ...]:
    """French and English words of the product's own catalogues: spelling with accents beyond the list above."""
    root = Path(__file__).resolve().parents[2] / "coordinator"
    found: set[str] = set()
    for path in sorted(root.rglob("locale/*.po")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("msgstr"):
                found |= {word.replace("’", "'").strip("-'") for word in _CATALOGUE_WORD.findall(line[6:])}
    return tuple(sorted(word for word in found if len(word) > 1)) or tuple(WORDS)


def number(r: random.Random, comma: bool) -> str:
    """A size as written in millimetres or in inches."""
    kind = r.random()
    if kind < 0.36:
        text = str(
            r.choice([r.randrange(1, 10), r.randrange(10, 100), r.randrange(10, 100), r.randrange(100, 1000)])
        )
    elif kind < 0.9:
        whole = r.choice([r.randrange(0, 10), r.randrange(10, 100), r.randrange(100, 1000)])
        text = f"{whole}.{r.randrange(10 ** (d := r.choice([1, 1, 1, 2, 2, 3]))):0{d}d}"
    else:
        text = f".{r.randrange(10 ** (d := r.choice([2, 3, 3, 4]))):0{d}d}"
        if r.random() < 0.3:
            text = f"{r.randrange(1, 10)}{text}"
    return text.replace(".", ",") if comma else text


def small(r: random.Random, comma: bool) -> str:
    """A deviation or a tolerance without sign."""
    d = r.choice([1, 1, 2, 2, 3, 3])
    text = f"0.{r.randrange(1, 10 ** min(d, 2 if d < 3 else 3)):0{d}d}"
    if r.random() < 0.12:
        text = text[1:]
    return text.replace(".", ",") if comma else text


def fit(r: random.Random) -> str:
    """A tolerance class, or two of a fit."""
    one = f"{r.choice(FIT_LETTERS)}{r.randrange(5, 13)}"
    return (
        f"{one}{r.choice(['/', ' / ', '/'])}{r.choice(FIT_LETTERS)}{r.randrange(5, 9)}"
        if r.random() < 0.15
        else one
    )


def size(r: random.Random, comma: bool) -> str:
    """One complete size with its sign, count, tolerance or remark."""
    sign = r.choices(["", "Ø", "Ø ", "R", "R ", "SR", "C", "□", "M", "SØ"], [42, 26, 8, 9, 2, 1, 2, 1, 3, 1])[
        0
    ]
    text = sign + number(r, comma)
    if r.random() < 0.18:
        count = r.choice([str(r.randrange(2, 10)), str(r.randrange(2, 10)), str(r.randrange(10, 25))])
        text = (
            count + r.choice(["x", "x", "x ", " x ", "X", "X ", " trous ", " Bohrungen ", " HOLES "]) + text
        )
    tail = r.random()
    if tail < 0.15:
        text += r.choice(["", "", " "]) + fit(r)
    elif tail < 0.36:
        text += r.choice(["", " ", " "]) + "±" + r.choice(["", "", " "]) + small(r, comma)
    elif tail < 0.42:
        text += "°" + (f" ±{r.choice(['1', '0,5', '0.5', '2', '0,25', '0.1'])}°" if r.random() < 0.3 else "")
    elif tail < 0.46:
        text = f"{text} x {r.choice(['45', '30', '60', '90', '15'])}°".replace(
            " x ", r.choice([" x ", "x", " X "])
        )
    elif tail < 0.5:
        text += r.choice([" MAX", " MIN", " TYP", " REF", " max", " mini", " THRU", " débouchant", " durch"])
    elif tail < 0.54:
        text = f"({text})"
    elif tail < 0.55:
        text = f"[{text}]"
    elif tail < 0.58:
        a, b = small(r, comma), r.choice(["0", small(r, comma)])
        text += f" {r.choice(['+', '+', '-'])}{a}{r.choice([' ', '/', ' / '])}{'' if b == '0' else '-'}{b}"
    return text


def row(r: random.Random, comma: bool) -> str:
    """One row of deviations or of limits."""
    kind = r.random()
    if kind < 0.14:
        return r.choice(["0", "0", "0", "-0", "+0", "0,00", "0.000"])
    if kind < 0.8:
        return r.choice("+-") + small(r, comma) + ("°" if r.random() < 0.03 else "")
    return r.choice(["", "", "Ø"]) + number(r, comma)


def callout(r: random.Random, comma: bool) -> str:
    """A hole, thread, groove or surface as written on one line."""
    n, d, depth = r.randrange(2, 13), number(r, comma), number(r, comma)
    metric = r.choice([2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24])
    return r.choice(
        [
            f"M{metric}", f"M{metric}x{r.choice(['1', '1,25', '1.5', '0,75', '2', '0.5'])}", f"M{metric}x{r.choice(['1', '1.5'])}-6g",
            f"M{metric}-6H", f"{n}xM{metric}", f"{n}x M{metric} - 6H ↧ {depth}", f"M{metric} prof. {depth}", f"M{metric} LH", f"Tr{metric}x3",
            f"⌴ Ø{d} ↧ {depth}", f"⌵ Ø{d} x 90°", f"⌵ Ø{d} X 82°", f"{n}x Ø{d} ⌴ Ø{number(r, comma)} ↧ {depth}", f"{n}x Ø{d} ↧ {depth}",
            f"↧ {depth}", f"Ø{d} ↧{depth}", f"{n} trous Ø{d} prof. {depth}", f"{n}X Ø{d} THRU", f"CBORE Ø{d} X {depth} DEEP", f"lamés Ø{d} prof. {depth}",
            f"équidistants sur Ø{d}", f"EQ SP ON Ø{d} BC", f"auf Lk Ø{d}", f"gesenkt Ø{d} {depth} tief", f"prof. {depth}", f"{n}xØ{d}", f"{n}x Ø{d}",
            f"{r.choice(['1/4', '3/8', '1/2', '5/16', '#10'])}-{r.choice([16, 18, 20, 24, 32])} UN{r.choice('CF')}-2B", f"{n}xØ{d} {fit(r)}",
            f"G{r.choice(['1/4', '1/2', '3/8', '1/8'])}", f"{depth} x Ø{d}", f"{depth}x{d}", f"{n}xM{r.choice([4, 5, 6, 8])} prof. {depth}",
            f"Ra {r.choice(['0,8', '1,6', '3,2', '6.3', '0.4', '12,5'])}", f"Rz {r.choice(['6,3', '16', '25', '4'])}", f"Ra{r.choice(['0,8', '1.6', '3.2'])}",
            f"{r.choice([20, 30, 45, 60, 90, 120])}° {r.randrange(1, 59)}'", f"Ø{d} {fit(r)} ({r.choice('+-')}{small(r, comma)} / 0)",
        ]
    )  # fmt: skip


def words(r: random.Random) -> str:
    """A word, a note, a date, a drawing number: what is no size must not be read as one."""
    kind = r.random()
    if kind < 0.36:
        text = " ".join(r.choice(WORDS) for _ in range(r.choice([1, 1, 2, 2, 3])))
        return r.choice([text, text, text.upper(), text.capitalize()])
    if kind < 0.54:
        text = " ".join(r.choice(catalogue_words()) for _ in range(r.choice([1, 2, 3])))
        return r.choice([text, text, text.upper(), text.capitalize()])
    if kind < 0.66:
        return r.choice(NOTES)
    if kind < 0.76:
        grade = r.choice(MATERIALS)
        return r.choice(
            [grade, grade, f"{r.choice(['Acier', 'EN', 'EN AW-', 'AISI', 'Stahl', 'Inox', 'Alu'])} {grade}"]
        )
    if kind < 0.82:
        return r.choice(["A", "B", "C", "D", "E", "F", "1", "2", "3", "10", "A-A", "B-B", "1:1", "1:2", "5:1", "2:1", "1/1", "2/3", "A3", "A4", "00", "Ind. B"])  # fmt: skip
    if kind < 0.89:
        day, month, year, s = (
            r.randrange(1, 29),
            r.randrange(1, 13),
            r.randrange(1975, 2030),
            r.choice("/.-/."),
        )
        return r.choice(
            [
                f"{day:02d}{s}{month:02d}{s}{year}",
                f"{day:02d}{s}{month:02d}{s}{year % 100:02d}",
                f"{year}-{month:02d}-{day:02d}",
            ]
        )
    if kind < 0.93:
        return (
            f"{r.choice(LETTERS)}. {r.choice(NAMES)}"
            if r.random() < 0.7
            else f"{r.choice(NAMES)} {r.choice(['SA', 'SARL', 'GmbH', 'Ltd', 'SAS', 'AG'])}"
        )
    if kind < 0.97:
        head = "".join(r.choice(LETTERS) for _ in range(r.randrange(1, 4)))
        return f"{head}{r.choice('-. ')}{r.randrange(10, 99999):0{r.choice([3, 4, 5])}d}{r.choice(['', '', '-' + r.choice(LETTERS), '.' + str(r.randrange(10, 99))])}"
    signs = "ABCDEFGHJKLMNPRSTXYZ"
    return (
        "".join(
            r.choice(["0123456789", signs, "0123456789", "-. /_"][r.randrange(4)])
            for _ in range(r.randrange(2, 10))
        ).strip()
        or "A"
    )


def text(r: random.Random) -> tuple[str, str]:
    """Any text of a drawing and its kind: size, row, callout or words."""
    comma = r.random() < 0.5
    kind = r.choices(["size", "row", "callout", "words"], [39, 14, 12, 35])[0]
    drawn = {"size": size, "row": row, "callout": callout}[kind](r, comma) if kind != "words" else words(r)
    if kind == "words" and r.random() < 0.06:
        rare = r.choice("\"%&*<>=#:;'_µ≤≥")
        drawn = r.choice(
            [
                f"{drawn} {rare}",
                f"{drawn}{rare}",
                f"{rare} {drawn}",
                f'"{drawn}"',
                f"{drawn} : {r.randrange(1, 999)}",
            ]
        )
    return kind, " ".join(drawn.split()) or "0"
