"""Runs the image of the server as a container runtime would: its files as a root file system that is read-only, as the user of
the image, without capabilities, with secrets as files and a volume for the data. scripts/image.sh builds the image and calls
this program in a mount namespace of its own.

    image.py <directory with the files of the image> <file with the output of buildah inspect> <size in bytes>
"""

import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import rootfs
import stack

LARGEST = 40_000_000
PROGRAM = "/usr/local/bin/portcullis"
DATA = "/var/lib/portcullis"
PASSWORD = "correct horse battery staple 7"


def check_configuration(report, files, config, size):
    report.check("the image is smaller than 40 MB", size < LARGEST, f"{size / 1e6:.1f} MB")
    report.check("the image has a user without rights", config.get("User") == "65532:65532", config.get("User"))
    health = (config.get("Healthcheck") or {}).get("Test")
    report.check("the program itself is the health check", health == ["CMD", PROGRAM, "health"], health)
    report.check("the image starts `serve`", config["Entrypoint"] + config["Cmd"] == [PROGRAM, "serve"])
    report.check("the data is a volume", DATA in (config.get("Volumes") or {}))
    shells = [name for name in ("bin/sh", "bin/bash", "usr/bin/apt-get", "usr/bin/dpkg") if (files / name).exists()]
    report.check("there is no shell and no package manager", not shells, shells or "")
    writable = [str(file) for file in files.rglob("*") if not file.is_symlink() and file.stat().st_mode & 0o6022]
    report.check("only the owner may change each file, and no file has set-user-id", not writable, writable or "")


def sign_in(server, email):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    body = json.dumps({"username": email, "password": PASSWORD})
    connection.request("POST", "/api/v1/auth/jwt/login", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def main():
    files, size = pathlib.Path(sys.argv[1]), int(sys.argv[3])
    config = json.loads(pathlib.Path(sys.argv[2]).read_text())["Docker"]["config"]
    report = stack.Report()
    check_configuration(report, files, config, size)
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        scratch = pathlib.Path(scratch)
        postgres = stack.Postgres(scratch)
        try:
            run(report, scratch, postgres, files, config)
        finally:
            postgres.stop()
    return report.end()


def run(report, scratch, postgres, files, config):
    data, secrets = scratch / "data", scratch / "secrets"
    data.mkdir(mode=0o700)
    os.chown(data, stack.WITHOUT_RIGHTS, stack.WITHOUT_RIGHTS)
    values = stack.write_secrets(secrets, postgres, stack.WITHOUT_RIGHTS)
    (secrets / "postgres_password").write_text(postgres.password)
    os.chown(secrets / "postgres_password", stack.WITHOUT_RIGHTS, stack.WITHOUT_RIGHTS)
    (secrets / "postgres_password").chmod(0o400)
    rootfs.mount_read_only(files, [(data, DATA[1:])], [(secrets, "run/secrets"), (postgres.socket, "var/run/postgresql")])
    of_image = dict(pair.split("=", 1) for pair in config["Env"])
    port = stack.free_port()
    variables = of_image | stack.environment(port, "/run/secrets", DRAIN_DELAY="2", DRAIN_SECONDS="1")
    inside = [*rootfs.inside(files, *config["User"].split(":")), PROGRAM]

    def tool(*arguments, given=variables, stdin=""):
        return subprocess.run(
            [*inside, *arguments], env=given, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    refused = tool("serve", given=of_image)
    named = all(name in refused.stderr for name in ("DATABASE_URL", "JWT_SECRET_KEY", "DOMAIN"))
    report.check("without settings it ends with 78 and names what is missing", refused.returncode == 78 and named)

    early = tool("serve")
    report.check("it does not start before the schema is made, and says how", "portcullis migrate" in early.stderr, early.stderr.strip())
    code, said = postgres.migrate(inside)
    report.check("the owner of the tables makes the schema", code == 0 and "rights of a server" in said, said.strip())
    server = stack.Server([*inside, "serve"], variables, scratch / "server.log")
    try:
        seconds = server.wait_until_ready()
        report.check("it is ready, with a role that cannot change the audit log", True, f"{seconds:.2f} s after its start")
        rootfs.check_rights(report, server.process.pid, *config["User"].split(":"))

        created = tool("user", "create", "ann@example.com", "--password-stdin", stdin=PASSWORD)
        report.check("a tool in the image creates a user", created.returncode == 0, created.stderr.strip())
        status, answer = sign_in(server, "ann@example.com")
        report.check("the user signs in", status == 200 and "access_token" in answer, status)
        healthy = tool("health")
        report.check("the health check succeeds", healthy.returncode == 0, (healthy.stdout + healthy.stderr).strip())

        server.process.terminate()
        stack.eventually("readiness is off", lambda: server.status("/health/ready") == 503, 2)
        report.check("a stop turns readiness off, and the server still serves", server.status("/health/live") == 200)
        unready = tool("health")
        report.check("the health check fails while the server stops", unready.returncode == 1, unready.stderr.strip())
        code = server.process.wait(timeout=30)
        report.check("the server stops in good order", code == 0 and '"stopped"' in server.log(), f"exit code {code}")
        down = tool("health")
        report.check("the health check fails without a server", down.returncode == 1, down.stderr.strip())
    finally:
        if server.process.poll() is None:
            server.process.kill()
    # As in compose.yaml: the socket of the database is in a volume that is mounted read-only.
    by_socket = variables | {
        "POSTGRES_HOST": "/var/run/postgresql",
        "POSTGRES_PORT": str(postgres.port),
        "POSTGRES_USER": "portcullis",
        "POSTGRES_DB": "portcullis",
        "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
    }
    del by_socket["DATABASE_URL_FILE"]
    again = stack.Server([*inside, "serve"], by_socket, scratch / "again.log")
    seconds = again.wait_until_ready()
    report.check("the server starts again, with the socket of the database", True, f"ready after {seconds:.2f} s")
    status, _ = sign_in(again, "ann@example.com")
    report.check("the user signs in again", status == 200, status)
    again.stop()
    log = server.log() + again.log()
    leaked = any(value in log for value in [*values.values(), postgres.password])
    report.check("no secret is in the log of the server", not leaked)


if __name__ == "__main__":
    sys.exit(main())
