// The unmodified `centrifuge` SDK against a running server: messages, token renewal, permanent close, reconnect.
// Prints one line per check. run.sh starts it.

import { Centrifuge, UnauthorizedError } from 'centrifuge';
import WebSocket from 'ws';

import {
  Person, Refused, cli, fact, finish, pause, restartServer, socketUrl, within,
} from './portcullis.mjs';

const SDK_ROUTE = '/connection/websocket';
const OWN_ROUTE = '/api/v1/ws/chat';
/** Longer than the pauses of the SDK before its first attempts to reconnect. */
const QUIET_MS = 3000;

/** An SDK client that counts the sockets that it opens, and remembers its events. */
function client(token, { route = SDK_ROUTE, getToken } = {}) {
  const seen = { sockets: 0, asked: 0, disconnects: [], connects: 0, received: [] };
  class Counting extends WebSocket {
    constructor(...args) {
      super(...args);
      seen.sockets += 1;
      this.on('message', (frame) => seen.received.push(...String(frame).split('\n')));
    }
  }
  const counted = getToken && (async () => {
    seen.asked += 1;
    return getToken();
  });
  const centrifuge = new Centrifuge(socketUrl(route), { token, getToken: counted, websocket: Counting });
  centrifuge.on('connected', () => { seen.connects += 1; });
  centrifuge.on('disconnected', (context) => seen.disconnects.push(context));
  centrifuge.seen = seen;
  return centrifuge;
}

async function connected(token, options) {
  const centrifuge = client(token, options);
  centrifuge.connect();
  await within(centrifuge.ready(), 'connection');
  return centrifuge;
}

const once = (emitter, event) => within(new Promise((resolve) => emitter.once(event, resolve)), event);

function tokenOf(person) {
  return async () => {
    try {
      return await person.refresh();
    } catch (error) {
      if (error instanceof Refused && error.status === 401) throw new UnauthorizedError('signed out');
      throw error;
    }
  };
}

async function lobby(centrifuge) {
  const subscription = centrifuge.newSubscription('chat:lobby');
  subscription.subscribe();
  await within(subscription.ready(), 'subscription');
  return subscription;
}

async function talking() {
  const [ann, bob] = await Promise.all([Person.register(), Person.register()]);
  const one = await connected(ann.access);
  const two = await connected(bob.access, { route: OWN_ROUTE });
  await fact('connects with a token from login', one.state === 'connected');
  await fact(`connects at ${OWN_ROUTE} as well`, two.state === 'connected');
  const [mine, theirs] = [await lobby(one), await lobby(two)];
  await fact('subscribes to chat:lobby', mine.state === 'subscribed' && theirs.state === 'subscribed');
  const [echo, heard] = [once(mine, 'publication'), once(theirs, 'publication')];
  await mine.publish({ text: 'hello, lobby' });
  await fact('receives what it published', async () => (await echo).data.text === 'hello, lobby');
  await fact('receives what another user published', async () => {
    const { data, info } = await heard;
    return data.text === 'hello, lobby' && info?.user === String(ann.id);
  });
  await fact('leaves a channel', async () => {
    const left = once(mine, 'unsubscribed');
    mine.unsubscribe();
    return (await left).code === 0;
  });
  one.disconnect();
  two.disconnect();
}

/** Runs `work` while timers of more than ten minutes fire at once, as if the token of the SDK were about to expire. */
async function asTimePasses(work) {
  const patient = globalThis.setTimeout;
  globalThis.setTimeout = (call, delay, ...args) => patient(call, delay > 600_000 ? 0 : delay, ...args);
  try {
    return await work();
  } finally {
    globalThis.setTimeout = patient;
  }
}

async function renewing() {
  const ann = await Person.register();
  const ageing = client(ann.access, { getToken: tokenOf(ann) });
  await asTimePasses(async () => {
    ageing.connect();
    await within(ageing.ready(), 'connection');
    // The SDK sets the timer when it has connected. The timer that it sets after the renewal must not fire at once.
    while (ageing.seen.asked === 0) await pause(5);
  });
  await fact('renews an expiring connection with getToken and refresh', async () => {
    const renewed = () => ageing.seen.received.map((line) => JSON.parse(line)).find((reply) => reply.refresh);
    await within((async () => { while (!renewed()) await pause(5); })(), 'reply to refresh');
    return (renewed().refresh.expires === true && ageing.seen.asked === 1 && ageing.seen.connects === 1
      && ageing.state === 'connected') || ageing.seen;
  });
  ageing.disconnect();
  const fresh = await connected('', { getToken: tokenOf(ann) });
  await fact('asks getToken for its first token', fresh.seen.asked === 1 && fresh.state === 'connected');
  const subscription = await lobby(fresh);
  const [back, again] = [once(fresh, 'connected'), once(subscription, 'subscribed')];
  const before = ann.access;
  await cli('user', 'set-role', ann.email, 'operator');
  await fact('reconnects after 3014 with a new token', async () => {
    await back;
    return fresh.seen.asked === 2 && ann.access !== before;
  });
  await fact('is subscribed again after 3014', async () => Boolean(await again));
  fresh.disconnect();
}

/** The ways to end a connection, each with the code and reason that the client must receive. */
const ends = [
  [4500, 'session revoked', 'an operator revoked the session', async (person, admin) => {
    await admin.call('POST', '/api/v1/admin/revocations', { session: person.session, reason: 'scenario' });
  }],
  [4501, 'signed out', 'the user signed out', (person) => person.call('POST', '/api/v1/auth/logout')],
  [4502, 'password changed', 'the password was changed elsewhere', async (person) => {
    const other = await person.elsewhere();
    await other.call('POST', '/api/v1/profile/password', { new_password: 'another-copper-walrus-17' });
  }],
  [4503, 'account disabled', 'the account was suspended', (person) => cli('user', 'set-status', person.email, 'suspended')],
  [4504, 'refresh token reused', 'a refresh token was used again', async (person) => {
    const stale = person.refreshToken;
    await person.refresh();
    await person.refresh();
    const thief = Object.assign(new Person(), person, { refreshToken: stale });
    await thief.refresh().then(
      () => { throw new Error('the reused token was accepted'); },
      (error) => { if (error.status !== 401) throw error; },
    );
  }],
];

async function ending() {
  const admin = await Person.admin();
  const ended = await Promise.all(ends.map(async ([code, reason, name, provoke]) => {
    const person = await Person.register();
    const centrifuge = await connected(person.access, { getToken: tokenOf(person) });
    const gone = once(centrifuge, 'disconnected');
    await provoke(person, admin);
    await fact(`ends with ${code} when ${name}`, async () => {
      const context = await gone;
      return (context.code === code && context.reason === reason) || context;
    });
    return { centrifuge, code, person };
  }));
  for (const { centrifuge: before, code, person } of [...ended]) {
    const centrifuge = client(person.access);
    centrifuge.connect();
    await fact(`the old token cannot connect after ${code}`, async () => {
      const context = await once(centrifuge, 'disconnected');
      return (context.code >= 3500 && before.state === 'disconnected') || context;
    });
    ended.push({ centrifuge, code: `refusal after ${code}` });
  }
  const garbage = client('not-a-token');
  garbage.connect();
  await fact('ends with 3500 when the token is not valid', async () => {
    const context = await once(garbage, 'disconnected');
    return (context.code === 3500 && context.reason === 'invalid token') || context;
  });
  ended.push({ centrifuge: garbage, code: 3500 });
  await pause(QUIET_MS);
  for (const { centrifuge, code } of ended) {
    await fact(`opens no further socket after ${code}`, centrifuge.state === 'disconnected'
      && centrifuge.seen.sockets === 1 && centrifuge.seen.disconnects.length === 1);
  }
}

async function returning() {
  const ann = await Person.register();
  const centrifuge = await connected(ann.access, { getToken: tokenOf(ann) });
  const subscription = await lobby(centrifuge);
  const codes = [];
  centrifuge.on('connecting', (context) => codes.push(context.code));
  await restartServer();
  await fact('receives code 3001 when the server stops', codes[0] === 3001 || codes);
  await fact('reconnects by itself after the restart', async () => {
    await within(centrifuge.ready(), 'connection', 30);
    return centrifuge.seen.connects >= 2 && centrifuge.seen.disconnects.length === 0;
  });
  await fact('publishes and receives again after the restart', async () => {
    await within(subscription.ready(), 'subscription');
    const echo = once(subscription, 'publication');
    await subscription.publish({ text: 'back' });
    return (await echo).data.text === 'back';
  });
  centrifuge.disconnect();
}

for (const scenario of [talking, renewing, ending, returning]) {
  await scenario().catch((error) => fact(`${scenario.name} runs to its end`, () => { throw error; }));
}
finish();
