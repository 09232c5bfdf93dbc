"""Real proxies in front of a real server: Caddy, nginx and HAProxy with the configurations of docker/, TLS, all on loopback.

scripts/proxies.sh finds the programs and calls this program. The configurations are used as they are, except for ports and
paths. Clients have the address 127.0.0.7, and the server trusts the address of the proxies, 127.0.0.1.

    proxies.py <portcullis> [caddy=<program>] [nginx=<program>] [haproxy=<program>]

At the end, Caddy is tested in front of two nodes, as in the profile `nodes` of compose.yaml.

QUICK=1 leaves out the pauses between requests, which take five minutes.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import stack
import web

ROOT = pathlib.Path(__file__).resolve().parents[2] / "docker"
CLIENT = "127.0.0.7"
PASSWORD = "correct horse battery staple 7"
# Headers that a client could send to pretend that it has another address, or that its connection is not encrypted.
FORGED = [
    ("X-Forwarded-For", "203.0.113.9"),
    ("x-forwarded-for", "203.0.113.10, 127.0.0.1"),
    ("Forwarded", "for=203.0.113.11;proto=http;host=evil.example"),
    ("X-Real-IP", "203.0.113.12"),
    ("True-Client-IP", "203.0.113.13"),
    ("CF-Connecting-IP", "203.0.113.14"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Port", "1"),
]
# The idle limits are 5 s (HAProxy to the server), 60 s (Caddy and nginx to the server) and 75 s (the server, nginx to
# clients). The pauses, in seconds, are a little shorter and a little longer than each limit.
PAUSES = [] if os.environ.get("QUICK") == "1" else [4, 6, 58, 62, 73, 77]
REQUESTS, CONNECTIONS = 10_000, 8


class Proxy:
    """A running proxy. `authority` is the certificate that its clients trust. `reload` is the command that makes the proxy read
    its configuration again. It is given only for a proxy that needs an option to keep open sockets alive meanwhile."""

    def __init__(self, name, command, ports, authority, directory, variables=None, reload=None):
        self.name, (self.http, self.https), self.authority = name, ports, authority
        self.log_file = directory / f"{name}.log"
        with open(self.log_file, "wb") as out:
            self._given = {"PATH": os.environ["PATH"], "HOME": str(directory)} | (variables or {})
            self._process = subprocess.Popen(command, env=self._given, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self._reload = reload

    def wait_until_ready(self):
        def answers():
            if self._process.poll() is not None:
                sys.exit(f"{self.name} ended:\n{self.log_file.read_text(errors='replace')}")
            try:
                return self.link().request("GET", "/health/ready").status == 200
            except (OSError, web.Broken):
                return False

        stack.eventually(f"{self.name} is ready", answers, 60)

    def link(self, before=b"", source=CLIENT):
        return web.Link(self.https, stack.DOMAIN, self.authority, source, before)

    def reloads(self):
        """Reads the configuration again. False if this proxy has no command for it."""
        if self._reload:
            subprocess.run(self._reload, env=self._given, check=True, capture_output=True)
        return bool(self._reload)

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def replaced(text, *pairs):
    """Replaces each text. If a text is missing, the configuration has changed, and this program must change, too."""
    for old, new in pairs:
        if old not in text:
            sys.exit(f"proxies: there is no {old!r} in the configuration")
        text = text.replace(old, new)
    return text


def certificate(directory):
    """A certificate for the domain that is its own authority, and its key."""
    files = directory / "tls.pem", directory / "tls.key"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    make += ["-subj", f"/CN={stack.DOMAIN}", "-addext", f"subjectAltName=DNS:{stack.DOMAIN}"]
    subprocess.run([*make, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def start_caddy(program, servers, directory, health="/health/live"):
    ports = stack.free_port(), stack.free_port()
    home = directory / "caddy"
    variables = {
        "DOMAIN": stack.DOMAIN,
        "HTTP_PORT": str(ports[0]),
        "HTTPS_PORT": str(ports[1]),
        "PORTCULLIS_UPSTREAM": " ".join(f"127.0.0.1:{server.port}" for server in servers),
        "PORTCULLIS_HEALTH": health,
        "XDG_DATA_HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "CADDY_ADMIN": f"127.0.0.1:{stack.free_port()}",
    }
    config = ["--adapter", "caddyfile", "--config", ROOT / "caddy/localhost.Caddyfile"]
    command, reload = [program, "run", *config], [program, "reload", "--force", *config]
    root = home / "caddy/pki/authorities/local/root.crt"
    proxy = Proxy("caddy", command, ports, root, directory, variables, [*reload, "--address", variables["CADDY_ADMIN"]])
    stack.eventually("Caddy has a certificate", root.exists)
    return proxy


def start_nginx(program, servers, directory):
    (server,) = servers
    ports, (tls, key) = (stack.free_port(), stack.free_port()), certificate(directory)
    site = replaced(
        (ROOT / "nginx/portcullis.conf").read_text(),
        ("listen 80;", f"listen 127.0.0.1:{ports[0]};"),
        ("    listen [::]:80;\n", ""),
        ("listen 443 ssl", f"listen 127.0.0.1:{ports[1]} ssl"),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("127.0.0.1:8000", f"127.0.0.1:{server.port}"),
        (f"/etc/nginx/tls/{stack.DOMAIN}.pem", str(tls)),
        (f"/etc/nginx/tls/{stack.DOMAIN}.key", str(key)),
        ("/var/log/nginx/portcullis", str(directory / "nginx")),
    )
    (directory / "portcullis.conf").write_text(site)
    folders = "".join(
        f"{kind}_temp_path {directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"daemon off;\npid {directory}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\n{folders}include {directory}/portcullis.conf;\n}}\n"
    )
    command = [program, "-e", "stderr", "-p", directory, "-c", directory / "nginx.conf"]
    return Proxy("nginx", command, ports, tls, directory)


def start_haproxy(program, servers, directory):
    (server,) = servers
    ports, (tls, key) = (stack.free_port(), stack.free_port()), certificate(directory)
    both = directory / "both.pem"
    both.write_text(tls.read_text() + key.read_text())
    config = replaced(
        (ROOT / "haproxy/haproxy.cfg").read_text(),
        ("bind :80\n", f"bind 127.0.0.1:{ports[0]}\n"),
        ("bind :443 ", f"bind 127.0.0.1:{ports[1]} "),
        (f"/etc/haproxy/tls/{stack.DOMAIN}.pem", str(both)),
        ("127.0.0.1:8000", f"127.0.0.1:{server.port}"),
    )
    (directory / "haproxy.cfg").write_text(config)
    return Proxy("haproxy", [program, "-db", "-f", directory / "haproxy.cfg"], ports, tls, directory)


class Tests:
    """The checks of one proxy."""

    def __init__(self, report, proxy, operator, api_key):
        self._report, self._proxy, self._operator = report, proxy, operator
        self._api_key = [("X-API-Key", api_key)]
        self._email = f"{proxy.name}@example.com"

    def check(self, fact, holds, detail=""):
        return self._report.check(f"{self._proxy.name}: {fact}", holds, detail)

    def ask(self, method, path, body=None, headers=()):
        link = self._proxy.link()
        try:
            return link.request(method, path, body, headers)
        finally:
            link.close()

    def sign_in(self, email, headers=()):
        return self.ask("POST", "/api/v1/auth/jwt/login", {"username": email, "password": PASSWORD}, headers)

    def run(self):
        try:
            self.redirect()
            self.cookies_and_addresses()
            self.origins()
            self.lines_before_the_request()
            self.sockets_and_revocation()
            self.ends_with_its_client()
            self.kept_connections()
        except Exception as error:  # noqa: BLE001  (a thread must report its failure)
            self.check("the checks ran to their end", False, f"{type(error).__name__}: {error}")

    def redirect(self):
        def place(host):
            with socket.create_connection(("127.0.0.1", self._proxy.http), web.TIMEOUT) as plain:
                plain.sendall(f"GET /a?b HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                answer = plain.recv(4096).decode("latin-1")
            found = re.search(r"(?mi)^location: (.*?)\r", answer)
            return answer.split()[1], urllib.parse.urlsplit(found[1]) if found else None

        status, to = place(stack.DOMAIN)
        holds = status == "308" and to and (to.scheme, to.hostname) == ("https", stack.DOMAIN) and f"{to.path}?{to.query}" == "/a?b"
        self.check("plain HTTP is redirected", holds, to.geturl() if to else status)
        _, to = place("evil.example")
        self.check("no redirect goes to a host that the client named", not to or to.hostname == stack.DOMAIN, to.geturl() if to else "")

    def cookies_and_addresses(self):
        answer = self.sign_in(self._email, FORGED)
        cookies = answer.all("set-cookie")
        secure = answer.status == 200 and len(cookies) >= 4 and all("; Secure" in cookie for cookie in cookies)
        self.check("every cookie of a sign-in is Secure", secure, f"{answer.status}, {len(cookies)} cookies")
        names = [cookie.split("=", 1)[0] for cookie in cookies]
        self.check("the cookie of the device belongs to this host", "__Host-device_id" in names)
        self._user, self._token = answer.json()["user"]["id"], answer.json()["access_token"]
        listed = self.ask("GET", "/api/v1/sessions", None, self.bearer()).json()
        sessions = listed["sessions"] if isinstance(listed, dict) else listed
        seen = {session["address"] for session in sessions}
        self.check("forged headers do not change the address of a sign-in", seen == {CLIENT}, seen)
        line = "; ".join(cookie.split(";", 1)[0] for cookie in cookies)
        by_cookie = self.ask("GET", "/api/v1/profile", None, [("Cookie", line)])
        self.check("the cookies sign a request in", by_cookie.status == 200, by_cookie.status)

    def bearer(self, token=None):
        return [("Authorization", f"Bearer {token or self._token}")]

    def socket(self, origin=stack.ORIGIN, headers=()):
        link = self._proxy.link()
        path = f"/api/v1/ws/chat?token={self._token}"
        return web.WebSocket(link, path, [("Origin", origin), *headers])

    def origins(self):
        refused = self.socket("https://evil.example")
        code = "" if refused.is_open else refused.answer.json()["code"]
        self.check("a WebSocket of another origin is refused", code == "origin_not_allowed", code)
        login = self.sign_in(self._email, [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")])
        self.check("a sign-in of another origin is refused", login.status == 403, login.status)
        allowed = self.ask("OPTIONS", "/api/v1/profile", None, [
            ("Origin", stack.ORIGIN), ("Access-Control-Request-Method", "GET"),
        ])
        self.check(
            "a preflight request of the allowed origin is answered",
            allowed.header("access-control-allow-origin") == stack.ORIGIN,
        )

    def lines_before_the_request(self):
        """Lines of the PROXY protocol, by which a proxy in front of a proxy names the client."""
        line = b"PROXY TCP4 203.0.113.9 203.0.113.1 1000 443\r\n"
        binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xcb\0\x71\x01\x03\xe8\x01\xbb"
        for name, before in (("version 1", line), ("version 2", binary)):
            try:
                taken = self._proxy.link(before).request("GET", "/health/live").status
            except (OSError, web.Broken):
                taken = None
            self.check(f"a PROXY line before TLS is refused ({name})", taken is None, taken or "")
            link = self._proxy.link()
            try:
                link.send(before)
                inside = link.request("GET", "/health/live").status
            except (OSError, web.Broken):
                inside = None
            self.check(f"a PROXY line before the request is refused ({name})", inside in (None, 400), inside or "")

    def opened_stream(self, kind):
        connect = json.dumps({"id": 1, "connect": {"token": self._token}})
        link = self._proxy.link()
        headers = [("Origin", stack.ORIGIN), *FORGED]
        if kind == "sse":
            query = urllib.parse.urlencode({"cf_connect": connect})
            return web.Stream(link.ask("GET", f"/connection/sse?{query}", None, headers)), link
        return web.Stream(link.ask("POST", "/connection/http_stream", connect.encode(), headers)), link

    def subscribe(self, stream, channel):
        command = {"id": 2, "subscribe": {"channel": channel}}
        sent = self.ask("POST", "/emulation", stream.command(command), [("Origin", stack.ORIGIN)])
        answered = False
        while not answered:
            message = stream.message()
            answered = message.get("id") == 2
        return sent.status == 204 and "subscribe" in message

    def connections(self):
        path = f"/api/v1/admin/connections?user={self._user}"
        return self.ask("GET", path, None, self.bearer(self._operator)).json()["connections"]

    def sockets_and_revocation(self):
        channel = f"chat:{self._proxy.name}"
        socket_ = self.socket(headers=FORGED)
        if not self.check("a WebSocket opens", socket_.is_open, socket_.answer.status):
            return
        socket_.send({"id": 1, "subscribe": {"channel": channel}})
        socket_.reply(1)
        streams = {kind: self.opened_stream(kind)[0] for kind in ("http_stream", "sse")}
        for kind, stream in streams.items():
            self.check(f"{kind} subscribes", self.subscribe(stream, channel))
        seen = {connection["address"] for connection in self.connections()}
        self.check("forged headers do not change the address of a socket or stream", seen == {CLIENT}, seen)

        large = "x" * 40_000
        for text in ("a", "b", large):
            began = time.monotonic()
            body = {"channel": channel, "data": {"text": text}}
            self.ask("POST", "/api/publish", body, self._api_key)
            for name, end in (("WebSocket", socket_), *streams.items()):
                publication = None
                while publication is None:
                    publication = end.push().get("pub")
                passed = time.monotonic() - began
                self.check(
                    f"a publication of {len(text)} bytes passes at once ({name})",
                    publication["data"]["text"] == text and passed < 2,
                    f"{passed * 1000:.0f} ms",
                )
        socket_.send({"id": 9, "publish": {"channel": channel, "data": {"text": large}}})
        self.check("a large frame of a client passes", "publish" in socket_.reply(9))
        if self._proxy.reloads():
            socket_.send({"id": 10, "presence_stats": {"channel": channel}})
            self.check("open sockets survive a new configuration", "presence_stats" in socket_.reply(10))

        body = {"user": self._user, "reason": "a test"}
        revoked = self.ask("POST", "/api/v1/admin/revocations", body, self.bearer(self._operator)).json()
        self.check("a revocation closes all three", revoked.get("sockets_closed") == 3, revoked)
        socket_.hold()
        self.check("the WebSocket is closed with 4500", socket_.code == 4500, socket_.code)
        for kind, stream in streams.items():
            code = None
            while (message := stream.message()) is not None:
                code = message.get("push", {}).get("disconnect", {}).get("code", code)
            self.check(f"{kind} ends with 4500", code == 4500, code)
        self.check("the token is rejected", self.ask("GET", "/api/v1/profile", None, self.bearer()).status == 401)

    def ends_with_its_client(self):
        self._token = self.sign_in(self._email).json()["access_token"]
        for kind in ("http_stream", "sse"):
            stream, link = self.opened_stream(kind)
            open_before = len(self.connections())
            link.close()
            del stream
            try:
                stack.eventually("the end of the stream", lambda: not self.connections(), 15)
                self.check(f"{kind} ends at the server when its client is gone", open_before == 1)
            except TimeoutError:
                self.check(f"{kind} ends at the server when its client is gone", False)

    def kept_connections(self):
        """Many requests over kept connections, half of them of a kind that a proxy must not repeat, with pauses in which the
        idle limits pass. A WebSocket stays open all the time."""
        held = self.socket()
        held.wait(90)
        holder = threading.Thread(target=self.quietly(held.hold), daemon=True)
        holder.start()
        bursts = len(PAUSES) + 1
        failures, done, reconnected = [], [0], [0]
        lock = threading.Lock()

        def client(number):
            link = self._proxy.link()
            for burst in range(bursts):
                for at in range(REQUESTS // CONNECTIONS // bursts + 1):
                    if at == 0 and link.is_closed():
                        link = self._proxy.link()
                        with lock:
                            reconnected[0] += 1
                    try:
                        if (at + number) % 2:
                            answer = link.request("POST", "/api/info", {}, self._api_key)
                        else:
                            answer = link.request("GET", "/health/live")
                        wrong = None if answer.status == 200 else answer.status
                        if "close" in answer.header("connection"):
                            link = self._proxy.link()
                    except (OSError, web.Broken) as error:
                        wrong, link = f"{type(error).__name__}: {error}", self._proxy.link()
                    with lock:
                        done[0] += 1
                        if wrong is not None:
                            failures.append(f"burst {burst}, request {at}: {wrong}")
                if burst < len(PAUSES):
                    time.sleep(PAUSES[burst])

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CONNECTIONS)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        detail = f"{done[0]} in {time.monotonic() - began:.0f} s, pauses of {PAUSES} s"
        detail += f", {reconnected[0]} idle connections closed" + (f"; {failures[:3]}" if failures else "")
        self.check("no request over a kept connection fails", not failures and done[0] >= REQUESTS, detail)
        self.check("a WebSocket stays open meanwhile", holder.is_alive() and held.code is None, held.code or "")

    @staticmethod
    def quietly(action):
        def run():
            try:
                action()
            except (OSError, web.Broken):
                pass

        return run


def check_log(report, proxy, whose):
    """Checks that no line of a log contains `eyJ`, with which every token begins."""
    logs = [proxy.log_file, *proxy.log_file.parent.glob("*.log")]
    lines = [line for log in logs for line in log.read_text(errors="replace").splitlines() if "eyJ" in line]
    report.check(f"{proxy.name}: no token {whose} is in its log", not lines, lines[:1] or "")


class Nodes:
    """The checks of Caddy in front of two nodes with one database, as in the profile `nodes` of compose.yaml."""

    def __init__(self, report, proxy, servers):
        self._report, self._proxy, self._servers = report, proxy, servers

    def check(self, fact, holds, detail=""):
        return self._report.check(f"two nodes: {fact}", holds, detail)

    @staticmethod
    def ask(link, method, path, body=None, token=None):
        try:
            return link.request(method, path, body, [("Authorization", f"Bearer {token}")] if token else ())
        finally:
            link.close()

    def sign_in(self, email):
        body = {"username": email, "password": PASSWORD}
        return self.ask(self._proxy.link(), "POST", "/api/v1/auth/jwt/login", body).json()

    def run(self):
        operator, session = self.sign_in("operator@example.com")["access_token"], self.sign_in("caddy@example.com")
        user = session["user"]["id"]

        def open_at(server):
            link = web.Link(server.port, stack.DOMAIN, None, "127.0.0.1")
            answer = self.ask(link, "GET", f"/api/v1/admin/connections?user={user}", None, operator)
            return len(answer.json()["connections"])

        # The address of a client chooses its node: sockets of more and more clients are opened, until each node has one.
        sockets, seen = [], [0, 0]
        while 0 in seen and len(sockets) < 30:
            link = self._proxy.link(source=f"127.0.0.{10 + len(sockets)}")
            path = f"/api/v1/ws/chat?token={session['access_token']}"
            sockets.append(web.WebSocket(link, path, [("Origin", stack.ORIGIN)]))
            seen = [open_at(server) for server in self._servers]
        self.check("clients are distributed, and sockets open on both", 0 not in seen and all(s.is_open for s in sockets), seen)
        body = {"user": user, "reason": "a test"}
        began = time.monotonic()
        self.ask(self._proxy.link(), "POST", "/api/v1/admin/revocations", body, operator)
        for each in sockets:
            each.hold()
        codes, passed = {each.code for each in sockets}, time.monotonic() - began
        self.check("a revocation closes the sockets of both with 4500", codes == {4500} and passed < 3, f"{passed:.2f} s, {codes}")
        self.stop_one()

    def stop_one(self):
        """Sends requests of several clients while one node stops."""
        wrong, done = [], [0]
        stopping, ends = self._servers[0], threading.Event()

        def client(number):
            while not ends.is_set():
                try:
                    link = self._proxy.link(source=f"127.0.0.{10 + number}")
                    status = self.ask(link, "GET", "/api/v1/auth/csrf-token").status
                except (OSError, web.Broken) as error:
                    status = f"{type(error).__name__}: {error}"
                done[0] += 1
                if status != 200:
                    wrong.append(status)
                time.sleep(0.05)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        code = stopping.stop()
        stack.eventually("requests after the stop", lambda number=done[0]: done[0] > number + 60, 30)
        ends.set()
        for thread in threads:
            thread.join()
        self.check("one node stops in good order", code == 0, code)
        self.check("no request fails meanwhile", not wrong, f"{done[0]} requests; {wrong[:3]}" if wrong else f"{done[0]} requests")


def check_nodes(report, command, variables, caddy, scratch):
    directory = scratch / "nodes"
    directory.mkdir(mode=0o755)
    servers, proxy = [], None
    try:
        for name in ("first", "second"):
            (directory / name).mkdir()
            own = {"API_PORT": str(stack.free_port()), "DATA_DIR": str(directory / name), "DRAIN_DELAY": "5", "DRAIN_SECONDS": "1"}
            servers.append(stack.Server(command, variables | own, directory / f"{name}.log"))
        for server in servers:
            server.wait_until_ready()
        proxy = start_caddy(caddy, servers, directory, "/health/ready")
        proxy.wait_until_ready()
        Nodes(report, proxy, servers).run()
    finally:
        if proxy:
            proxy.stop()
        for server in servers:
            if server.process.poll() is None:
                server.process.kill()


def main():
    portcullis, programs = sys.argv[1], dict(argument.split("=", 1) for argument in sys.argv[2:])
    report = stack.Report()
    started, proxies = {"caddy": start_caddy, "nginx": start_nginx, "haproxy": start_haproxy}, []
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        scratch = pathlib.Path(scratch)
        postgres = stack.Postgres(scratch)
        values = stack.write_secrets(scratch / "secrets", postgres)
        settings = {"DATA_DIR": str(scratch / "data"), "TRUSTED_PROXIES": "127.0.0.1", "DRAIN_DELAY": "0"}
        # All clients of the tests share one address and one key of the server API.
        settings |= {"ADDRESS_LIMIT_FACTOR": "1000", "LIMIT_API_KEY": "1000000/10", "LIMIT_REQUEST_USER": "100000/10"}
        (scratch / "data").mkdir()
        variables = stack.environment(stack.free_port(), scratch / "secrets", **settings)
        code, said = postgres.migrate([portcullis])
        if code != 0:
            sys.exit(f"migrate: {said}")
        server = stack.Server([portcullis, "serve"], variables, scratch / "server.log")
        try:
            server.wait_until_ready()
            for name, role in (("operator", "admin"), *((name, "user") for name in programs)):
                command = [portcullis, "user", "create", f"{name}@example.com", "--role", role, "--password-stdin"]
                subprocess.run(command, env=variables, input=PASSWORD, text=True, check=True, capture_output=True, cwd="/")
            for name, program in programs.items():
                directory = scratch / name
                directory.mkdir(mode=0o755)
                proxies.append(started[name](program, [server], directory))
            for proxy in proxies:
                proxy.wait_until_ready()
            threads = []
            for proxy in proxies:
                signing_in = Tests(report, proxy, None, values["api_key"])
                operator = signing_in.sign_in("operator@example.com").json()["access_token"]
                tests = Tests(report, proxy, operator, values["api_key"])
                threads.append(threading.Thread(target=tests.run))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for proxy in proxies:
                check_log(report, proxy, "of a running server")
            report.check("the server stops in good order", server.stop() == 0)
            for proxy in proxies:
                query = urllib.parse.urlencode({"token": "eyJ", "cf_connect": "eyJ"})
                link = proxy.link()
                link.wait(30)
                status = link.request("GET", f"/connection/sse?{query}", None, [("X-API-Key", "eyJ")]).status
                report.check(f"{proxy.name}: without a server the answer is an error", status in (502, 503, 504), status)
                check_log(report, proxy, "of a server that is gone")
            if "caddy" in programs:
                check_nodes(report, [portcullis, "serve"], variables, programs["caddy"], scratch)
        finally:
            for proxy in proxies:
                proxy.stop()
            if server.process.poll() is None:
                server.process.kill()
            postgres.stop()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
