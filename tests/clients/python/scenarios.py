"""The unmodified `centrifuge-python` SDK against a running server: messages, token renewal, permanent close, reconnect.

Prints one line per check. run.sh starts it.
"""

import asyncio
import logging

from centrifuge import (
    Client,
    ClientEventHandler,
    ClientState,
    SubscriptionEventHandler,
    SubscriptionState,
    UnauthorizedError,
)

from portcullis import Person, Refused, cli, control, fact, finish, socket_url

SDK_ROUTE = "/connection/websocket"
OWN_ROUTE = "/api/v1/ws/chat"
# Longer than the pauses of the SDK before its first attempts to reconnect.
QUIET = 3.0
PATIENCE = 10.0

logging.getLogger("centrifuge").setLevel(logging.CRITICAL)


class Events(ClientEventHandler):
    """Records the events that the SDK reports."""

    def __init__(self):
        self.asked = 0
        self.connecting, self.disconnected, self.errors = [], [], []
        self.connects = asyncio.Queue()
        self.ended = asyncio.get_running_loop().create_future()

    async def on_connecting(self, ctx):
        self.connecting.append(ctx.code)

    async def on_connected(self, ctx):
        self.connects.put_nowait(ctx.client)

    async def on_error(self, ctx):
        self.errors.append(ctx)

    async def on_disconnected(self, ctx):
        self.disconnected.append((ctx.code, ctx.reason))
        if not self.ended.done():
            self.ended.set_result((ctx.code, ctx.reason))


class Publications(SubscriptionEventHandler):
    def __init__(self):
        self.heard = asyncio.Queue()
        self.subscribed = asyncio.Queue()

    async def on_subscribed(self, ctx):
        self.subscribed.put_nowait(ctx)

    async def on_publication(self, ctx):
        self.heard.put_nowait(ctx.pub)


def soon(awaitable, seconds=PATIENCE):
    return asyncio.wait_for(awaitable, seconds)


def client(token, route=SDK_ROUTE, person=None):
    events = Events()

    async def get_token():
        events.asked += 1
        try:
            return await person.refresh()
        except Refused as error:
            if error.status == 401:
                raise UnauthorizedError() from error
            raise

    made = Client(
        socket_url(route), events=events, token=token, get_token=get_token if person else None, proxy=None
    )
    made.seen = events
    return made


async def connected(token, route=SDK_ROUTE, person=None):
    made = client(token, route, person)
    await made.connect()
    await soon(made.seen.connects.get())
    return made


async def lobby(made):
    events = Publications()
    subscription = made.new_subscription("chat:lobby", events=events)
    await subscription.subscribe()
    await soon(events.subscribed.get())
    return subscription, events


async def talking():
    ann, bob = await asyncio.gather(Person.register(), Person.register())
    one = await connected(ann.access)
    two = await connected(bob.access, OWN_ROUTE)
    await fact("connects with a token from login", one.state == ClientState.CONNECTED)
    await fact(f"connects at {OWN_ROUTE} as well", two.state == ClientState.CONNECTED)
    mine, echo = await lobby(one)
    theirs, heard = await lobby(two)
    both = mine.state == theirs.state == SubscriptionState.SUBSCRIBED
    await fact("subscribes to chat:lobby", both)
    await mine.publish({"text": "hello, lobby"})
    publication = await soon(echo.heard.get())
    await fact("receives what it published", publication.data == {"text": "hello, lobby"})
    publication = await soon(heard.heard.get())
    from_ann = publication.info is not None and publication.info.user == str(ann.id)
    await fact("receives what another user published", publication.data["text"] == "hello, lobby" and from_ann)
    await mine.unsubscribe()
    await fact("leaves a channel", mine.state == SubscriptionState.UNSUBSCRIBED)
    await one.disconnect()
    await two.disconnect()


class AsTimePasses:
    """Lets timers of more than ten minutes fire at once. So the SDK acts as if its token were about to expire."""

    def __enter__(self):
        self._loop = asyncio.get_running_loop()
        patient = self._loop.call_later
        self._loop.call_later = lambda delay, *args, **kw: patient(0 if delay > 600 else delay, *args, **kw)

    def __exit__(self, *_):
        del self._loop.call_later


async def renewing():
    ann = await Person.register()
    with AsTimePasses():
        ageing = await connected(ann.access, person=ann)
        while ageing.seen.asked == 0:
            await asyncio.sleep(0.005)
    # A round trip after the renewal: if the server had refused the renewal, the connection would be closed.
    sub, _ = await lobby(ageing)
    await sub.publish({"text": "still here"})
    renewed = ageing.seen.asked == 1 and len(ageing.seen.connecting) == 1 and not ageing.seen.errors
    alive = ageing.state == ClientState.CONNECTED
    await fact("renews an expiring connection with get_token and refresh", renewed and alive)
    await ageing.disconnect()
    fresh = await connected("", person=ann)
    await fact("asks get_token for its first token", fresh.seen.asked == 1)
    _, events = await lobby(fresh)
    before = ann.access
    await cli("user", "set-role", ann.email, "operator")
    await soon(fresh.seen.connects.get())
    renewed = fresh.seen.connecting[-1] == 3014 and fresh.seen.asked == 2 and ann.access != before
    await fact("reconnects after 3014 with a new token", renewed)
    await soon(events.subscribed.get())
    await fact("is subscribed again after 3014", True)
    await fresh.disconnect()


async def revoked(person, admin):
    order = {"session": person.session, "reason": "scenario"}
    await admin.call("POST", "/api/v1/admin/revocations", order)


async def signed_out(person, _admin):
    await person.call("POST", "/api/v1/auth/logout")


async def password_changed(person, _admin):
    other = await person.elsewhere()
    await other.call("POST", "/api/v1/profile/password", {"new_password": "another-copper-walrus-17"})


async def suspended(person, _admin):
    await cli("user", "set-status", person.email, "suspended")


async def reused(person, _admin):
    stale = person.refresh_token
    await person.refresh()
    await person.refresh()
    thief = Person(person.email, person.password)
    thief.refresh_token = stale
    try:
        await thief.refresh()
    except Refused as error:
        assert error.status == 401, error
    else:
        raise AssertionError("the reused token was accepted")


# The ways to end a connection, each with the code and reason that the client must receive.
ENDS = [
    (4500, "session revoked", "an operator revoked the session", revoked),
    (4501, "signed out", "the user signed out", signed_out),
    (4502, "password changed", "the password was changed elsewhere", password_changed),
    (4503, "account disabled", "the account was suspended", suspended),
    (4504, "refresh token reused", "a refresh token was used again", reused),
]


async def ending():
    admin = await Person.admin()
    quiet = []
    for code, reason, name, provoke in ENDS:
        person = await Person.register()
        made = await connected(person.access, person=person)
        await provoke(person, admin)
        told = await soon(made.seen.ended)
        await fact(f"ends with {code} when {name}", told == (code, reason) or told)
        quiet.append((code, made))
        late = client(person.access)
        await late.connect()
        told = await soon(late.seen.ended)
        await fact(f"the old token cannot connect after {code}", told[0] >= 3500 or told)
        quiet.append((f"refusal after {code}", late))
    garbage = client("not-a-token")
    await garbage.connect()
    told = await soon(garbage.seen.ended)
    await fact("ends with 3500 when the token is not valid", told == (3500, "invalid token") or told)
    quiet.append((3500, garbage))
    attempts = [len(made.seen.connecting) for _, made in quiet]
    await asyncio.sleep(QUIET)
    for (code, made), before in zip(quiet, attempts):
        still = made.state == ClientState.DISCONNECTED and len(made.seen.connecting) == before == 1
        await fact(f"does not try to connect again after {code}", still and len(made.seen.disconnected) == 1)


async def returning():
    ann = await Person.register()
    made = await connected(ann.access, person=ann)
    subscription, events = await lobby(made)
    await control("restart")
    await soon(made.seen.connects.get(), 30)
    await fact("receives code 3001 when the server stops", made.seen.connecting[1] == 3001 or made.seen.connecting)
    await fact("reconnects by itself after the restart", not made.seen.disconnected)
    await soon(events.subscribed.get())
    await subscription.publish({"text": "back"})
    publication = await soon(events.heard.get())
    await fact("publishes and receives again after the restart", publication.data["text"] == "back")
    await made.disconnect()


async def main():
    for scenario in (talking, renewing, ending, returning):
        try:
            await scenario()
        except Exception as error:
            await fact(f"{scenario.__name__} runs to its end", f"{type(error).__name__} {error}")


asyncio.run(main())
finish()
