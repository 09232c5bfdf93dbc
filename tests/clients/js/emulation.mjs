// The unmodified `centrifuge` SDK without WebSockets. It receives over HTTP streaming, or over server-sent events with
// the package `eventsource` (Node.js has no `EventSource`), and sends commands in separate requests. Prints one line
// per check and transport. run.sh starts it.

import { Centrifuge } from 'centrifuge';
import { Centrifuge as Protobuf } from 'centrifuge/build/protobuf';
import { EventSource } from 'eventsource';

import { Person, dev, fact, finish, within } from './portcullis.mjs';

const bytes = (data) => new TextEncoder().encode(JSON.stringify(data));
const parsed = (data) => JSON.parse(new TextDecoder().decode(data));
const same = (data) => data;

const kinds = [
  { name: 'http_stream, JSON', Client: Centrifuge, transport: 'http_stream', wrap: same, unwrap: same },
  { name: 'http_stream, Protobuf', Client: Protobuf, transport: 'http_stream', wrap: bytes, unwrap: parsed },
  { name: 'sse', Client: Centrifuge, transport: 'sse', wrap: same, unwrap: same },
];

const once = (emitter, event) => within(new Promise((resolve) => emitter.once(event, resolve)), event);

function client({ Client, transport }, person) {
  const endpoint = `${dev.http}/connection/${transport}`;
  return new Client([{ transport, endpoint }], {
    emulationEndpoint: `${dev.http}/emulation`,
    eventsource: EventSource,
    token: person.access,
    minReconnectDelay: 50,
    maxReconnectDelay: 200,
  });
}

let made = 0;
for (const kind of kinds) {
  const channel = `chat:emulated-${process.pid}-${made++}`;

  await fact(`${kind.name}: publishes and receives`, async () => {
    const person = await Person.register();
    const one = client(kind, person);
    const subscription = one.newSubscription(channel);
    subscription.subscribe();
    one.connect();
    await once(subscription, 'subscribed');
    const heard = once(subscription, 'publication');
    await subscription.publish(kind.wrap({ said: 'hello' }));
    const { data } = await heard;
    if (kind.unwrap(data).said !== 'hello') throw new Error('another publication was received');
    const { clients } = await subscription.presence();
    if (Object.keys(clients).length !== 1) throw new Error('a member is missing');
    one.disconnect();
    return true;
  });

  await fact(`${kind.name}: a revocation ends it permanently`, async () => {
    const person = await Person.register();
    const one = client(kind, person);
    one.connect();
    await once(one, 'connected');
    const ended = once(one, 'disconnected');
    await person.call('POST', '/api/v1/auth/logout', {});
    const { code } = await ended;
    return code === 4501 || code;
  });
}

finish();
