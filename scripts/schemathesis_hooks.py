"""How schemathesis signs in, and what its requests name. `schemathesis.sh` uses this file.

As a program, it remembers what an admin is (`remember EMAIL PASSWORD FILE`), and later compares (`compare EMAIL PASSWORD FILE`).
"""

import json
import os
import sys
import urllib.error
import urllib.request
import zlib

URL = os.environ["PORTCULLIS_URL"]


def call(method, path, body=None, token=None):
    """Sends a request, and returns the JSON of the answer. Fails if the answer is an error."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


def sign_in(email, password):
    return call("POST", "/api/v1/auth/jwt/login", {"username": email, "password": password})


def state_of(token):
    """What only the admin may change."""
    profile = call("GET", "/api/v1/profile", token=token)
    for field in ("last_login_at",):
        profile.pop(field)
    devices = call("GET", "/api/v1/devices?limit=200", token=token)["devices"]
    return {
        "profile": profile,
        "factors": call("GET", "/api/v1/2fa", token=token),
        "passkeys": call("GET", "/api/v1/webauthn/credentials", token=token),
        "devices": sorted((device["id"], device["label"], device["trust"]) for device in devices),
    }


def remember(email, password, file):
    tokens = sign_in(email, password)
    token = tokens["access_token"]
    state = {
        "refresh": tokens["refresh_token"],
        "session": tokens["session_id"],
        "user": tokens["user"]["id"],
        "state": state_of(token),
    }
    state["device"] = state["state"]["devices"][0][0]
    with open(file, "w") as out:
        json.dump(state, out)


def compare(_email, _password, file):
    """The session must still be open, so it is refreshed. Then nothing may have changed."""
    with open(file) as source:
        before = json.load(source)
    tokens = call("POST", "/api/v1/auth/refresh", {"refresh_token": before["refresh"]})
    assert tokens["session_id"] == before["session"], "the admin's session has ended"
    after = json.loads(json.dumps(state_of(tokens["access_token"])))
    assert after == before["state"], f"the operator changed the admin: {before['state']} is now {after}"
    print("The admin is as before: session, account, factors, passkeys and devices.")


if __name__ == "__main__":
    {"remember": remember, "compare": compare}[sys.argv[1]](*sys.argv[2:])
    sys.exit()

import schemathesis  # noqa: E402 (only for the runs)

EMAIL = os.environ["PORTCULLIS_EMAIL"]
# A run may change the password of the account; the newest comes last.
PASSWORDS = [os.environ["PORTCULLIS_PASSWORD"]]
VICTIM = None
if os.environ.get("PORTCULLIS_VICTIM"):
    with open(os.environ["PORTCULLIS_VICTIM"]) as remembered:
        VICTIM = json.load(remembered)


# The requests end sessions, so a 401 means that a new one is needed.
@schemathesis.auth(refresh_interval=240, retry_on=[401]).apply_to(path_regex=r"^/api/v1/")
class Caller:
    def get(self, case, context):
        for password in reversed(PASSWORDS):
            try:
                return sign_in(EMAIL, password)["access_token"]
            except urllib.error.HTTPError as error:
                failure = error
        raise failure

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.auth().apply_to(path_regex=r"^/api/(?!v1/)")
class ApiKey:
    def get(self, case, context):
        return os.environ["API_KEY"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["X-API-Key"] = data
        # Otherwise errors of methods are answered with 200, and a refused request looks like an accepted one.
        case.headers["X-Centrifugo-Error-Mode"] = "transport"


@schemathesis.hook
def after_call(context, case, response):
    if case.operation.path == "/api/v1/profile/password" and response.status_code == 200:
        PASSWORDS.append(case.body["new_password"])


def picks(values, share):
    """Whether to change this case. It depends only on the case, so a repeated case is the same."""
    return zlib.crc32(repr(values).encode()) % 100 < share


def aimed(values):
    """The values, with the admin's ids in most of the fields that name a user or an object."""
    if VICTIM is None or not isinstance(values, dict):
        return values
    ids = {
        "user": VICTIM["user"], "user_id": VICTIM["user"], "subject": str(VICTIM["user"]),
        "session": VICTIM["session"], "sid": VICTIM["session"], "device": VICTIM["device"], "id": VICTIM["device"],
    }
    return {name: ids[name] if name in ids and picks([name, values], 70) else value for name, value in values.items()}


@schemathesis.hook
def map_query(context, query):
    return aimed(query)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    return aimed(path_parameters)


def completed(path, body):
    """The body of a request that fits its schema, changed so that it also passes the rules that no schema can express."""
    if path == "/api/v1/auth/step-up":
        return {"password": PASSWORDS[-1]}
    if path in ("/api/v1/auth/jwt/login", "/api/v1/auth/login"):
        return {**body, "username": EMAIL, "password": PASSWORDS[-1]}
    if path == "/api/v1/auth/register":
        return {**body, "email": f"a{zlib.crc32(repr(body).encode())}@example.com", "password": "otter-lantern-umbrella-4"}
    if path == "/api/v1/admin/revocations":
        targets = [name for name in ("session", "device", "user", "subject") if body.get(name) is not None]
        kept = {name: body[name] for name in targets[:1]} or {"user": 1}
        return aimed({**kept, "reason": body.get("reason", "").strip()[:500] or "a test"})
    if path == "/api/v1/webauthn/login/begin":
        return {"step_up": True} if picks(body, 50) else {}
    return body


# Only a body that fits its schema is changed: a changed one that did not fit might fit afterwards.
@schemathesis.hook
def before_call(context, case, kwargs):
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if positive and isinstance(case.body, dict) and picks(case.body, 60):
        case.body = aimed(completed(case.operation.path, case.body))
