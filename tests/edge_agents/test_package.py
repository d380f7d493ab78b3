"""Signed packages: what is right is taken, whatever is wrong is named."""

from __future__ import annotations

import base64
import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_agents.protocol import ProtocolError, package, signing

KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
OTHER = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()


def made(folder: Path, name: str = "code/a.py") -> Path:
    source = folder / "a.py"
    source.write_text("print('hello')\n" * 100)
    target = folder / "one.update"
    package.build(target, KEY.private_bytes_raw(), kind="software", name="agent", version="1.2.3",
                  built_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC), files={name: source})  # fmt: skip
    return target


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    target = path.with_suffix(".changed")
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target


@pytest.mark.requirement("EDG-33")
def test_a_right_package_is_unpacked(tmp_path: Path) -> None:
    manifest = package.extract(made(tmp_path), [OTHER, PUBLIC], tmp_path / "out")
    assert (manifest.kind, manifest.version) == ("software", "1.2.3")
    assert (tmp_path / "out/code/a.py").read_text().startswith("print('hello')")


def _swap(content: dict[str, bytes]) -> None:
    content["code/a.py"] = b"evil" + content["code/a.py"][4:]


def _longer(content: dict[str, bytes]) -> None:
    content["code/a.py"] += b"#"


def _edit_list(content: dict[str, bytes]) -> None:
    content["manifest.json"] = content["manifest.json"].replace(b"1.2.3", b"9.9.9")


@pytest.mark.requirement("EDG-33", "UPD-43")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_swap, "package.content"),
        (_longer, "package.content"),
        (_edit_list, "package.unknown_publisher"),
        (lambda c: c.pop("manifest.sig"), "package.unsigned"),
        (lambda c: c.pop("code/a.py"), "package.content"),
        (lambda c: c.update({"more.py": b"x"}), "package.content"),
    ],
)
def test_a_changed_package_is_refused(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], code: str
) -> None:
    with pytest.raises(ProtocolError) as refusal:
        package.check(rewritten(made(tmp_path), change), [PUBLIC])
    assert refusal.value.code == code


@pytest.mark.requirement("EDG-33")
def test_an_unknown_publisher_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    path = made(tmp_path)
    for keys in ([], [OTHER], ["no key"]):
        with pytest.raises(ProtocolError, match="éditeur inconnu"):
            package.check(path, keys)
    cut = tmp_path / "cut.update"
    cut.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ProtocolError) as refusal:
        package.check(cut, [PUBLIC])
    assert refusal.value.code == "package.unreadable"


@pytest.mark.parametrize("name", ["../a.py", "/a.py", "a/../../b.py", "a\\b.py", "./a.py", "c:a.py"])
def test_a_path_that_leaves_the_folder_is_refused_even_when_signed(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        package.extract(made(tmp_path, name), [PUBLIC], tmp_path / "out")
    assert refusal.value.code == "package.content"
    assert not (tmp_path / "a.py.out").exists()
    assert not (tmp_path / "out").exists()


def test_versions_are_ordered_as_numbers() -> None:
    versions = ["1.10.0", "0.9.9", "1.2.3", "0.0.0+source"]
    assert sorted(versions, key=package.version_key) == ["0.0.0+source", "0.9.9", "1.2.3", "1.10.0"]
    assert signing.sha256_hex(b"") == package.file_sha256(_empty())


def _empty() -> Path:
    return Path("/dev/null")
