// The external issuer of the realtime scenarios, and the application that uses the server API.

import { createHmac } from 'node:crypto';

import { dev } from './portcullis.mjs';

const SECRET = 'what only the scenarios know';
const API_KEY = 'a-key-that-only-the-scenarios-know';
const PREFIX = 's:';

export const soon = (seconds) => Math.floor(Date.now() / 1000) + seconds;

/** A token with these claims. */
export function token(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** The name that the server gives a user of this issuer. */
export const nameOf = (user) => PREFIX + user;

/** Calls a method of the server API and returns its result. */
export async function api(method, params) {
  const answer = await fetch(`${dev.http}/api/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': API_KEY },
    body: JSON.stringify(params),
  });
  const body = await answer.json();
  if (!answer.ok || body.error) throw new Error(`${method}: ${answer.status} ${JSON.stringify(body)}`);
  return body.result;
}
