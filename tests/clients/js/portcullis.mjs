// What the scenarios need in addition to the SDK: users over REST, the commands of operators, and the results. The other
// scripts of this directory use this module. It does not depend on channels.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const control = fileURLToPath(new URL('../server.sh', import.meta.url));
const state = process.env.PORTCULLIS_STATE;
if (!state) throw new Error('PORTCULLIS_STATE must name the directory of a running server: use run.sh');

export const dev = JSON.parse(await readFile(path.join(state, 'data/dev.json'), 'utf8'));
export const socketUrl = (route) => dev.http.replace(/^http/, 'ws') + route;

/** Runs a command of the `portcullis` program while the server is running. */
export async function cli(...args) {
  return (await run(control, ['cli', ...args])).stdout;
}

export async function restartServer() {
  await run(control, ['restart']);
}

export class Refused extends Error {
  constructor(status, problem) {
    super(`${status} ${problem?.code}`);
    this.status = status;
  }
}

async function rest(method, route, { token, json } = {}) {
  const headers = { accept: 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  if (json) headers['content-type'] = 'application/json';
  const answer = await fetch(dev.http + route, { method, headers, body: json && JSON.stringify(json) });
  const text = await answer.text();
  const body = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Refused(answer.status, body);
  return body;
}

let people = 0;

/** A signed-in user: the tokens of one session, and the requests with them. */
export class Person {
  static async register() {
    const person = new Person();
    person.email = `js-${process.pid}-${people++}@example.com`;
    person.password = 'correct-zebra-lantern-42';
    const json = { email: person.email, password: person.password };
    person.id = (await rest('POST', '/api/v1/auth/register', { json })).id;
    return person.signIn();
  }

  static async admin() {
    const person = new Person();
    Object.assign(person, dev.users.find((user) => user.role === 'admin'));
    return person.signIn();
  }

  /** Opens another session of the same account. */
  elsewhere() {
    return Object.assign(new Person(), { email: this.email, password: this.password, id: this.id }).signIn();
  }

  async signIn() {
    const json = { username: this.email, password: this.password };
    this.keep(await rest('POST', '/api/v1/auth/jwt/login', { json }));
    return this;
  }

  keep(granted) {
    this.access = granted.access_token;
    this.refreshToken = granted.refresh_token;
    this.session = granted.session_id;
  }

  /** Gets a new token, as the `getToken` of an application does. */
  async refresh() {
    const json = { refresh_token: this.refreshToken };
    this.keep(await rest('POST', '/api/v1/auth/refresh', { json }));
    return this.access;
  }

  call(method, route, json) {
    return rest(method, route, { token: this.access, json });
  }
}

const score = { passed: 0, failed: 0 };

/** Records whether one fact is true. `truth` is a value, a promise or a function. */
export async function fact(name, truth) {
  let why = '';
  try {
    const value = await (typeof truth === 'function' ? truth() : truth);
    if (value !== true) why = `: ${JSON.stringify(value)}`;
  } catch (error) {
    why = `: ${error.message}`;
  }
  console.log(why ? `not ok - ${name}${why}` : `ok - ${name}`);
  score[why ? 'failed' : 'passed'] += 1;
}

/** Prints the totals and exits. The exit code is 0 if every fact is true. */
export function finish() {
  console.log(`${score.passed} passed, ${score.failed} failed`);
  process.exit(score.failed === 0 ? 0 : 1);
}

/** Waits for an event, at most for this many seconds. */
export function within(promise, what, seconds = 10) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
