"""The unmodified `centrifuge-python` SDK, in JSON and in Protobuf: history, recovery, presence, server-side subscriptions,
expiry, and the effects of the server API on a client. Prints one line per scenario and encoding. run.sh starts it.
"""

import asyncio
import json
import logging
import os

from centrifuge import (
    CentrifugeError,
    Client,
    ClientEventHandler,
    ClientState,
    DeltaType,
    StreamPosition,
    SubscriptionEventHandler,
    SubscriptionState,
)

from issuer import api, name_of, soon, token
from portcullis import fact, finish, socket_url

PATIENCE = 10.0

logging.getLogger("centrifuge").setLevel(logging.CRITICAL)


def within(awaitable, seconds=PATIENCE):
    return asyncio.wait_for(awaitable, seconds)


def recorder(base):
    """A handler that keeps all events, in one queue per kind."""

    class Events(base):
        def __init__(self):
            self.queues = {}

        def of(self, kind):
            return self.queues.setdefault(kind, asyncio.Queue())

        async def next(self, kind):
            return await within(self.of(kind).get())

    def noting(kind):
        async def note(self, ctx):
            self.of(kind).put_nowait(ctx)

        return note

    for name in dir(base):
        if name.startswith("on_"):
            setattr(Events, name, noting(name[3:]))
    return Events


ClientEvents = recorder(ClientEventHandler)
SubscriptionEvents = recorder(SubscriptionEventHandler)


class Talk:
    """The clients of one scenario, in one encoding."""

    _made = 0

    def __init__(self, protobuf):
        self.protobuf, self.clients = protobuf, []

    @classmethod
    def fresh(cls, namespace):
        cls._made += 1
        return f"{namespace}:py-{os.getpid()}-{cls._made}"

    def wrap(self, data):
        return json.dumps(data).encode() if self.protobuf else data

    def unwrap(self, data):
        return json.loads(data) if self.protobuf else data

    def client(self, **options):
        events = ClientEvents()
        made = Client(
            socket_url("/connection/websocket"), events=events, use_protobuf=self.protobuf, proxy=None,
            min_reconnect_delay=0.05, max_reconnect_delay=0.2, **options,
        )
        made.seen = events
        self.clients.append(made)
        return made

    async def connected(self, user, **options):
        made = self.client(**{"token": token(sub=user), **options})
        await made.connect()
        await within(made.ready())
        return made

    async def subscribed(self, client, channel, **options):
        events = SubscriptionEvents()
        made = client.new_subscription(channel, events=events, min_resubscribe_delay=0.05, **options)
        made.seen = events
        await made.subscribe()
        await within(made.ready())
        await events.next("subscribed")
        return made

    async def publish(self, subscription, first, last):
        for n in range(first, last + 1):
            await subscription.publish(self.wrap({"n": n}))

    async def numbers(self, subscription, count):
        return [self.unwrap((await subscription.seen.next("publication")).pub.data)["n"] for _ in range(count)]

    async def cut(self, client):
        """Cuts the connection, as if the network were lost."""
        client._conn.transport.abort()

    async def end(self):
        for client in self.clients:
            await client.disconnect()


def same(found, expected):
    return found == expected or (found, expected)


async def from_server(channel, first, last):
    for n in range(first, last + 1):
        await api("publish", channel=channel, data={"n": n})


async def subscribes_and_publishes(talk):
    channel = talk.fresh("room")
    mine = await talk.subscribed(await talk.connected("ann"), channel)
    theirs = await talk.subscribed(await talk.connected("bob"), channel)
    said = {"n": 1, "text": "grüß dich"}
    await mine.publish(talk.wrap(said))
    echo, heard = await mine.seen.next("publication"), await theirs.seen.next("publication")
    found = [talk.unwrap(echo.pub.data), talk.unwrap(heard.pub.data), heard.pub.info.user]
    return same(found, [said, said, name_of("ann")])


async def reads_history_page_by_page_in_both_directions(talk):
    subscription = await talk.subscribed(await talk.connected("ann"), talk.fresh("room"))
    await talk.publish(subscription, 1, 10)

    async def pages(reverse):
        read, since = [], None
        while True:
            page = await subscription.history(limit=4, since=since, reverse=reverse)
            if not page.publications:
                return read
            read.append([talk.unwrap(publication.data)["n"] for publication in page.publications])
            since = StreamPosition(offset=page.publications[-1].offset, epoch=page.epoch)

    top = await subscription.history(limit=0)
    found = [await pages(False), await pages(True), top.offset, len(top.publications)]
    return same(found, [[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]], [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1]], 10, 0])


async def recovers_in_memory_what_it_missed_while_its_connection_was_lost(talk):
    return await _recovers(talk, "room")


async def recovers_from_the_database_what_it_missed_while_its_connection_was_lost(talk):
    return await _recovers(talk, "kept")


async def _recovers(talk, namespace):
    channel = talk.fresh(namespace)
    client = await talk.connected("ann")
    subscription = await talk.subscribed(client, channel)
    await talk.publish(subscription, 1, 2)
    before = await talk.numbers(subscription, 2)
    await talk.cut(client)
    await from_server(channel, 3, 6)
    again = await subscription.seen.next("subscribed")
    await talk.publish(subscription, 7, 7)
    after = await talk.numbers(subscription, 5)
    return same([before, again.was_recovering, again.recovered, after], [[1, 2], True, True, [3, 4, 5, 6, 7]])


async def learns_that_its_position_cannot_be_recovered(talk):
    channel = talk.fresh("brief")
    client = await talk.connected("ann")
    subscription = await talk.subscribed(client, channel)
    await talk.publish(subscription, 1, 1)
    await talk.numbers(subscription, 1)
    # The client is away while the server publishes more than the history keeps.
    await client.disconnect()
    await from_server(channel, 2, 6)
    await client.connect()
    again = await subscription.seen.next("subscribed")
    await talk.publish(subscription, 7, 7)
    return same([again.was_recovering, again.recovered, await talk.numbers(subscription, 1)], [True, False, [7]])


async def sees_the_presence_of_two_clients(talk):
    channel = talk.fresh("room")
    mine = await talk.subscribed(await talk.connected("ann"), channel)
    await talk.subscribed(await talk.connected("bob"), channel)
    presence, stats = await mine.presence(), await mine.presence_stats()
    users = sorted(info.user for info in presence.clients.values())
    return same([users, stats.num_clients, stats.num_users], [[name_of("ann"), name_of("bob")], 2, 2])


async def receives_joins_and_leaves(talk):
    channel = talk.fresh("room")
    mine = await talk.subscribed(await talk.connected("ann"), channel)
    other = await talk.connected("bob")
    await talk.subscribed(other, channel)
    while (await mine.seen.next("join")).info.user != name_of("bob"):
        pass
    await other.disconnect()
    return same((await mine.seen.next("leave")).info.user, name_of("bob"))


async def is_subscribed_by_its_token_and_by_the_server_api(talk):
    first, second = talk.fresh("news"), talk.fresh("news")
    user = talk.fresh("reader")
    client = await talk.connected(user, token=token(sub=user, channels=[first]))
    made = [(await client.seen.next("subscribed")).channel]
    await api("subscribe", user=name_of(user), channel=second)
    made.append((await client.seen.next("subscribed")).channel)
    await from_server(first, 1, 1)
    await from_server(second, 2, 2)
    heard = [await client.seen.next("publication") for _ in range(2)]
    await api("unsubscribe", user=name_of(user), channel=second)
    gone = (await client.seen.next("unsubscribed")).channel
    heard = [(ctx.channel, talk.unwrap(ctx.pub.data)["n"]) for ctx in heard]
    return same([made, heard, gone], [[first, second], [(first, 1), (second, 2)], second])


async def refreshes_an_expiring_connection_and_stays(talk):
    asked = []

    async def get_token():
        asked.append(1)
        return token(sub="ann", exp=soon(60))

    client = await talk.connected("ann", token=token(sub="ann", exp=soon(2)), get_token=get_token)
    await asyncio.sleep(3.5)
    return same([len(asked), client.state, client.seen.of("connected").qsize()], [1, ClientState.CONNECTED, 1])


async def fetches_a_new_token_for_one_that_has_expired(talk):
    asked = []

    async def get_token():
        asked.append(1)
        return token(sub="ann", exp=soon(60))

    client = await talk.connected("ann", token=token(sub="ann", exp=soon(-5)), get_token=get_token)
    return same([len(asked), client.state], [1, ClientState.CONNECTED])


async def refreshes_an_expiring_subscription_to_a_private_channel(talk):
    channel = "$" + talk.fresh("room")
    asked = []

    async def get_token(_):
        asked.append(1)
        return token(sub="ann", channel=channel, exp=soon(2 if len(asked) == 1 else 60))

    client = await talk.connected("ann")
    subscription = await talk.subscribed(client, channel, get_token=get_token)
    events = SubscriptionEvents()
    refused = client.new_subscription("$" + talk.fresh("room"), events=events)
    await refused.subscribe()
    code = (await events.next("unsubscribed")).code
    await asyncio.sleep(3.5)
    return same([len(asked), subscription.state, code], [2, SubscriptionState.SUBSCRIBED, 103])


async def is_unsubscribed_by_the_server_api(talk):
    channel, user = talk.fresh("room"), talk.fresh("reader")
    subscription = await talk.subscribed(await talk.connected(user), channel)
    await api("unsubscribe", user=name_of(user), channel=channel)
    code = (await subscription.seen.next("unsubscribed")).code
    return same([code, subscription.state], [2000, SubscriptionState.UNSUBSCRIBED])


async def is_disconnected_by_the_server_api_and_does_not_reconnect(talk):
    user = talk.fresh("reader")
    client = await talk.connected(user)
    result = await api("disconnect", user=name_of(user))
    ended = await client.seen.next("disconnected")
    await asyncio.sleep(0.5)
    found = [result["closed"], ended.code, ended.reason, client.state]
    return same(found, [1, 3503, "force disconnect", ClientState.DISCONNECTED])


async def receives_error_111_when_it_sends_too_much(talk):
    subscription = await talk.subscribed(await talk.connected("ann"), talk.fresh("room"))

    async def code(n):
        try:
            await subscription.publish(talk.wrap({"n": n}))
            return 0
        except CentrifugeError as error:
            return getattr(error, "code", -1)

    codes = await within(asyncio.gather(*(code(n) for n in range(400))))
    return 0 < codes.count(111) < 400 or codes


async def understands_deltas(talk):
    channel = talk.fresh("room")
    subscription = await talk.subscribed(await talk.connected("ann"), channel, delta=DeltaType.FOSSIL)
    long = "The gate is up. " * 40
    said = [{"n": n, "long": long} for n in range(1, 6)]
    for data in said:
        await api("publish", channel=channel, data=data)
    return same([talk.unwrap((await subscription.seen.next("publication")).pub.data) for _ in said], said)


SCENARIOS = [
    subscribes_and_publishes,
    reads_history_page_by_page_in_both_directions,
    recovers_in_memory_what_it_missed_while_its_connection_was_lost,
    recovers_from_the_database_what_it_missed_while_its_connection_was_lost,
    learns_that_its_position_cannot_be_recovered,
    sees_the_presence_of_two_clients,
    receives_joins_and_leaves,
    is_subscribed_by_its_token_and_by_the_server_api,
    refreshes_an_expiring_connection_and_stays,
    fetches_a_new_token_for_one_that_has_expired,
    refreshes_an_expiring_subscription_to_a_private_channel,
    is_unsubscribed_by_the_server_api,
    is_disconnected_by_the_server_api_and_does_not_reconnect,
    receives_error_111_when_it_sends_too_much,
    understands_deltas,
]


async def main():
    for encoding in ("json", "protobuf"):
        for scenario in SCENARIOS:
            talk = Talk(encoding == "protobuf")
            await fact(f"{encoding}: {scenario.__name__.replace('_', ' ')}", scenario(talk))
            await talk.end()


asyncio.run(main())
finish()
