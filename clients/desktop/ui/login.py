"""Signing in: server, e-mail, password, second factor, first password; also over a form when the session is over."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from clients.desktop.model.api import ApiClient, Record, SignedIn
from clients.desktop.model.config import normal_server
from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Metadata
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.operations.runner import Runner
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.widgets import Banner, button, column, label, restyle, row

_WIDTH = 400


class LoginPanel(QFrame):
    """Card with the steps of signing in; emits once everything due is done."""

    signed_in = Signal(object)
    """The :class:`Metadata` of the person."""

    def __init__(
        self, make_api: Callable[[str], ApiClient], runner: Runner, server: str, email: str = ""
    ) -> None:
        super().__init__()
        self.setObjectName("dialogCard")
        self._make_api = make_api
        self._runner = runner
        self.api: ApiClient | None = None
        self._signed: SignedIn | None = None
        self.setFixedWidth(theme.scaled(_WIDTH))
        layout = column(self, margins=8 * STEP, spacing=3 * STEP)
        layout.addWidget(label(t("app.name"), "title"))
        self.subtitle = label(t("login.subtitle"), "muted", wrap=True)
        layout.addWidget(self.subtitle)
        self.banner = Banner()
        layout.addWidget(self.banner)
        self.steps = QStackedWidget()
        layout.addWidget(self.steps)
        self._credentials(server, email)
        self._second_factor()
        self._new_password()
        self._enrolment()

    def _step(self) -> QVBoxLayout:
        page = QFrame()
        page.setObjectName("step")
        self.steps.addWidget(page)
        return column(page, spacing=2 * STEP)

    def _input(self, layout: QVBoxLayout, words: str, *, secret: bool = False) -> QLineEdit:
        layout.addWidget(label(words, "label"))
        edit = QLineEdit()
        edit.setAccessibleName(words)
        if secret:
            edit.setEchoMode(QLineEdit.EchoMode.Password)
        layout.addWidget(edit)
        return edit

    def _finish(self, layout: QVBoxLayout, words: str, act: Callable[[], None], *edits: QLineEdit) -> QWidget:
        made = button(words, "primary", on_click=act)
        layout.addSpacing(STEP)
        layout.addWidget(made)
        layout.addStretch()
        for edit in edits:
            edit.returnPressed.connect(act)
        return made

    def _credentials(self, server: str, email: str) -> None:
        layout = self._step()
        self.server = self._input(layout, t("login.server"))
        self.server.setText(server)
        self.email = self._input(layout, t("login.email"))
        self.email.setText(email)
        self.password = self._input(layout, t("login.password"), secret=True)
        self.login_button = self._finish(
            layout, t("login.sign_in"), self.submit, self.server, self.email, self.password
        )

    def _second_factor(self) -> None:
        layout = self._step()
        layout.addWidget(label(t("login.totp_text"), "muted", wrap=True))
        self.totp = self._input(layout, t("login.totp"))
        self.totp_button = self._finish(layout, t("login.continue"), self.submit, self.totp)
        layout.addWidget(button(t("back"), "link", on_click=self._back))

    def _new_password(self) -> None:
        layout = self._step()
        layout.addWidget(label(t("login.new_password_text"), "muted", wrap=True))
        self.new_password = self._input(layout, t("login.new_password"), secret=True)
        self.repeated = self._input(layout, t("login.repeat_password"), secret=True)
        self.change_button = self._finish(
            layout, t("login.change"), self._change, self.new_password, self.repeated
        )

    def _enrolment(self) -> None:
        layout = self._step()
        layout.addWidget(label(t("login.enrol_text"), "muted", wrap=True))
        self.secret = label("", "heading", wrap=True, selectable=True)
        layout.addWidget(self.secret)
        self.enrol_code = self._input(layout, t("login.totp"))
        self.enrol_button = self._finish(layout, t("login.continue"), self._enrol, self.enrol_code)

    def focus(self) -> None:
        """Put the cursor where something is missing."""
        (self.password if self.email.text() else self.email).setFocus()

    def lock_identity(self) -> None:
        """Same server and person as before: only the password is asked."""
        self.server.setEnabled(False)
        self.email.setEnabled(False)
        self.subtitle.setText(t("login.again"))

    def _back(self) -> None:
        self.banner.clear_text()
        self.totp.clear()
        self.steps.setCurrentIndex(0)

    def submit(self) -> None:
        """Send the credentials."""
        missing = next((e for e in (self.server, self.email, self.password) if not e.text().strip()), None)
        if missing is not None:
            restyle(missing, "wrong", "true")
            missing.setFocus()
            self.banner.show_text(t("login.missing"), "danger")
            return
        for edit in (self.server, self.email, self.password):
            restyle(edit, "wrong", "false")
        try:
            if self.api is None or self.api.server != normal_server(self.server.text()):
                self.api = self._make_api(normal_server(self.server.text()))
        except ValueError as error:
            self.banner.show_text(str(error), "danger")
            return
        self._set_busy(True)
        code = self.totp.text().strip() or None
        operation = calls.sign_in(self.api, self.email.text().strip(), self.password.text(), code)
        self._run(operation, self._arrived)

    def _run(self, operation: object, on_result: Callable[..., None]) -> None:
        self._runner.run(operation, on_result, self._refused, owner=self, retry_after_sign_in=False)  # type: ignore[arg-type]

    def _arrived(self, signed: SignedIn) -> None:
        self._signed = signed
        self.banner.clear_text()
        self._next()

    def _next(self) -> None:
        self._set_busy(False)
        if self._signed is None or self.api is None:
            return
        if self._signed.must_change_password:
            self.steps.setCurrentIndex(2)
            self.new_password.setFocus()
        elif self._signed.totp_enrolment_required:
            self._run(calls.begin_totp(self.api), self._show_secret)
        else:
            self._set_busy(True)
            self._run(calls.load_metadata(self.api), self._ready)

    def _ready(self, metadata: Metadata) -> None:
        self._set_busy(False)
        self.password.clear()
        self.totp.clear()
        self.steps.setCurrentIndex(0)
        self.signed_in.emit(metadata)

    def _refused(self, error: ApiError) -> None:
        self._set_busy(False)
        if error.code == "auth.totp_required" and self.steps.currentIndex() == 0:
            self.banner.clear_text()
            self.steps.setCurrentIndex(1)
            self.totp.setFocus()
            return
        if self.steps.currentIndex() == 1 and error.code == "auth.invalid_credentials":
            self._back()
        text = " ".join([error.detail, *(m for m in error.fields.values() if m not in error.detail)])
        self.banner.show_text(text, "warning" if error.status == 0 else "danger")

    def _change(self) -> None:
        if self.api is None:
            return
        if not self.new_password.text() or self.new_password.text() != self.repeated.text():
            self.banner.show_text(t("login.passwords_differ"), "danger")
            return
        self._set_busy(True)
        self._run(
            calls.change_password(self.api, self.password.text(), self.new_password.text()), self._changed
        )

    def _changed(self, _nothing: None) -> None:
        if self._signed is not None:
            self._signed = SignedIn(self._signed.user, False, self._signed.totp_enrolment_required)
        self.banner.show_text(t("login.password_changed"), "success")
        self._next()

    def _show_secret(self, secret: Record) -> None:
        text = str(secret.get("secret", ""))
        self.secret.setText(" ".join(text[i : i + 4] for i in range(0, len(text), 4)))
        self.steps.setCurrentIndex(3)
        self.enrol_code.setFocus()

    def _enrol(self) -> None:
        if self.api is not None:
            self._set_busy(True)
            self._run(calls.confirm_totp(self.api, self.enrol_code.text().strip()), self._enrolled)

    def _enrolled(self, codes: list[str]) -> None:
        if self._signed is not None:
            self._signed = SignedIn(self._signed.user, False, False)
        self._set_busy(False)
        self.banner.show_text(
            t("login.recovery", codes="  ".join(codes)), "warning", (t("login.continue"), self._next)
        )

    def _set_busy(self, busy: bool) -> None:
        self.steps.setEnabled(not busy)
        self.login_button.setProperty("text", t("login.wait") if busy else t("login.sign_in"))


class LoginWindow(QWidget):
    """First window."""

    def __init__(self, panel: LoginPanel) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setWindowTitle(t("app.name"))
        self.panel = panel
        layout = row(self)
        layout.addStretch()
        middle = column()
        middle.addStretch()
        middle.addWidget(panel)
        middle.addStretch()
        layout.addLayout(middle)
        layout.addStretch()
        self.resize(theme.scaled(960), theme.scaled(640))
        panel.focus()


class SignInAgain(QDialog):
    """Over the open forms when the session is over; what was typed stays (UIX-61)."""

    def __init__(self, parent: QWidget, panel: LoginPanel) -> None:
        super().__init__(parent, Qt.WindowType.Dialog)
        self.setWindowTitle(t("login.again_title"))
        self.panel = panel
        panel.lock_identity()
        layout = column(self, margins=4 * STEP)
        layout.addWidget(panel)
        panel.focus()
