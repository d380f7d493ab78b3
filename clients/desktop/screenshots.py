"""``python -m clients.desktop.screenshots --out DOSSIER``: pictures of the main screens on a running server.

``--docs docs/screenshots`` puts those of the documentation in their place. The account comes from ``--email`` and the environment variable ``USINAGE_PASSWORD``; nothing is changed on the server.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QSettings, QSize
from PySide6.QtWidgets import QApplication, QWidget

from clients.desktop.app import OfficeApp
from clients.desktop.model.config import ClientConfig, normal_server
from clients.desktop.model.errors import ApiError
from clients.desktop.model.form import FieldConflict
from clients.desktop.ui.dialogs import ConfirmDialog, ConflictDialog
from clients.desktop.ui.list_page import ListPage
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.record_page import RecordPage
from clients.desktop.ui.signing import SigningDialog

SIZE = QSize(1440, 900)
LISTS = (
    "customer", "drawing_analysis", "quote", "sales_order", "work_order", "work_order_operation", "machine", "stock_item", "tool", "stock_movement", "invoice",
    "employee", "supplier", "machine_state",
)  # fmt: skip
RECORDS = (
    "customer",
    "drawing_analysis",
    "quote",
    "sales_order",
    "work_order",
    "machine",
    "tool",
    "material",
    "user_account",
)
IN_DOCS = {
    "accueil": "desktop-home", "fiche-drawing_analysis-1": "desktop-plan", "fiche-quote-1": "desktop-quote",
    "conflit": "desktop-conflict",
}  # fmt: skip
"""Pictures the documentation shows, and the names it knows them by."""


class Photographer:
    """Opens screens one after the other and saves what they show."""

    def __init__(self, app: QApplication, folder: Path, docs: Path | None) -> None:
        self.app = app
        self.folder = folder
        self.docs = docs
        self.taken: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    def wait(self, condition: Callable[[], object], timeout_s: float = 20.0) -> bool:
        """Let the window live until the condition holds; whether it did."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            self.app.processEvents()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def settle(self, window: MainWindow) -> None:
        """Wait until the server has answered and the screen is drawn."""
        for _ in range(3):
            self.wait(lambda: window.desk.runner.busy == 0)
            for _ in range(10):
                self.app.processEvents()
                time.sleep(0.005)

    def take(self, widget: QWidget, name: str) -> None:
        """Save a picture."""
        for _ in range(5):
            self.app.processEvents()
        path = self.folder / f"{len(self.taken) + 1:02d}-{name}.png"
        widget.grab().save(str(path))
        self.taken.append(path)
        if self.docs is not None and name in IN_DOCS:
            shutil.copyfile(path, self.docs / f"{IN_DOCS[name]}.png")


def photograph(
    app: QApplication,
    server: str,
    email: str,
    password: str,
    folder: Path,
    data: Path,
    docs: Path | None = None,
) -> list[Path]:
    """Sign in, walk through the screens. Returns the pictures."""
    settings = QSettings(str(data / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("look/theme", "light")
    office = OfficeApp(app, ClientConfig(server=server), settings, data)
    camera = Photographer(app, folder, docs)
    login = office.start()
    login.panel.email.setText(email)
    login.panel.password.setText("•" * 12)
    camera.take(login, "connexion")
    login.panel.password.setText(password)
    login.panel.submit()
    if not camera.wait(lambda: office.window is not None or login.panel.banner.text) or office.window is None:
        raise SystemExit(login.panel.banner.text or "Le serveur n'a pas répondu.")
    window = office.window
    window.resize(SIZE)
    camera.wait(lambda: window.connection_state == "online", 5)
    camera.settle(window)
    camera.take(window, "accueil")
    _lists(camera, window)
    _records(camera, window)
    _special(camera, window)
    _dark(camera, office)
    if office.window is not None:
        office.window.close()
    return camera.taken


def _dark(camera: Photographer, office: OfficeApp) -> None:
    office.settings.setValue("look/theme", "dark")
    if office.window is not None:
        office.window.look_changed.emit()
    window = office.window
    if window is None:
        return
    window.resize(SIZE)
    camera.wait(lambda: window.connection_state == "online", 5)
    for name in ("customer", "quote", "work_order"):
        if name not in window.desk.metadata.entities:
            continue
        page = window.open_list(name)
        camera.settle(window)
        camera.take(window, f"sombre-{name}")
        if page.state.rows:
            window.open_record(name, int(page.state.rows[0]["id"]))
            camera.settle(window)
            camera.take(window, f"sombre-fiche-{name}")


def _lists(camera: Photographer, window: MainWindow) -> None:
    for name in LISTS:
        if name in window.desk.metadata.entities:
            page = window.open_list(name)
            camera.settle(window)
            camera.take(window, f"liste-{name}")
            if name not in RECORDS:
                window.close_tab(window.tabs.indexOf(page))


def _records(camera: Photographer, window: MainWindow) -> None:
    for name in RECORDS:
        if name not in window.desk.metadata.entities:
            continue
        lists = window.open_list(name)
        camera.settle(window)
        if not lists.state.rows:
            continue
        page = window.open_record(name, int(lists.state.rows[0]["id"]))
        camera.settle(window)
        for index in range(page.tabs.count()):
            page.tabs.setCurrentIndex(index)
            camera.settle(window)
            camera.take(window, f"fiche-{name}-{index + 1}")
        window.close_tab(window.tabs.indexOf(page))


def _special(camera: Photographer, window: MainWindow) -> None:
    entities = window.desk.metadata.entities
    if "customer" in entities and entities["customer"].may("create"):
        page = window.open_creation("customer")
        page.save()
        camera.settle(window)
        camera.take(window, "creation-erreurs")
        page.reset()
    _dialogs(camera, window)
    _signing(camera, window)
    palette = window.open_search()
    palette.field.setText("a")
    palette.field.setText("ma")
    camera.settle(window)
    time.sleep(0.3)
    camera.settle(window)
    camera.take(palette, "recherche")
    palette.close()
    current = window.tabs.currentWidget()
    if isinstance(current, ListPage):
        current.search.setText("zzzzzz")
        camera.wait(lambda: current.state.total == 0)
        camera.take(window, "aucun-resultat")
        current.search.setText("")


def _dialogs(camera: Photographer, window: MainWindow) -> None:
    lists = window.open_list("customer") if "customer" in window.desk.metadata.entities else None
    camera.settle(window)
    if lists is None or not lists.state.rows:
        return
    page: RecordPage = window.open_record("customer", int(lists.state.rows[0]["id"]))
    camera.settle(window)
    if page.state is None:
        return
    fields = [
        f for f in page.entity.form_fields if f.name in {"phone", "payment_terms_days", "business_sector"}
    ]
    mine, current = dict(page.state.record), dict(page.state.record)
    mine |= {"phone": "04 50 00 11 22", "payment_terms_days": 45, "business_sector": "Médical"}
    current |= {"phone": "04 50 98 76 54", "payment_terms_days": 60, "business_sector": "Décolletage"}
    dialog = ConflictDialog(
        page, [FieldConflict(f, mine[f.name], current[f.name]) for f in fields], mine, current
    )
    dialog.show()
    camera.take(dialog, "conflit")
    dialog.close()
    action = next((a for a in page.entity.actions if a.name in page.header.buttons), None)
    confirm = ConfirmDialog(
        page, f"{action.label if action else 'Archiver'} : {page.title}", "…", "Archiver", danger=True
    )
    confirm.show()
    camera.take(confirm, "confirmation")
    confirm.close()
    window.close_tab(window.tabs.indexOf(page))


def _signing(camera: Photographer, window: MainWindow) -> None:
    """The dialog of a signature over the first record that can have one; nothing is signed."""
    for entity in window.desk.metadata.entities.values():
        if not (entity.signable and entity.may("read")):
            continue
        lists = window.open_list(entity.name)
        camera.settle(window)
        if not lists.state.rows:
            continue
        page = window.open_record(entity.name, int(lists.state.rows[0]["id"]))
        camera.settle(window)
        about = {"object_type": entity.name, "object_id": page.record_id, "meaning": "approved"}
        dialog = SigningDialog(
            page, window.desk, ApiError(409, "signature.required", "", extra=about), page.title
        )
        dialog.show()
        camera.settle(window)
        camera.take(dialog, "signature")
        dialog.close()
        window.close_tab(window.tabs.indexOf(page))
        return


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m clients.desktop.screenshots", description="Images des écrans principaux."
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DOSSIER", help="dossier des images")
    parser.add_argument(
        "--server", default="http://127.0.0.1:8000", metavar="ADRESSE", help="serveur déjà démarré"
    )
    parser.add_argument(
        "--email",
        default=os.environ.get("USINAGE_EMAIL", ""),
        help="compte (mot de passe : USINAGE_PASSWORD)",
    )
    parser.add_argument(
        "--docs", type=Path, metavar="DOSSIER", help="remplace aussi les images de la documentation"
    )
    given = parser.parse_args(arguments)
    password = os.environ.get("USINAGE_PASSWORD", "")
    if not given.email or not password:
        print("Indiquez --email et la variable USINAGE_PASSWORD.", file=sys.stderr)
        return 2
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication(sys.argv[:1])
    with TemporaryDirectory() as data:
        taken = photograph(
            app, normal_server(given.server), given.email, password, given.out, Path(data), given.docs
        )
    print(f"{len(taken)} images dans {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
