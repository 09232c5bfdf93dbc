"""What the scenarios need in addition to the SDK: users over REST, the commands of operators, and the results.

The other scripts of this directory use this module. It does not depend on channels.
"""

import asyncio
import inspect
import json
import os
import pathlib
import urllib.error
import urllib.request

CONTROL = str(pathlib.Path(__file__).resolve().parent.parent / "server.sh")
DEV = json.loads((pathlib.Path(os.environ["PORTCULLIS_STATE"]) / "data/dev.json").read_text())


def socket_url(route):
    return DEV["http"].replace("http", "ws", 1) + route


async def control(*args):
    process = await asyncio.create_subprocess_exec(
        CONTROL, *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{args}: {output.decode()}")
    return output.decode()


async def cli(*args):
    """Runs a command of the `portcullis` program while the server is running."""
    return await control("cli", *args)


async def key(name, scope):
    """Creates a key of the server API, as an operator does."""
    output = await cli("key", "create", name, "--scope", scope)
    return next(line for line in output.splitlines() if line.startswith("pck_"))


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(f"{status} {code}")
        self.status = status


def _rest(method, route, token, body):
    request = urllib.request.Request(DEV["http"] + route, method=method)
    request.add_header("accept", "application/json")
    if token:
        request.add_header("authorization", f"Bearer {token}")
    if body is not None:
        request.add_header("content-type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise Refused(error.code, json.loads(error.read() or b"{}").get("code")) from None
    return json.loads(text) if text else {}


async def rest(method, route, token=None, body=None):
    return await asyncio.to_thread(_rest, method, route, token, body)


class Person:
    """A signed-in user: the tokens of one session, and the requests with them."""

    _people = 0

    def __init__(self, email, password, id=None):
        self.email, self.password, self.id = email, password, id

    @classmethod
    async def register(cls):
        email = f"py-{os.getpid()}-{cls._people}@example.com"
        cls._people += 1
        person = cls(email, "correct-zebra-lantern-42")
        body = {"email": email, "password": person.password}
        person.id = (await rest("POST", "/api/v1/auth/register", body=body))["id"]
        return await person.sign_in()

    @classmethod
    async def admin(cls):
        found = next(user for user in DEV["users"] if user["role"] == "admin")
        return await cls(found["email"], found["password"]).sign_in()

    async def elsewhere(self):
        """Opens another session of the same account."""
        return await Person(self.email, self.password, self.id).sign_in()

    async def sign_in(self):
        body = {"username": self.email, "password": self.password}
        self._keep(await rest("POST", "/api/v1/auth/jwt/login", body=body))
        return self

    def _keep(self, granted):
        self.access = granted["access_token"]
        self.refresh_token = granted["refresh_token"]
        self.session = granted["session_id"]

    async def refresh(self):
        """Gets a new token, as the `get_token` of an application does."""
        body = {"refresh_token": self.refresh_token}
        self._keep(await rest("POST", "/api/v1/auth/refresh", body=body))
        return self.access

    async def call(self, method, route, body=None):
        return await rest(method, route, self.access, body)


_score = {"passed": 0, "failed": 0}


async def fact(name, truth):
    """Records whether one fact is true. `truth` is a value or a coroutine."""
    try:
        value = await truth if inspect.isawaitable(truth) else truth
        why = "" if value is True else f": {value!r}"
    except Exception as error:  # With any exception the fact is not true.
        why = f": {type(error).__name__} {error}"
    print(f"not ok - {name}{why}" if why else f"ok - {name}", flush=True)
    _score["failed" if why else "passed"] += 1


def finish():
    """Prints the totals and exits. The exit code is 0 if every fact is true."""
    print(f"{_score['passed']} passed, {_score['failed']} failed")
    raise SystemExit(0 if _score["failed"] == 0 else 1)
