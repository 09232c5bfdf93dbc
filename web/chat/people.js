// The users who are in a room: presence, kept up to date by joins and leaves. A user with several windows is one person.

import { nameOf } from "./messages.js";

/** @typedef {import("./messages.js").ClientInfo} ClientInfo */
/** @typedef {{ user: string, name: string, me: boolean, windows: number }} Person */

/** How long a user may be away, for example to load the page anew, before others read of it; in milliseconds. */
const GRACE = 3000;

export class People {
    /** The connections by id; `null` if the channel does not say who is here. @type {Map<string, ClientInfo> | null} */
    #clients = null;
    /** @type {Map<string, ReturnType<typeof setTimeout>>} */
    #leaving = new Map();

    /** @param {string} me @param {(what: "came" | "left", name: string) => void} onTraffic */
    constructor(me, onTraffic) {
        this.me = me;
        this.onTraffic = onTraffic;
    }

    get known() {
        return this.#clients !== null;
    }

    /** The users, this one first, then by name. @returns {Person[]} */
    get list() {
        /** @type {Map<string, Person>} */
        const users = new Map();
        for (const info of this.#clients?.values() ?? []) {
            // Guests have no name, so each connection is a person.
            const key = info.user || info.client;
            const person = users.get(key) ?? { user: key, name: nameOf(info, this.me), me: info.user === this.me, windows: 0 };
            person.windows++;
            users.set(key, person);
        }
        const order = new Intl.Collator("en", { numeric: true });
        return [...users.values()].sort((a, b) => Number(b.me) - Number(a.me) || order.compare(a.name, b.name));
    }

    /** @param {Record<string, ClientInfo> | null} clients */
    set(clients) {
        this.#clients = clients && new Map(Object.entries(clients));
        for (const user of this.#leaving.keys()) if (this.#has(user)) this.#stays(user);
    }

    /** @param {string} user */
    #has(user) {
        return [...this.#clients?.values() ?? []].some((info) => info.user === user);
    }

    /** @param {string} user */
    #stays(user) {
        const timer = this.#leaving.get(user);
        clearTimeout(timer);
        return this.#leaving.delete(user);
    }

    /** @param {ClientInfo} info */
    join(info) {
        if (!this.#clients) return;
        const was = this.#has(info.user);
        this.#clients.set(info.client, info);
        if (!this.#stays(info.user) && !was && info.user !== this.me) this.onTraffic("came", nameOf(info, this.me));
    }

    /** @param {ClientInfo} info */
    leave(info) {
        if (!this.#clients?.delete(info.client) || this.#has(info.user) || info.user === this.me) return;
        this.#stays(info.user);
        this.#leaving.set(info.user, setTimeout(() => {
            this.#leaving.delete(info.user);
            this.onTraffic("left", nameOf(info, this.me));
        }, GRACE));
    }

    close() {
        for (const timer of this.#leaving.values()) clearTimeout(timer);
        this.#leaving.clear();
    }
}
