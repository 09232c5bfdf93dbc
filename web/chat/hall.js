// The connection of this window, the rooms that it holds, and its end.

import { closeWords, createClient } from "../lib/realtime.js";
import { Announcer } from "./announcer.js";
import { Door } from "./door.js";
import { Room } from "./room.js";

/** @typedef {import("../lib/realtime.js").Standing} Standing */
/** @typedef {import("./messages.js").Message} Message */

/** Rooms that stay open while another one is shown. */
const MOST_ROOMS = 8;

/** How long the page waits for the close code of the socket when something else says that the session is over, in milliseconds. */
const FOR_A_CODE = 1500;

export class Hall {
    /** @type {Standing} */
    standing = { state: "connecting" };
    /** When this standing began. */
    since = performance.now();
    /** The end of the session or of the connection. @type {Door | null} */
    door = null;
    /** @type {Map<string, Room>} */
    rooms = new Map();
    /** @type {Room | null} */
    room = null;
    /** Channels to which the server itself has subscribed this window. @type {Set<string>} */
    byServer = new Set();
    /** When the last message arrived. @type {number | null} */
    lastMessage = null;
    /** When the connection was made. @type {number | null} */
    connectedAt = null;
    #token = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #ending;

    /** @param {import("../lib/session.js").Session} session @param {() => void} changed */
    constructor(session, changed) {
        this.session = session;
        this.changed = changed;
        this.me = String(session.user.id);
        this.announcer = new Announcer();
        this.client = createClient({
            name: "chat",
            onStanding: (standing) => this.#stand(standing),
            onToken: (token) => { this.#token = token; },
        });
        this.#followServer();
    }

    connect() {
        this.door = null;
        this.client.connect();
    }

    /** Subscriptions that the server has made, such as the personal channel. */
    #followServer() {
        const of = (/** @type {string} */ channel) => this.rooms.get(channel);
        this.client.on("subscribed", (context) => {
            this.byServer.add(context.channel);
            of(context.channel)?.opened(context);
            this.changed();
        });
        this.client.on("subscribing", ({ channel }) => of(channel)?.lost());
        this.client.on("unsubscribed", ({ channel }) => {
            this.byServer.delete(channel);
            of(channel)?.refused(2000, "the server has ended the subscription");
        });
        this.client.on("publication", (publication) => of(publication.channel)?.receive(publication));
        this.client.on("join", ({ channel, info }) => of(channel)?.joined(info));
        this.client.on("leave", ({ channel, info }) => of(channel)?.left(info));
    }

    /** @param {Standing} standing */
    #stand(standing) {
        // An attempt that failed is not a new beginning of the wait.
        if (standing.state !== this.standing.state) this.since = performance.now();
        this.standing = standing;
        if (standing.state === "connected") this.connectedAt = performance.now();
        if (standing.state === "ended") this.#end(standing.code ?? 0, standing.reason ?? "", standing.words ?? "");
        this.changed();
    }

    /** @param {number} code @param {string} reason @param {string} words */
    #end(code, reason, words) {
        clearTimeout(this.#ending);
        if (this.door) return;
        this.announcer.silence();
        this.door = new Door({
            code, reason, words, token: this.#token, lastMessage: this.lastMessage, connectedAt: this.connectedAt, changed: this.changed,
        });
        this.door.knockEverywhere();
    }

    /**
     * Something else says that the session has ended: another window, or the answer to a request. The close code of the socket says
     * more, and is waited for.
     * @param {string} words
     */
    sessionEnded(words) {
        if (this.door || this.#ending) return;
        this.#ending = setTimeout(() => {
            this.#ending = undefined;
            if (this.door) return;
            this.#end(0, "", words);
            this.client.disconnect();
        }, FOR_A_CODE);
    }

    /** Shows a room, and opens it if it is not open yet. @param {string} channel */
    enter(channel) {
        const known = this.rooms.get(channel);
        const room = known ?? new Room(channel, {
            client: this.client,
            me: this.me,
            userId: this.session.user.id,
            changed: this.changed,
            heard: (room, message) => this.#heard(room, message),
            noticed: (room, words) => { if (room === this.room) this.announcer.say(words); },
        });
        // The room that was shown last is at the end.
        this.rooms.delete(channel);
        this.rooms.set(channel, room);
        this.room = room;
        room.unread = 0;
        room.atEnd = true;
        if (!known) room.open(this.byServer.has(channel));
        for (const [name, old] of this.rooms) if (this.rooms.size > MOST_ROOMS) this.#drop(name, old);
        this.changed();
    }

    /** Leaves a room for good. @param {string} channel */
    leave(channel) {
        const room = this.rooms.get(channel);
        if (room) this.#drop(channel, room);
        if (this.room === room) this.room = null;
        this.changed();
    }

    /** @param {string} channel @param {Room} room */
    #drop(channel, room) {
        this.rooms.delete(channel);
        room.close();
    }

    /** @param {Room} room @param {Message} message */
    #heard(room, message) {
        this.lastMessage = performance.now();
        const watched = room === this.room && room.atEnd && document.visibilityState === "visible";
        if (!watched) room.unread++;
        if (room === this.room) this.announcer.heard(message);
    }

    /** Unread messages in all rooms. */
    get unread() {
        return [...this.rooms.values()].reduce((sum, room) => sum + room.unread, 0);
    }

    /** Why the window is connecting again, in words. */
    get lossWords() {
        if (!navigator.onLine) return "This computer is offline.";
        return this.standing.words ?? closeWords(this.standing.code ?? 0);
    }
}
