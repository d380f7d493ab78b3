"""Signing in, session over, line lost, look changed."""

from __future__ import annotations

import pyotp
import pytest

from clients.desktop.ui import theme
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.record_page import RecordPage
from tests.clients.desktop.conftest import Post, wait
from tests.clients.desktop.office import PASSWORD, Office
from tests.clients.desktop.steps import customer, opened, type_in


def test_wrong_password_says_so_in_french(post: Post) -> None:
    post.panel.email.setText("bureau@atelier.fr")
    post.panel.password.setText("rabot-rouge-3")
    post.panel.login_button.click()
    wait(lambda: post.panel.banner.text, "refusal")
    assert "mot de passe" in post.panel.banner.text.lower()
    assert post.app.window is None
    assert post.panel.password.text() == "rabot-rouge-3"


@pytest.mark.requirement("UIX-12")
def test_sign_in_remembers_server_and_person_but_no_secret(post: Post, office: Office) -> None:
    window = post.sign_in()
    token = window.desk.api.access_token
    post.app.settings.sync()
    kept = post.settings_file.read_text()
    assert office.server.url in kept
    assert "bureau@atelier.fr" in kept
    assert PASSWORD not in kept
    assert token
    assert token not in kept


@pytest.mark.requirement("UIX-03")
def test_menu_shows_only_what_is_granted(post: Post) -> None:
    window = post.sign_in("lecteur@atelier.fr")
    assert "customer" in window.menu.entities
    assert "stock_item" in window.menu.entities
    assert not {"user_account", "machine", "employee", "part"} & set(window.menu.entities)
    assert set(window.menu.groups) <= {
        "home",
        "parties",
        "stock",
        "people",
        "quality",
        "production",
        "assistant",
        "system",
    }


@pytest.mark.requirement("UIX-60")
def test_server_stopped_shows_a_banner_and_work_goes_on(window: MainWindow, office: Office) -> None:
    record = customer(office)
    page = opened(window, record)
    type_in(page, "phone", "06 66")
    office.server.stop()
    try:
        page.save_button.click()
        wait(lambda: not window.banner.isHidden(), "banner")
        assert "serveur" in window.banner.text
        assert window.connection_state == "offline"
        type_in(page, "legal_form", "SARL")
        assert page.state is not None
        assert page.state.dirty == {"phone": "06 66", "legal_form": "SARL"}
        assert window.desk.drafts.find("customers", record["id"]) is not None
    finally:
        office.server.start()
    wait(window.banner.isHidden, "line back", 30)
    page.save_button.click()
    wait(lambda: page.state and not page.state.is_dirty, "saved")
    with office.http() as other:
        assert other.get(f"/customers/{record['id']}").json()["phone"] == "06 66"


@pytest.mark.requirement("UIX-61")
def test_expired_session_is_renewed_over_the_form(window: MainWindow, office: Office) -> None:
    record = customer(office)
    page = opened(window, record)
    type_in(page, "phone", "07 77")
    with office.http() as other:
        assert other.post("/auth/sessions/revoke-others").json()["revoked"] >= 1
    page.save_button.click()
    wait(lambda: window.again is not None, "sign-in over the form")
    assert window.again is not None
    panel = window.again.panel
    assert panel.email.text() == "bureau@atelier.fr"
    panel.password.setText(PASSWORD)
    panel.login_button.click()
    wait(lambda: page.state and not page.state.is_dirty, "saved after signing in")
    with office.http() as other:
        assert other.get(f"/customers/{record['id']}").json()["phone"] == "07 77"


@pytest.mark.requirement("UIX-65")
def test_unsaved_entry_is_found_again(window: MainWindow, office: Office) -> None:
    record = customer(office)
    page = opened(window, record)
    type_in(page, "phone", "08 88")
    window.close_tab(window.tabs.indexOf(page))
    again = opened(window, record)
    assert "non enregistrée" in again.banner.text
    draft = window.desk.drafts.find("customers", record["id"])
    assert draft is not None
    again._take_draft(draft)
    assert again.form is not None
    assert again.form.editors["phone"].control.text() == "08 88"  # type: ignore[attr-defined]
    assert again.state is not None
    assert again.state.is_dirty


def test_second_factor_is_asked_when_enrolled(post: Post, office: Office) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    office.person("double@atelier.fr", ["bureau"], totp_secret=secret)
    post.panel.email.setText("double@atelier.fr")
    post.panel.password.setText(PASSWORD)
    post.panel.login_button.click()
    wait(lambda: post.panel.steps.currentIndex() == 1, "second factor")
    assert post.panel.banner.isHidden()
    post.panel.totp.setText(pyotp.TOTP(secret).now())
    post.panel.totp_button.click()  # type: ignore[attr-defined]
    wait(lambda: post.app.window, "main window")


def test_temporary_password_must_be_changed_first(post: Post, office: Office) -> None:
    office.person("nouveau@atelier.fr", ["bureau"], temporary=True)
    post.panel.email.setText("nouveau@atelier.fr")
    post.panel.password.setText(PASSWORD)
    post.panel.login_button.click()
    wait(lambda: post.panel.steps.currentIndex() == 2, "new password")
    post.panel.new_password.setText("fraise-ronde-12")
    post.panel.repeated.setText("autre-chose-12")
    post.panel.change_button.click()  # type: ignore[attr-defined]
    assert "différents" in post.panel.banner.text
    post.panel.repeated.setText("fraise-ronde-12")
    post.panel.change_button.click()  # type: ignore[attr-defined]
    wait(lambda: post.app.window, "main window")


def test_look_changes_without_losing_tabs_or_typing(post: Post, office: Office) -> None:
    window = post.sign_in()
    record = customer(office)
    page = opened(window, record)
    type_in(page, "phone", "01 23")
    window._set_look("look/theme", "dark")
    again = post.window
    assert again is not window
    reopened = again.tabs.currentWidget()
    assert isinstance(reopened, RecordPage)
    assert reopened.record_id == record["id"]
    wait(lambda: reopened.banner.text, "draft offered")
    window_look = theme.current().name
    theme.apply(post.app.app, "light")
    assert window_look == "dark"
