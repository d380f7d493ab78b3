"""What is accepted as password and PIN."""

from __future__ import annotations

import pytest

from coordinator.kernel.errors import BusinessError
from coordinator.modules.identity import passwords


@pytest.mark.requirement("ACC-04")
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("court7!", "password.too_short"),
        ("x" * 64 + "yz" * 33, "password.too_long"),
        ("motdepasse", "password.common"),
        ("P@ssw0rd2026", "password.common"),
        ("Azerty!123", "password.common"),
        ("12345678", "password.common"),
        ("aaaaaaaaaa", "password.common"),
        ("Durand1987", "password.common"),
    ],
)
def test_weak_passwords(password: str, code: str) -> None:
    with pytest.raises(BusinessError) as refusal:
        passwords.check_strength(password, 8, names=("Durand",))
    assert refusal.value.code == code
    assert refusal.value.errors[0].field == "password"


@pytest.mark.requirement("ACC-04")
def test_hashes_are_argon2id_and_salted() -> None:
    passwords.check_strength("copeaux-bleus-7", 12)
    first, second = passwords.hash_password("copeaux-bleus-7"), passwords.hash_password("copeaux-bleus-7")
    assert first.startswith("$argon2id$")
    assert first != second
    assert passwords.verify("copeaux-bleus-7", first) == (True, None)
    assert passwords.verify("copeaux-bleus-8", first) == (False, None)
    assert passwords.verify("x", "damaged") == (False, None)
    assert passwords.verify("x", None) == (False, None)


@pytest.mark.parametrize("pin", ["123", "1234567", "12a4", "0000", "1234", "9876", "٣٤٥٦"])
def test_bad_pins(pin: str) -> None:
    with pytest.raises(BusinessError):
        passwords.check_pin(pin)


def test_good_pin() -> None:
    passwords.check_pin("4071")
