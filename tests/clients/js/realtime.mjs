// The unmodified `centrifuge` SDK, in JSON and in Protobuf: history, recovery, presence, server-side subscriptions, expiry,
// and the effects of the server API on a client. Prints one line per scenario and encoding. run.sh starts it.

import { Centrifuge } from 'centrifuge';
import { Centrifuge as Protobuf } from 'centrifuge/build/protobuf';
import WebSocket from 'ws';

import { api, nameOf, soon, token } from './issuer.mjs';
import { fact, finish, pause, socketUrl, within } from './portcullis.mjs';

const text = new TextDecoder();
const bytes = new TextEncoder();

/** The difference between the encodings: in Protobuf the data of an application is bytes. */
const encodings = {
  json: { Client: Centrifuge, wrap: (data) => data, unwrap: (data) => data },
  protobuf: {
    Client: Protobuf,
    wrap: (data) => bytes.encode(JSON.stringify(data)),
    unwrap: (data) => JSON.parse(text.decode(data)),
  },
};

let made = 0;
const fresh = (namespace) => `${namespace}:${process.pid}-${made++}`;
const once = (emitter, event) => within(new Promise((resolve) => emitter.once(event, resolve)), event);

/** The events of one kind, in order. `next()` takes the next one, and waits for it if necessary. */
function stream(emitter, event) {
  const come = [];
  let wake = () => {};
  emitter.on(event, (context) => { come.push(context); wake(); });
  const next = async () => {
    while (come.length === 0) await new Promise((resolve) => { wake = resolve; });
    return come.shift();
  };
  return { come, next: () => within(next(), event) };
}

class Talk {
  constructor(encoding) {
    Object.assign(this, encoding);
    this.clients = [];
  }

  client(options) {
    const sockets = [];
    class Kept extends WebSocket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    }
    const client = new this.Client(socketUrl('/connection/websocket'), {
      websocket: Kept, minReconnectDelay: 50, maxReconnectDelay: 200, ...options,
    });
    /** Cuts the connection, as if the network were lost. */
    client.cut = () => sockets.at(-1).terminate();
    this.clients.push(client);
    return client;
  }

  async connected(user, options) {
    const client = this.client({ token: token({ sub: user }), ...options });
    client.connect();
    await within(client.ready(), 'connection');
    return client;
  }

  async subscribed(client, channel, options) {
    const subscription = client.newSubscription(channel, { minResubscribeDelay: 50, ...options });
    subscription.heard = stream(subscription, 'publication');
    subscription.subscribe();
    await within(subscription.ready(), 'subscription');
    return subscription;
  }

  async numbers(subscription, count) {
    const numbers = [];
    for (let i = 0; i < count; i += 1) numbers.push(this.unwrap((await subscription.heard.next()).data).n);
    return numbers;
  }

  async publish(subscription, from, to) {
    for (let n = from; n <= to; n += 1) await subscription.publish(this.wrap({ n }));
  }

  end() {
    for (const client of this.clients) client.disconnect();
  }
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b) || [a, b];
const count = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const publishFromServer = async (channel, from, to) => {
  for (const n of count(from, to)) await api('publish', { channel, data: { n } });
};

const scenarios = {
  async 'subscribes and publishes'(talk) {
    const channel = fresh('room');
    const [one, two] = [await talk.connected('ann'), await talk.connected('bob')];
    const [mine, theirs] = [await talk.subscribed(one, channel), await talk.subscribed(two, channel)];
    await mine.publish(talk.wrap({ n: 1, text: 'grüß dich' }));
    const [echo, heard] = [await mine.heard.next(), await theirs.heard.next()];
    return same(
      [talk.unwrap(echo.data), talk.unwrap(heard.data), heard.info.user],
      [{ n: 1, text: 'grüß dich' }, { n: 1, text: 'grüß dich' }, nameOf('ann')],
    );
  },

  async 'reads history page by page in both directions'(talk) {
    const subscription = await talk.subscribed(await talk.connected('ann'), fresh('room'));
    await talk.publish(subscription, 1, 10);
    const pages = async (reverse) => {
      const read = [];
      let since;
      for (;;) {
        const page = await subscription.history({ limit: 4, since, reverse });
        if (page.publications.length === 0) return read;
        read.push(page.publications.map((publication) => talk.unwrap(publication.data).n));
        since = { offset: page.publications.at(-1).offset, epoch: page.epoch };
      }
    };
    const top = await subscription.history({ limit: 0 });
    return same(
      [await pages(false), await pages(true), top.offset, top.publications.length],
      [[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]], [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1]], 10, 0],
    );
  },

  async 'recovers in memory what it missed while its connection was lost'(talk) {
    return recovers(talk, 'room');
  },

  async 'recovers from the database what it missed while its connection was lost'(talk) {
    return recovers(talk, 'kept');
  },

  async 'learns that its position cannot be recovered'(talk) {
    const channel = fresh('brief');
    const client = await talk.connected('ann');
    const subscription = await talk.subscribed(client, channel);
    await talk.publish(subscription, 1, 1);
    await talk.numbers(subscription, 1);
    const again = once(subscription, 'subscribed');
    client.cut();
    await publishFromServer(channel, 2, 6);
    const context = await again;
    await talk.publish(subscription, 7, 7);
    return same([context.wasRecovering, context.recovered, await talk.numbers(subscription, 1)], [true, false, [7]]);
  },

  async 'sees the presence of two clients'(talk) {
    const channel = fresh('room');
    const mine = await talk.subscribed(await talk.connected('ann'), channel);
    await talk.subscribed(await talk.connected('bob'), channel);
    const { clients } = await mine.presence();
    const stats = await mine.presenceStats();
    const users = [...(clients instanceof Map ? clients.values() : Object.values(clients))].map(({ user }) => user);
    return same([users.sort(), stats.numClients, stats.numUsers], [['ann', 'bob'].map(nameOf), 2, 2]);
  },

  async 'receives joins and leaves'(talk) {
    const channel = fresh('room');
    const mine = await talk.subscribed(await talk.connected('ann'), channel);
    const [joins, leaves] = [stream(mine, 'join'), stream(mine, 'leave')];
    const other = await talk.connected('bob');
    await talk.subscribed(other, channel);
    const seen = [];
    while (!seen.includes(nameOf('bob'))) seen.push((await joins.next()).info.user);
    other.cut();
    other.disconnect();
    return same((await leaves.next()).info.user, nameOf('bob'));
  },

  async 'is subscribed by its token and by the server API'(talk) {
    const [first, second] = [fresh('news'), fresh('news')];
    const user = `reader-${process.pid}-${made++}`;
    const client = talk.client({ token: token({ sub: user, channels: [first] }) });
    const [subscribed, heard] = [stream(client, 'subscribed'), stream(client, 'publication')];
    const unsubscribed = stream(client, 'unsubscribed');
    client.connect();
    await within(client.ready(), 'connection');
    const made1 = (await subscribed.next()).channel;
    await api('subscribe', { user: nameOf(user), channel: second });
    const made2 = (await subscribed.next()).channel;
    await publishFromServer(first, 1, 1);
    await publishFromServer(second, 2, 2);
    const publications = [await heard.next(), await heard.next()];
    await api('unsubscribe', { user: nameOf(user), channel: second });
    const gone = (await unsubscribed.next()).channel;
    return same(
      [made1, made2, publications.map(({ channel, data }) => [channel, talk.unwrap(data).n]), gone],
      [first, second, [[first, 1], [second, 2]], second],
    );
  },

  async 'refreshes an expiring connection and stays'(talk) {
    let asked = 0;
    const getToken = async () => { asked += 1; return token({ sub: 'ann', exp: soon(60) }); };
    const client = await talk.connected('ann', { token: token({ sub: 'ann', exp: soon(2) }), getToken });
    const lost = stream(client, 'connecting');
    await pause(3500);
    return same([asked, client.state, lost.come.length], [1, 'connected', 0]);
  },

  async 'fetches a new token for one that has expired'(talk) {
    let asked = 0;
    const getToken = async () => { asked += 1; return token({ sub: 'ann', exp: soon(60) }); };
    const client = talk.client({ token: token({ sub: 'ann', exp: soon(-5) }), getToken });
    client.connect();
    await within(client.ready(), 'connection');
    return same([asked, client.state], [1, 'connected']);
  },

  async 'refreshes an expiring subscription to a private channel'(talk) {
    const channel = `$${fresh('room')}`;
    let asked = 0;
    const getToken = async () => {
      asked += 1;
      return token({ sub: 'ann', channel, exp: soon(asked === 1 ? 2 : 60) });
    };
    const client = await talk.connected('ann');
    const subscription = await talk.subscribed(client, channel, { getToken });
    const refused = client.newSubscription(`$${fresh('room')}`);
    const ended = once(refused, 'unsubscribed');
    refused.subscribe();
    const { code } = await ended;
    await pause(3500);
    return same([asked, subscription.state, code], [2, 'subscribed', 103]);
  },

  async 'is unsubscribed by the server API'(talk) {
    const channel = fresh('room');
    const user = `reader-${process.pid}-${made++}`;
    const subscription = await talk.subscribed(await talk.connected(user), channel);
    const ended = once(subscription, 'unsubscribed');
    await api('unsubscribe', { user: nameOf(user), channel });
    return same([(await ended).code, subscription.state], [2000, 'unsubscribed']);
  },

  async 'is disconnected by the server API and does not reconnect'(talk) {
    const user = `reader-${process.pid}-${made++}`;
    const client = await talk.connected(user);
    const ended = once(client, 'disconnected');
    const { closed } = await api('disconnect', { user: nameOf(user) });
    const { code, reason } = await ended;
    await pause(500);
    return same([closed, code, reason, client.state], [1, 3503, 'force disconnect', 'disconnected']);
  },

  async 'is disconnected with a code of the application and reconnects'(talk) {
    const user = `reader-${process.pid}-${made++}`;
    const client = await talk.connected(user);
    const again = once(client, 'connected');
    await api('disconnect', { user: nameOf(user), disconnect: { code: 4200, reason: 'come again' } });
    return Boolean((await again).client);
  },

  async 'cannot connect while its user is blocked, but can connect after that'(talk) {
    const user = `reader-${process.pid}-${made++}`;
    const client = await talk.connected(user);
    const ended = once(client, 'disconnected');
    await api('block_user', { user: nameOf(user) });
    const codes = [(await ended).code];
    const refused = once(client, 'disconnected');
    client.connect();
    codes.push((await refused).code);
    await api('unblock_user', { user: nameOf(user) });
    client.connect();
    await within(client.ready(), 'connection');
    return same(codes, [4503, 4503]);
  },

  async 'receives error 111 when it sends too much'(talk) {
    const subscription = await talk.subscribed(await talk.connected('ann'), fresh('room'));
    const sent = count(1, 400).map((n) => subscription.publish(talk.wrap({ n })).then(() => 0, ({ code }) => code));
    const codes = await within(Promise.all(sent), 'answers');
    const refused = codes.filter((code) => code === 111).length;
    return (refused > 0 && refused < 400) || codes;
  },

  async 'understands deltas'(talk) {
    const channel = fresh('room');
    const client = await talk.connected('ann');
    const subscription = await talk.subscribed(client, channel, { delta: 'fossil' });
    const long = 'The gate is up. '.repeat(40);
    for (const n of count(1, 5)) await api('publish', { channel, data: { n, long } });
    const heard = [];
    for (let i = 0; i < 5; i += 1) heard.push(talk.unwrap((await subscription.heard.next()).data));
    return same(heard, count(1, 5).map((n) => ({ n, long })));
  },
};

async function recovers(talk, namespace) {
  const channel = fresh(namespace);
  const client = await talk.connected('ann');
  const subscription = await talk.subscribed(client, channel);
  await talk.publish(subscription, 1, 2);
  const before = await talk.numbers(subscription, 2);
  const again = once(subscription, 'subscribed');
  client.cut();
  await publishFromServer(channel, 3, 6);
  const context = await again;
  await talk.publish(subscription, 7, 7);
  const after = await talk.numbers(subscription, 5);
  return same([before, context.wasRecovering, context.recovered, after], [[1, 2], true, true, [3, 4, 5, 6, 7]]);
}

for (const [name, encoding] of Object.entries(encodings)) {
  for (const [scenario, run] of Object.entries(scenarios)) {
    const talk = new Talk(encoding);
    await fact(`${name}: ${scenario}`, () => run(talk));
    talk.end();
  }
}
finish();
