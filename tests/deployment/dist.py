"""The archive and the package of `make dist` in a Debian that has nothing else: unpacked, started as the unit says, used and stopped;
the package is also installed, installed again, removed and purged. scripts/dist-smoke.sh makes the file system and calls this
program in a mount namespace of its own.

systemd does not run here. What the unit says about the command, the user, the directories, the variables and the credentials is
carried out by this program; the rest of its hardening is checked by scripts/deployment.sh.

    dist.py <directory with the file system> <archive> <package>
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import rootfs
import stack
import web

PASSWORD = "correct horse battery staple 7"
NAME, MIGRATION = "portcullis.service", "portcullis-migrate.service"
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# The address in the documentation, and the database of the machine.
OPERATOR, URL = "you@example.com", "postgresql://portcullis@/portcullis?host=/run/postgresql"
OWNER_URL = URL.replace("portcullis@", "portcullis_owner@")
SETTINGS, SECRETS, STATE = "etc/portcullis/portcullis.env", "etc/portcullis/secrets", "var/lib/portcullis"
# Files that the tools of Debian itself write or keep.
OF_DEBIAN = ("var/lib/dpkg/", "var/log/", "var/cache/", "run/", "proc/", "tmp/", "etc/.pwd.lock")
BACKUPS = ("etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-")


class Unit:
    """A unit of systemd: the values of each key, in their order."""

    def __init__(self, file):
        self._values = {}
        for line in file.read_text().splitlines():
            if "=" in line and not line.startswith(("#", ";")):
                key, value = line.split("=", 1)
                self._values.setdefault(key, []).append(value.replace("%S", "/var/lib"))

    def all(self, key):
        return self._values.get(key, [])

    def one(self, key):
        (value,) = self.all(key)
        return value


class Root:
    """The file system of the small Debian."""

    def __init__(self, path):
        self.path = path

    def run(self, *command):
        """Runs a program as root. Returns its exit code and what it wrote."""
        clean = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        done = subprocess.run(
            ["chroot", self.path, *command], env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def type(self, command):
        """Runs a command as an operator types it: in a shell of root, in the home of root."""
        return self.run("bash", "-c", f"cd /root && {command}")

    def user(self, name):
        lines = [line.split(":") for line in (self.path / "etc/passwd").read_text().splitlines()]
        return next(((int(line[2]), int(line[3])) for line in lines if line[0] == name), None)

    def mode(self, name):
        status = (self.path / name).stat()
        return oct(status.st_mode & 0o7777), status.st_uid, status.st_gid

    def files(self):
        found = (str(file.relative_to(self.path)) for file in self.path.rglob("*"))
        return {file for file in found if not file.startswith(OF_DEBIAN) and file not in BACKUPS}


class Service:
    """The server, started as its unit says, after the migration that it wants."""

    def __init__(self, root, unit_file, port, postgres, scratch):
        self._root, self._unit, self._port, self._postgres = root, Unit(unit_file), port, postgres
        self._migration = Unit(unit_file.with_name(MIGRATION))
        # The command of the unit is `<program> serve --env-file <file>`.
        self.program, *self._serve = self._unit.one("ExecStart").split()
        self._options = self._serve[1:]
        self._home = pathlib.Path(tempfile.mkdtemp(dir=scratch))
        os.chmod(self._home, 0o755)

    def _credentials(self, name, unit, uid, gid):
        """The copies of the secrets that the unit gets: their directory outside, and inside."""
        outside = self._home / name
        outside.mkdir(mode=0o500)
        for pair in unit.all("LoadCredential"):
            secret, source = pair.split(":", 1)
            shutil.copy(self._root.path / source[1:], outside / secret)
            os.chown(outside / secret, uid, gid)
            (outside / secret).chmod(0o400)
        os.chown(outside, uid, gid)
        return outside, f"run/credentials/{name}"

    def _migrate(self, credentials, uid, gid):
        """Brings the schema up to date, as the unit of the migration says."""
        unit, root = self._migration, self._root
        assert MIGRATION in self._unit.one("Wants").split() and MIGRATION in self._unit.one("After").split()
        (condition,) = unit.all("ConditionPathExists")
        assert (root.path / condition[1:]).is_file(), condition
        groups = ",".join(str(root.user(name)[1]) for name in unit.all("SupplementaryGroups"))
        command = [*rootfs.inside(root.path, uid, gid, "/", groups), *unit.one("ExecStart").split()]
        variables = {"PATH": "/usr/local/bin:/usr/bin", "CREDENTIALS_DIRECTORY": f"/{credentials}"}
        done = subprocess.run(
            command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            sys.exit(f"{MIGRATION}: {done.stdout}{done.stderr}")

    def start(self):
        """Returns the seconds until the server is ready."""
        root, unit = self._root, self._unit
        self.uid, self.gid = root.user(unit.one("User"))
        state, private = root.path / "var/lib" / unit.one("StateDirectory"), self._home / "private"
        runtime, self.runtime = f"run/{unit.one('RuntimeDirectory')}", self._home / "runtime"
        for directory, mode in ((state, 0o700), (private, 0o700), (self.runtime, 0o755)):
            directory.mkdir(mode=mode, exist_ok=True)
            os.chown(directory, self.uid, self.gid)
        owner = root.user(self._migration.one("User"))
        own, of_migration = self._credentials(NAME, unit, self.uid, self.gid), self._credentials(MIGRATION, self._migration, *owner)
        variables = {"PATH": "/usr/local/bin:/usr/bin", "CREDENTIALS_DIRECTORY": f"/{own[1]}"}
        variables |= dict(pair.split("=", 1) for pair in unit.all("Environment"))
        readable = [own, of_migration, (self._postgres.socket, "run/postgresql")]
        writable = [(state, str(state.relative_to(root.path))), (private, "tmp"), (self.runtime, runtime)]
        rootfs.mount_read_only(root.path, writable, readable)
        self._migrate(of_migration[1], *owner)
        self._inside = rootfs.inside(root.path, self.uid, self.gid, unit.one("WorkingDirectory"))
        self._variables = variables
        self.server = stack.Server([*self._inside, self.program, *self._serve], variables, self._home / "log", self._port)
        return self.server.wait_until_ready()

    def tool(self, *arguments):
        """Runs a command with the settings, credentials and user of the service, as the command of systemd-run in install.md."""
        command = [*self._inside, self.program, *self._options, *arguments]
        return subprocess.run(
            command, env=self._variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )

    def answers_on_socket(self):
        """Whether the server answers on the Unix socket in its runtime directory."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(str(self.runtime / "api.sock"))
            link.sendall(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            return link.recv(64).startswith(b"HTTP/1.1 200 ")

    def end(self):
        if self.server.process.poll() is None:
            self.server.process.kill()
            self.server.process.wait()
        rootfs.unmount(self._root.path)


def configure(root):
    """Adds the settings of this test to the file of settings. Returns the port of the server."""
    file, port = root.path / SETTINGS, stack.free_port()
    own = f"API_PORT={port}\nAPI_SOCKET=/run/portcullis/api.sock\nDRAIN_DELAY=0\nDRAIN_SECONDS=1\n"
    file.write_text(file.read_text() + own)
    return port


def documented(page, words=f" user create {OPERATOR} "):
    """The command with these words, by default that for the first operator, exactly as this page has it."""
    lines = (REPOSITORY / page).read_text().replace("\\\n", " ").splitlines()
    (command,) = {line.strip() for line in lines if words in line}
    return command


def smoke(report, root, service, page, person, kind):
    """Registers, signs in, connects, is revoked, and stops the server."""

    def check(fact, holds, detail=""):
        return report.check(f"{kind}: {fact}", holds, detail)

    def ask(method, path, body=None, token=None):
        link = web.Link(service.server.port, stack.DOMAIN, None, "127.0.0.1")
        try:
            return link.request(method, path, body, [("Authorization", f"Bearer {token}")] if token else ())
        finally:
            link.close()

    def sign_in(email, password):
        answer = ask("POST", "/api/v1/auth/jwt/login", {"username": email, "password": password})
        return answer.status, answer.json()

    healthy = service.tool("health")
    check("`portcullis health` says that it is ready", healthy.returncode == 0, healthy.stderr.strip())
    check("it answers on its Unix socket", service.answers_on_socket())
    checked = service.tool("config", "check", "--database")
    check("`config check --database` has all settings", checked.returncode == 0, checked.stderr.strip())
    code, said = root.type(documented(page))
    shown = re.search(r"^password: (\S+)$", said, re.MULTILINE)
    # The output has the password.
    if not check(f"the command of {page} creates an operator", code == 0 and shown, "" if shown else said):
        return
    registered = ask("POST", "/api/v1/auth/register", {"email": person, "password": PASSWORD})
    check("a user registers", registered.status == 201, registered.status)
    status, session = sign_in(person, PASSWORD)
    check("the user signs in", status == 200, status)
    token, operator = session["access_token"], sign_in(OPERATOR, shown[1])[1]["access_token"]
    check("the token is accepted", ask("GET", "/api/v1/profile", None, token).status == 200)
    link = web.Link(service.server.port, stack.DOMAIN, None, "127.0.0.1")
    socket = web.WebSocket(link, f"/api/v1/ws/chat?token={token}", [("Origin", stack.ORIGIN)])
    if check("a WebSocket opens", socket.is_open, socket.answer.status):
        socket.send({"id": 1, "subscribe": {"channel": "chat:lobby"}})
        check("it subscribes", "subscribe" in socket.reply(1))
    body = {"user": session["user"]["id"], "reason": "a test"}
    revoked = ask("POST", "/api/v1/admin/revocations", body, operator).json()
    check("a revocation closes it", revoked.get("sockets_closed") == 1, json.dumps(revoked))
    socket.hold()
    check("its close code is 4500", socket.code == 4500, socket.code)
    check("the token is rejected", ask("GET", "/api/v1/profile", None, token).status == 401)
    code = service.server.stop()
    check("it stops in good order", code == 0 and '"stopped"' in service.server.log(), f"exit code {code}")


def use(report, root, unit, port, postgres, scratch, page, person, kind):
    service = Service(root, root.path / unit, port, postgres, scratch)
    seconds = service.start()
    try:
        report.check(f"{kind}: it is ready", True, f"{seconds:.2f} s after its start")
        rootfs.check_rights(report, service.server.process.pid, service.uid, service.gid)
        smoke(report, root, service, page, person, kind)
    finally:
        service.end()


def archive(report, root, file, postgres, scratch):
    local, before = root.path / "usr/local", root.files()
    subprocess.run(["tar", "-xzf", file, "-C", local, "--strip-components=1", "--no-same-owner"], check=True)
    code, version = root.run("/usr/local/bin/portcullis", "--version")
    report.check("archive: the program runs", code == 0 and version.startswith("portcullis "), version)
    for shell in (["bash", "-c", ". /usr/local/share/bash-completion/completions/portcullis && complete -p portcullis"],):
        code, said = root.run(*shell)
        report.check("archive: bash completes the command", code == 0 and "_portcullis" in said, said)
    code, said = root.run("systemd-sysusers")
    users = [root.user(name) for name in ("portcullis", "portcullis_owner")]
    report.check("archive: systemd-sysusers makes the users", code == 0 and None not in users and users[0] != users[1], said)
    (root.path / SECRETS).mkdir(parents=True, mode=0o700)
    stack.write_secrets(root.path / SECRETS, postgres)
    shutil.copy(local / "share/doc/portcullis/examples/portcullis.env.example", root.path / SETTINGS)
    (root.path / SECRETS / "database_url").write_text(f"{URL}\n")
    (root.path / SECRETS / "database_owner_url").write_text(f"{OWNER_URL}\n")
    unit, page = "usr/local/lib/systemd/system/portcullis.service", "docs/operation/install.md"
    use(report, root, unit, configure(root), postgres, scratch, page, "ann@example.com", "archive")
    # The package must find a system without traces.
    for name in ("portcullis_owner", "portcullis"):
        code, said = root.run("userdel", name)
        report.check(f"archive: the user {name} can be deleted", code == 0, said)
    shutil.rmtree(root.path / "etc/portcullis")
    shutil.rmtree(root.path / STATE)
    for new in sorted(root.files() - before, reverse=True):
        path = root.path / new
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def package(report, root, file, postgres, scratch):
    def check(fact, holds, detail=""):
        report.check(f"package: {fact}", holds, detail)

    shutil.copy(file, root.path / "tmp/portcullis.deb")
    before = root.files()
    code, said = root.run("dpkg", "-i", "/tmp/portcullis.deb")
    check("dpkg installs it", code == 0, said if code else "")
    uid, gid = root.user("portcullis")
    check("its system user has no rights", 0 < uid < 1000, f"{uid}:{gid}")
    check("only root and the user can enter its settings", root.mode("etc/portcullis") == ("0o750", 0, gid))
    check("only root can enter its secrets", root.mode(SECRETS) == ("0o700", 0, 0))
    keys = ("jwt_secret_key", "csrf_secret_key", "data_encryption_key")
    values = {name: (root.path / SECRETS / name).read_text() for name in keys}
    private = all(root.mode(f"{SECRETS}/{name}") == ("0o600", 0, 0) for name in keys)
    check("it has three different random secrets", private and len(set(values.values())) == 3 and min(map(len, values.values())) > 40)
    urls = [(root.path / SECRETS / name).read_text().strip() for name in ("database_url", "database_owner_url")]
    check("its database is the one of this machine", urls == [URL, OWNER_URL])
    code, said = root.run("systemctl", "is-enabled", "portcullis")
    check("it is not started before it has settings", said == "disabled", said)
    scripts = {name: root.path / f"var/lib/dpkg/info/portcullis.{name}" for name in ("preinst", "postinst")}
    texts = {name: file.read_text() if file.exists() else "" for name, file in scripts.items()}
    restarts = "try-restart 'portcullis.service'" in texts["postinst"].replace("  ", " ") and "stop" not in texts["preinst"]
    check("an upgrade restarts a running server, and never leaves it stopped", restarts)
    unit, page = "lib/systemd/system/portcullis.service", "packaging/debian/portcullis.README.Debian"
    use(report, root, unit, configure(root), postgres, scratch, page, "bob@example.com", "package")

    settings = (root.path / SETTINGS).read_text()
    code, said = root.run("dpkg", "-i", "/tmp/portcullis.deb")
    kept = all((root.path / SECRETS / name).read_text() == value for name, value in values.items())
    check("another installation keeps settings and secrets", code == 0 and kept and (root.path / SETTINGS).read_text() == settings)
    (root.path / SECRETS / "csrf_secret_key").unlink()
    root.run("dpkg", "-i", "/tmp/portcullis.deb")
    check("a later installation does not hide the loss of a secret", not (root.path / SECRETS / "csrf_secret_key").exists())
    code, said = root.run("dpkg", "-r", "portcullis")
    gone = not (root.path / "usr/bin/portcullis").exists() and (root.path / SETTINGS).exists()
    check("a removal keeps the settings only", code == 0 and gone, said if code else "")
    code, said = root.run("dpkg", "-P", "portcullis")
    left = sorted(root.files() - before)
    check("a purge leaves nothing", code == 0 and not left, said if code else left or "")


def with_database(check, report, root, file):
    """Runs the checks of one file of dist/ with a database of its own, because both create the same operator."""
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        # The user in the small Debian has no name here, so this server cannot recognize it as PostgreSQL of the same machine does.
        postgres = stack.Postgres(pathlib.Path(scratch), local="trust")
        # The socket has the name that it has with the usual port, so that the documented URL works.
        (postgres.socket / ".s.PGSQL.5432").symlink_to(f".s.PGSQL.{postgres.port}")
        try:
            check(report, root, file, postgres, scratch)
        finally:
            postgres.stop()


def main():
    root = Root(pathlib.Path(sys.argv[1]))
    report = stack.Report()
    # The server's user can neither read this file nor enter the folder, in which root types commands.
    (root.path / "root/local.env").write_text("API_PORT=1\n")
    (root.path / "root/local.env").chmod(0o600)
    with_database(archive, report, root, sys.argv[2])
    with_database(package, report, root, sys.argv[3])
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
