"""The unmodified `cent` library against a running server: every method of the library that this server supports.

Prints one line per check. run.sh starts it. The key is created with `portcullis key`, as an operator does it.
"""

import asyncio
import time

import cent
from centrifuge import Client, ClientEventHandler, SubscriptionEventHandler

from portcullis import DEV, Person, Refused, fact, finish, key, socket_url

PATIENCE = 10.0


class Events(ClientEventHandler):
    def __init__(self):
        self.connects, self.subscribed, self.unsubscribed = asyncio.Queue(), asyncio.Queue(), asyncio.Queue()
        self.ended = asyncio.get_running_loop().create_future()

    async def on_connected(self, ctx):
        self.connects.put_nowait(ctx.client)

    async def on_subscribed(self, ctx):
        self.subscribed.put_nowait(ctx)

    async def on_unsubscribed(self, ctx):
        self.unsubscribed.put_nowait(ctx)

    async def on_disconnected(self, ctx):
        if not self.ended.done():
            self.ended.set_result((ctx.code, ctx.reason))


class Channel(SubscriptionEventHandler):
    def __init__(self):
        self.heard, self.subscribed, self.unsubscribed = asyncio.Queue(), asyncio.Queue(), asyncio.Queue()

    async def on_publication(self, ctx):
        self.heard.put_nowait(ctx.pub)

    async def on_subscribed(self, ctx):
        self.subscribed.put_nowait(ctx)

    async def on_unsubscribed(self, ctx):
        self.unsubscribed.put_nowait(ctx)


def soon(awaitable):
    return asyncio.wait_for(awaitable, PATIENCE)


class Api:
    """The `cent` client that applications use. Its calls run in threads, so that they do not block the event loop."""

    def __init__(self, text):
        self.client = cent.Client(DEV["http"] + "/api", api_key=text, timeout=PATIENCE)

    def __getattr__(self, method):
        return lambda *args, **kwargs: asyncio.to_thread(getattr(self.client, method), *args, **kwargs)

    async def error(self, awaitable):
        """The error code of a refused call; 0 if the call succeeds."""
        try:
            await awaitable
        except cent.CentApiResponseError as error:
            return error.code
        return 0


async def connected(person):
    events = Events()
    made = Client(socket_url("/connection/websocket"), events=events, token=person.access)
    made.seen = events
    await made.connect()
    made.id = await soon(events.connects.get())
    return made


async def joined(made, name):
    events = Channel()
    subscription = made.new_subscription(name, events=events)
    await subscription.subscribe()
    await soon(events.subscribed.get())
    return subscription, events


async def publishing(api):
    made = await connected(await Person.register())
    _, events = await joined(made, "chat:cent")
    data = {"text": "hi", "big": 12345678901234567890}
    result = await api.publish(cent.PublishRequest(channel="chat:cent", data=data, tags={"kind": "news"}))
    publication = await soon(events.heard.get())
    await fact("publish returns the position", result.offset == 1 and len(result.epoch) == 8)
    await fact("a publication arrives unchanged", publication.data == data)
    again = cent.PublishRequest(channel="chat:cent", data={"n": 1}, idempotency_key="once")
    first, second = await api.publish(again), await api.publish(again)
    await fact("an idempotency key publishes once", first.offset == second.offset == 2)
    request = cent.BroadcastRequest(channels=["chat:cent", "ephemeral:cent"], data={"n": 2})
    broadcast = await api.broadcast(request)
    offsets = [response.result.offset for response in broadcast.responses]
    await fact("broadcast answers for every channel", offsets == [3, 0] or offsets)
    refused = api.publish(cent.PublishRequest(channel="nowhere:x", data={}))
    await fact("an unknown namespace is error 102", await api.error(refused) == 102)

    page = await api.history(cent.HistoryRequest(channel="chat:cent", limit=2))
    await fact("history pages forward", [found.offset for found in page.publications] == [1, 2])
    since = cent.StreamPosition(offset=2, epoch=page.epoch)
    page = await api.history(cent.HistoryRequest(channel="chat:cent", limit=2, since=since))
    await fact("history continues from a position", [found.offset for found in page.publications] == [3])
    page = await api.history(cent.HistoryRequest(channel="chat:cent", limit=2, reverse=True))
    await fact("history pages backward", [found.offset for found in page.publications] == [3, 2])
    since = cent.StreamPosition(offset=1, epoch="another")
    lost = api.history(cent.HistoryRequest(channel="chat:cent", limit=1, since=since))
    await fact("a position of another epoch is error 112", await api.error(lost) == 112)
    await api.history_remove(cent.HistoryRemoveRequest(channel="chat:cent"))
    page = await api.history(cent.HistoryRequest(channel="chat:cent", limit=-1))
    await fact("history_remove keeps the position", (page.publications, page.offset) == ([], 3))
    none = api.history(cent.HistoryRequest(channel="ephemeral:cent"))
    await fact("history of a channel without history is error 108", await api.error(none) == 108)

    presence = await api.presence(cent.PresenceRequest(channel="chat:cent"))
    await fact("presence lists the client", list(presence.presence) == [made.id])
    stats = await api.presence_stats(cent.PresenceStatsRequest(channel="chat:cent"))
    await fact("presence_stats counts", (stats.num_clients, stats.num_users) == (1, 1))
    channels = await api.channels(cent.ChannelsRequest(pattern="chat:*"))
    await fact("channels lists by pattern", channels.channels["chat:cent"].num_clients == 1)
    info = await api.info(cent.InfoRequest())
    await fact("info describes the node", info.nodes[0].num_clients >= 1 and info.nodes[0].uid != "")
    process = info.nodes[0].process
    await fact("info reports CPU time and memory of the process", process.cpu >= 0 and process.rss > 1_000_000)
    await made.disconnect()


async def connections(api):
    person = await Person.register()
    made, user = await connected(person), str(person.id)
    listed = await api.connections(cent.ConnectionsRequest(user=user, expression=""))
    found = listed.connections[made.id]
    await fact("connections lists the connection of the user", (found.transport, found.protocol, found.user) == ("websocket", "json", user))
    await fact("connections names the token", bool(found.state.connection_token.uid))

    override = cent.ChannelOptionsOverride(presence=cent.BoolValue(value=True))
    await api.subscribe(cent.SubscribeRequest(user=user, channel="chat:served", info={"a": 1}, override=override))
    seen = await soon(made.seen.subscribed.get())
    await fact("subscribe subscribes the client", seen.channel == "chat:served")
    presence = await api.presence(cent.PresenceRequest(channel="chat:served"))
    await fact("subscribe carries info", presence.presence[made.id].chan_info == {"a": 1})
    listed = await api.connections(cent.ConnectionsRequest(user=user, expression=""))
    state = listed.connections[made.id].state
    await fact("connections reports the source of a subscription", state.channels["chat:served"].source == 10)
    await fact("connections lists tokens of subscriptions", state.subscription_tokens == {})
    await api.unsubscribe(cent.UnsubscribeRequest(user=user, channel="chat:served"))
    seen = await soon(made.seen.unsubscribed.get())
    await fact("unsubscribe ends a subscription that the server made", seen.channel == "chat:served")

    _, events = await joined(made, "chat:own")
    done = await api.unsubscribe(cent.UnsubscribeRequest(user=user, channel="chat:own"))
    seen = await soon(events.unsubscribed.get())
    await fact("unsubscribe permanently ends a subscription that the client made", seen.code == 2000)
    await fact("unsubscribe counts", (done.done, done.pending) == (1, 0))

    later = int(time.time()) + 3600
    done = await api.refresh(cent.RefreshRequest(user=user, expire_at=later))
    await fact("refresh counts", (done.done, done.pending) == (1, 0))
    other = await connected(person)
    words = cent.Disconnect(code=4100, reason="so long")
    request = cent.DisconnectRequest(user=user, whitelist=[other.id], disconnect=words)
    done = await api.disconnect(request)
    await fact("disconnect spares the whitelist and counts", (done.closed, done.pending) == (1, 0))
    listed = await api.connections(cent.ConnectionsRequest(user=user, expression=""))
    await fact("a disconnected connection is not listed after the answer", list(listed.connections) == [other.id] or list(listed.connections))
    await api.disconnect(cent.DisconnectRequest(user=user))
    await fact("disconnect without a code closes with 3503", (await soon(other.seen.ended))[0] == 3503)
    await made.disconnect()


def status(awaitable):
    async def asked():
        try:
            await awaitable
        except Refused as refused:
            return refused.status
        return 200

    return asked()


async def denials(api):
    person = await Person.register()
    user, made = str(person.id), await connected(person)
    done = await api.block_user(cent.BlockUserRequest(user=user))
    await fact("block_user closes and counts", (done.closed, done.pending) == (1, 0))
    await fact("the connection of a blocked user ends with 4503", (await soon(made.seen.ended))[0] == 4503)
    await fact("a blocked user is refused over REST", await status(person.call("GET", "/api/v1/profile")) == 403)
    await api.unblock_user(cent.UnblockUserRequest(user=user))
    await fact("an unblocked user is accepted again", await status(person.call("GET", "/api/v1/profile")) == 200)

    made = await connected(person)
    listed = await api.connections(cent.ConnectionsRequest(user=user, expression=""))
    uid = listed.connections[made.id].state.connection_token.uid
    await api.revoke_token(cent.RevokeTokenRequest(uid=uid, expire_at=int(time.time()) + 7200))
    await fact("revoke_token ends the connection", (await soon(made.seen.ended))[0] == 4500)
    await fact("a revoked token is refused", await status(person.call("GET", "/api/v1/profile")) == 401)
    await person.refresh()
    await fact("a refresh returns another token", await status(person.call("GET", "/api/v1/profile")) == 200)
    await api.invalidate_user_tokens(cent.InvalidateUserTokensRequest(user=user))
    await fact("invalidate_user_tokens ends the session", await status(person.call("GET", "/api/v1/profile")) == 401)
    await person.sign_in()
    await fact("a new sign-in works", await status(person.call("GET", "/api/v1/profile")) == 200)


async def batches(api):
    for parallel in (False, True):
        requests = [
            cent.PublishRequest(channel="chat:batch", data={"n": 1}),
            cent.BroadcastRequest(channels=["ephemeral:batch"], data={"n": 2}),
            cent.InfoRequest(),
        ]
        result = await api.batch(cent.BatchRequest(requests=requests, parallel=parallel))
        names = [type(reply).__name__ for reply in result.replies]
        expected = ["PublishResult", "BroadcastResult", "InfoResult"]
        await fact(f"a batch answers in order (parallel={parallel})", names == expected or names)


async def keys():
    try:
        await Api("nonsense").info(cent.InfoRequest())
        refused = False
    except cent.CentUnauthorizedError:
        refused = True
    await fact("a wrong key is unauthorized", refused)
    publisher = Api(await key("publisher", "publish"))
    await publisher.publish(cent.PublishRequest(channel="ephemeral:key", data=1))
    try:
        await publisher.info(cent.InfoRequest())
        code = 200
    except cent.CentTransportError as error:
        code = error.status_code
    await fact("a key without the scope is forbidden", code == 403 or code)


async def main():
    api = Api(await key("cent", "*"))
    for scenario in (publishing, connections, denials, batches):
        try:
            await scenario(api)
        except Exception as error:
            await fact(f"{scenario.__name__} runs to its end", f"{type(error).__name__} {error}")
    try:
        await keys()
    except Exception as error:
        await fact("keys runs to its end", f"{type(error).__name__} {error}")


asyncio.run(main())
finish()
