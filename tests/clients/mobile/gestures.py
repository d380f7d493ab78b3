"""What a hand does on the screen, the same on a phone and at a station."""

from __future__ import annotations

import re
from typing import Protocol

from playwright.sync_api import Page, expect


class Account(Protocol):
    """Somebody who signs in by e-mail."""

    @property
    def email(self) -> str: ...

    @property
    def password(self) -> str: ...


def sign_in(page: Page, base_url: str, account: Account, *, password: str | None = None) -> None:
    """Open the application and fill in the sign-in form."""
    page.goto(base_url)
    page.get_by_label("Adresse e-mail").fill(account.email)
    page.get_by_label("Mot de passe", exact=True).fill(password or account.password)
    page.get_by_role("button", name="Se connecter").click()


def open_operation(page: Page, label: str) -> None:
    """Touch an operation of the list."""
    page.get_by_role("link", name=re.compile(re.escape(label))).click()
    expect(page.locator("main .title")).to_have_text(label)


def confirm(page: Page, words: str) -> None:
    """Read the confirmation and put it away."""
    panel = page.get_by_test_id("confirmation")
    expect(panel).to_contain_text(words)
    panel.get_by_role("button", name="Continuer").click()
    expect(panel).to_have_count(0)


def wait_offline_ready(page: Page) -> None:
    """Wait until the service worker holds the whole application."""
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function(
        "caches.keys().then(k => k.length ? caches.open(k[0]).then(c => c.keys()).then(f => f.length > 8) : false)"
    )
    page.reload()
    page.wait_for_function("navigator.serviceWorker.controller !== null")
