"""The external issuer of the realtime scenarios, and the application that uses the server API."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import urllib.request

from portcullis import DEV

SECRET = b"what only the scenarios know"
API_KEY = "a-key-that-only-the-scenarios-know"
PREFIX = "s:"


def soon(seconds):
    return int(time.time()) + seconds


def token(**claims):
    """A token with these claims."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    signature = hmac.new(SECRET, signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def name_of(user):
    """The name that the server gives a user of this issuer."""
    return PREFIX + user


def _call(method, params):
    request = urllib.request.Request(f"{DEV['http']}/api/{method}", method="POST", data=json.dumps(params).encode())
    request.add_header("content-type", "application/json")
    request.add_header("x-api-key", API_KEY)
    with urllib.request.urlopen(request, timeout=15) as answer:
        body = json.loads(answer.read())
    if "error" in body:
        raise RuntimeError(f"{method}: {body['error']}")
    return body["result"]


async def api(method, **params):
    """Calls a method of the server API and returns its result."""
    return await asyncio.to_thread(_call, method, params)
