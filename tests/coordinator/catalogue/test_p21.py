"""Tool data in STEP P21 files, alone and in GTC packages; damaged and hostile files are told, never followed."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from coordinator.modules.catalogue.engine import p21
from coordinator.modules.catalogue.engine.tool_catalogue import CatalogueError, read_catalogue

P21 = r"""ISO-10303-21;
HEADER;
FILE_DESCRIPTION(('ISO 13399 tool data'),'1');
FILE_SCHEMA(('CUTTING_TOOL_SCHEMA_ARM'));
ENDSEC;
DATA;
#1=ITEM('5510-080','Foret carbure',$);
/* #2=NUMERICAL_VALUE('DC',$,#9,99.); */
#3=PLIB_PROPERTY_REFERENCE('71D084653E57F',$,#8);
#4=NUMERICAL_VALUE('DC',$,#9,8.);
#5 = NUMERICAL_VALUE ( 'OAL' ,$,#9,
  1.03E2 ) ;
#6=NUMERICAL_VALUE('LCF',$,#9,-0.5);
#7=STRING_VALUE('GRADE','rev''tu; (X) \X2\00E9\X0\');
#8=VALUE_RANGE('SIG',$,#9,(135.,141.));
#9=UNIT('mm',$);
#10=(A('x')B('y'));
#11=NUMERICAL_VALUE('ZEFF',$,$,2);
#12=NUMERICAL_VALUE('pas un code',$,$,3);
ENDSEC;
END-ISO-10303-21;
"""


@pytest.mark.requirement("STK-02")
def test_values_are_read_by_their_symbol_wherever_they_stand() -> None:
    (tool,) = read_catalogue(P21.encode(), "5510.p21").tools
    assert tool.reference == "5510-080"
    assert tool.properties == {
        "DC": 8.0, "OAL": 103.0, "LCF": -0.5, "GRADE": "rev'tu; (X) é", "SIG": 141.0, "ZEFF": 2.0,
    }  # fmt: skip


@pytest.mark.requirement("STK-36")
def test_a_package_joins_the_assortment_with_the_p21_of_each_tool() -> None:
    other = P21.replace("#1=ITEM('5510-080','Foret carbure',$);\n", "").replace("#9,8.)", "#9,6.8)")
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as package:
        package.writestr("product_data_files/a1.p21", P21)
        package.writestr("product_data_files/5510-068.p21", other)
        package.writestr("product_data_files/damaged.p21", "ISO-10303-21;DATA;#1=NUMERICAL_VALUE('DC',$,")
        package.writestr(
            "package_assortment.csv",
            "reference;description;prix\n5510-080;Foret carbure 8 mm;41,50\n5510-068;Foret 6,8;38\n",
        )
    reading = read_catalogue(memory.getvalue(), "gtc.zip")
    tools = {tool.reference: tool for tool in reading.tools}
    assert {r: t.properties["DC"] for r, t in tools.items()} == {"5510-080": 8.0, "5510-068": 6.8}
    assert tools["5510-080"].tool_type == "drill"
    assert str(tools["5510-080"].price) == "41.50"
    assert [place for place, _ in reading.faults] == ["product_data_files/damaged.p21"]


def test_hostile_files_take_neither_time_nor_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "ISO-10303-21;DATA;#1=NUMERICAL_VALUE(" + "(" * 200_000 + "'DC',1." + ")" * 200_000 + ");"
    assert p21.values(deep.encode()) == {"DC": "1"}
    assert p21.values(b"ISO-10303-21;DATA;#1=NUMERICAL_VALUE('DC',$,1E999999);") == {}
    assert p21.values(("ISO-10303-21;" + "'" * 100_001).encode()) == {}
    assert p21.values(("ISO-10303-21;/*" + "*" * 200_000).encode()) == {}
    assert p21.values(("ISO-10303-21;" + "/*" * 200_000).encode()) == {}
    assert p21.values(("ISO-10303-21;DATA;" + "#1=A('x'" * 100_000).encode()) == {}
    monkeypatch.setattr(p21, "MAX_INSTANCES", 10)
    with pytest.raises(CatalogueError) as refused:
        read_catalogue(("ISO-10303-21;DATA;" + "#1=A('x');" * 50).encode(), "x.p21")
    assert refused.value.code == "too_big"
    chance = random.Random(4)
    for _ in range(200):
        damaged = bytearray(P21.encode())
        for _ in range(chance.randint(1, 30)):
            damaged[chance.randrange(13, len(damaged))] = chance.randrange(256)
        p21.values(bytes(damaged))
