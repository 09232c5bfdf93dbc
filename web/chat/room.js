// One channel in this window: its lines, its people, what is being sent, and what happened while the connection was away.
// Nothing here draws; `hall.js` makes rooms, and the views show them.

import { counted } from "../lib/format.js";
import { Lines, messageOf, nameOf, newKey } from "./messages.js";
import { Draft } from "./names.js";
import { People } from "./people.js";
import { termsOf, USUAL_LIMIT } from "./terms.js";
import { isRefusal, period, refusalWords } from "./words.js";

/** @typedef {import("../lib/realtime.js").Client} Client */
/** @typedef {import("../lib/realtime.js").Subscription} Subscription */
/** @typedef {import("../vendor/centrifuge/types/types").SubscribedContext} Subscribed */
/** @typedef {import("../vendor/centrifuge/types/types").PublicationContext} Publication */
/** @typedef {import("./messages.js").Message} Message */
/** @typedef {"opening" | "live" | "held" | "resuming" | "refused"} RoomState */
/**
 * What a room tells the hall.
 * @typedef {object} Surroundings
 * @property {Client} client
 * @property {string} me the user's name in channels
 * @property {number} userId
 * @property {() => void} changed
 * @property {(room: Room, message: Message) => void} heard a message of somebody else has arrived
 * @property {(room: Room, words: string) => void} noticed something happened that a person should hear of
 */

const PAGE = 50;
/** Milliseconds between signs of life, and while the server holds deliveries back. */
const BEAT = 20_000;
const BEAT_HELD = 2000;
/** Milliseconds before the history is asked for again. */
const PAUSES = [400, 1500, 4000];
/** Recovered messages come with the subscription; after this time, in milliseconds, all are there. */
const SETTLED = 50;
/** How long messages that the server held back may take to arrive, in milliseconds. */
const AFTER_HOLD = 2000;

export class Room {
    /** @type {RoomState} */
    state = "opening";
    /** Why the server refused the channel, in words. */
    refusal = "";
    /** Why the channel does not open yet, in words. */
    trouble = "";
    lines = new Lines();
    /** Messages of this window that are not in the channel yet. @type {Message[]} */
    outbox = [];
    /** @type {import("./terms.js").Terms | null} */
    terms = null;
    recoverable = false;
    /** Whether the first page of the history is there. */
    loaded = false;
    loading = false;
    /** Whether the oldest message that is kept is shown. */
    complete = false;
    /** @type {unknown} */
    historyError = null;
    unread = 0;
    /** Whether the newest lines are in view; the view says so. */
    atEnd = true;
    /** @type {Subscription | null} */
    #subscription = null;
    #epoch = "";
    /** When the connection broke. @type {number | null} */
    #lostAt = null;
    /** Counts the beginnings of the room: an answer that belongs to an earlier one is not used. */
    #turn = 0;
    /** Messages that were recovered, while they arrive. @type {number | null} */
    #recovered = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #beat;

    /** @param {string} channel @param {Surroundings} surroundings */
    constructor(channel, surroundings) {
        this.channel = channel;
        this.around = surroundings;
        this.draft = new Draft(surroundings.userId, channel);
        this.people = new People(surroundings.me, (what, name) => {
            this.lines.addTraffic(what, name);
            surroundings.changed();
        });
    }

    /** Opens the room, or follows the subscription that the server has made. @param {boolean} byServer */
    open(byServer) {
        this.state = "opening";
        this.refusal = "";
        this.around.changed();
        this.#readTerms();
        if (byServer) return;
        const { client } = this.around;
        this.#subscription ??= client.getSubscription(this.channel) ?? this.#listen(client.newSubscription(this.channel, {
            recoverable: true,
            positioned: true,
            joinLeave: true,
            minResubscribeDelay: 300,
            maxResubscribeDelay: 5000,
        }));
        this.#subscription.subscribe();
    }

    async #readTerms() {
        this.terms = await termsOf(this.channel) ?? this.terms;
        this.around.changed();
    }

    /** @param {Subscription} subscription */
    #listen(subscription) {
        subscription.on("subscribing", ({ code }) => { if (code !== 0) this.lost(); });
        subscription.on("subscribed", (context) => this.opened(context));
        subscription.on("unsubscribed", ({ code, reason }) => this.refused(code, reason));
        subscription.on("publication", (publication) => this.receive(publication));
        subscription.on("join", ({ info }) => this.joined(info));
        subscription.on("leave", ({ info }) => this.left(info));
        // A temporary error. It is followed by another attempt.
        subscription.on("error", ({ error }) => {
            this.trouble = refusalWords(error);
            this.around.changed();
        });
        return subscription;
    }

    /** Leaves the channel. */
    close() {
        clearTimeout(this.#beat);
        this.people.close();
        if (!this.#subscription) return;
        this.#subscription.removeAllListeners();
        this.#subscription.unsubscribe();
        this.around.client.removeSubscription(this.#subscription);
        this.#subscription = null;
    }

    // --- the connection ------------------------------------------------------------------------------------------------

    /** The connection is away. */
    lost() {
        if (this.state === "refused") return;
        clearTimeout(this.#beat);
        if (this.state !== "opening") {
            this.#lostAt ??= performance.now();
            this.state = "resuming";
        }
        for (const message of this.outbox) {
            if (message.state === "sending") this.#settle(message, "unknown", "The connection broke before the server confirmed this.");
        }
        this.around.changed();
    }

    /** The channel is open, for the first time or again. @param {Omit<Subscribed, "state">} context */
    opened({ recoverable, wasRecovering, recovered, streamPosition }) {
        const away = this.#lostAt === null ? null : performance.now() - this.#lostAt;
        this.#lostAt = null;
        this.state = "live";
        this.trouble = "";
        this.recoverable = recoverable;
        const sameEpoch = this.#epoch === "" || this.#epoch === (streamPosition?.epoch ?? "");
        this.#epoch = streamPosition?.epoch ?? "";
        if (away !== null && wasRecovering && recovered && sameEpoch) {
            this.#countRecovered(away);
            if (this.historyError) this.loadOlder();
        } else {
            this.#begin(away);
        }
        this.#readPresence();
        this.#flush();
        this.#beatIn(BEAT);
        this.around.changed();
    }

    /** The channel is open without a recovery: everything is loaded. @param {number | null} away */
    async #begin(away) {
        const keeps = this.#epoch !== "" || this.recoverable;
        if (away !== null) {
            if (keeps) this.#startAnew();
            this.#note("warn", keeps
                ? `You were away for ${period(away)}. Messages may be missing: the room was loaded anew.`
                : `You were away for ${period(away)}. This channel keeps nothing, so what was said in that time is lost.`);
        }
        await this.loadOlder();
    }

    #startAnew() {
        this.#turn++;
        this.loading = false;
        this.lines.clear();
        this.loaded = false;
        this.complete = false;
    }

    /** Counts the messages that arrive with the subscription. @param {number} away */
    #countRecovered(away) {
        this.#recovered = 0;
        setTimeout(() => {
            const count = this.#recovered ?? 0;
            this.#recovered = null;
            const words = count === 0 ? "Nothing was missed." : `${counted(count, "message")} recovered.`;
            this.#note("good", `You were away for ${period(away)}. ${words}`);
            this.#settleUnknown("The connection broke before the server had this message.");
        }, SETTLED);
    }

    /** When everything has arrived, a message that is not in the channel has not been taken. @param {string} reason */
    #settleUnknown(reason) {
        if (this.state !== "live") return;
        for (const message of this.outbox) if (message.state === "unknown") this.#settle(message, "failed", reason);
        this.around.changed();
    }

    /** The server has refused or ended the subscription. @param {number} code @param {string} reason */
    refused(code, reason) {
        clearTimeout(this.#beat);
        // Below 100 the client itself has ended it: the connection has ended, and the hall says so.
        if (code < 100) return;
        this.state = "refused";
        this.refusal = refusalWords({ code, message: reason });
        this.around.noticed(this, this.refusal);
        this.around.changed();
    }

    /** @param {number} ms */
    #beatIn(ms) {
        clearTimeout(this.#beat);
        this.#beat = setTimeout(() => this.#sign(), ms);
    }

    /** Asks the server for a sign of life: a server that holds deliveries back refuses, and nothing else would show it. */
    async #sign() {
        if (this.state !== "live" && this.state !== "held") return;
        const { client } = this.around;
        try {
            if (this.terms?.presence) this.people.set((await client.presence(this.channel)).clients);
            else await client.history(this.channel, { limit: 0 });
            this.#hold(false);
        } catch (error) {
            this.#hold(!isRefusal(error));
        }
        this.#beatIn(this.state === "held" ? BEAT_HELD : BEAT);
    }

    /** @param {boolean} held */
    #hold(held) {
        if (held === (this.state === "held") || (this.state !== "live" && this.state !== "held")) return;
        this.state = held ? "held" : "live";
        if (held) this.#beatIn(BEAT_HELD);
        else {
            this.#flush();
            setTimeout(() => this.#settleUnknown("The server could not take this message."), AFTER_HOLD);
        }
        this.around.noticed(this, held ? "The server holds messages back." : "Messages arrive again.");
        this.around.changed();
    }

    /** @param {"info" | "warn" | "good"} tone @param {string} text */
    #note(tone, text) {
        this.lines.add({ kind: "note", key: newKey(), tone, text, at: Date.now() });
        this.around.noticed(this, text);
        this.around.changed();
    }

    // --- what arrives --------------------------------------------------------------------------------------------------

    /** @param {Publication} publication */
    receive(publication) {
        const message = messageOf(publication, this.around.me, this.#recovered === null ? Date.now() : undefined);
        const own = message.mine && message.id ? this.#own(message.id) : undefined;
        if (own) {
            this.#confirm(own, message.offset);
        } else {
            if (!this.lines.add(message)) return;
            if (this.#recovered !== null) this.#recovered++;
            if (!message.mine) this.around.heard(this, message);
        }
        if (this.atEnd && this.lines.trim()) this.complete = false;
        this.around.changed();
    }

    /** The message of this window with this id. @param {string} id */
    #own(id) {
        const early = this.lines.all.find((line) => line.kind === "message" && line.state === "sent" && line.id === id && line.offset === undefined);
        return this.outbox.find((message) => message.id === id) ?? /** @type {Message | undefined} */ (early);
    }

    /** A message of this window is in the channel. @param {Message} message @param {number} [offset] */
    #confirm(message, offset) {
        this.outbox = this.outbox.filter((other) => other !== message);
        this.lines.remove(message);
        message.offset = offset;
        message.state = "sent";
        message.reason = undefined;
        this.lines.add(message);
    }

    /** @param {import("./messages.js").ClientInfo} info */
    joined(info) {
        this.people.join(info);
        this.around.changed();
    }

    /** @param {import("./messages.js").ClientInfo} info */
    left(info) {
        this.people.leave(info);
        this.around.changed();
    }

    async #readPresence() {
        try {
            this.people.set((await this.#patiently(() => this.around.client.presence(this.channel))).clients);
        } catch {
            // The channel does not offer it, or the connection is away; then it is read again.
            this.people.set(null);
        }
        this.around.changed();
    }

    // --- the history ---------------------------------------------------------------------------------------------------

    /** Loads the page before the oldest message; without one, the newest page. */
    async loadOlder() {
        if (this.loading || this.complete) return;
        this.loading = true;
        this.historyError = null;
        this.around.changed();
        const turn = this.#turn;
        const oldest = this.loaded ? this.lines.oldest : undefined;
        const since = oldest === undefined ? undefined : { offset: oldest, epoch: this.#epoch };
        const read = () => this.around.client.history(this.channel, { limit: PAGE, reverse: true, since });
        try {
            const { publications } = await this.#patiently(read);
            if (turn === this.#turn) this.#addPage(publications, oldest);
        } catch (error) {
            if (turn === this.#turn) this.#historyFailed(error);
        }
        if (turn !== this.#turn) return;
        this.loaded = true;
        this.loading = false;
        this.around.changed();
    }

    /** @param {Publication[]} publications the newest first @param {number | undefined} oldest */
    #addPage(publications, oldest) {
        const messages = publications.map((publication) => messageOf(publication, this.around.me)).reverse();
        const fresh = this.lines.addOlder(messages);
        this.complete = publications.length === 0 || oldest !== undefined && fresh === 0 || messages[0]?.offset === 1;
    }

    /** Reads, and reads again while the server cannot answer. @template T @param {() => Promise<T>} read @returns {Promise<T>} */
    async #patiently(read) {
        for (const pause of PAUSES) {
            try {
                return await read();
            } catch (error) {
                if (isRefusal(error) || this.state === "resuming") throw error;
                await new Promise((done) => setTimeout(done, pause));
            }
        }
        return read();
    }

    /** @param {unknown} error */
    #historyFailed(error) {
        const { code } = /** @type {{ code?: number }} */ (error);
        // The channel keeps nothing, or does not show it.
        if (code === 108 || code === 103) this.complete = true;
        else if (code === 112 && this.loaded) this.complete = true;
        else this.historyError = error;
    }

    // --- sending -------------------------------------------------------------------------------------------------------

    get limit() {
        return this.terms?.max_publication_bytes ?? USUAL_LIMIT;
    }

    get mayPublish() {
        return this.terms?.may_publish ?? true;
    }

    /** How many bytes of the limit a text takes. @param {string} text */
    size(text) {
        return new TextEncoder().encode(JSON.stringify(dataOf(text, "0".repeat(16)))).length;
    }

    /** Sends a message. It is shown at once, and marked until the server has it. @param {string} text */
    send(text) {
        const { me } = this.around;
        const id = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        this.outbox.push({
            kind: "message", key: newKey(), id, author: me, name: nameOf({ client: "", user: me }, me), mine: true, text, raw: false,
            at: Date.now(), state: "waiting",
        });
        this.#flush();
        this.around.changed();
    }

    /** Sends a message that failed again. @param {Message} message */
    sendAgain(message) {
        message.reason = undefined;
        message.state = "waiting";
        this.outbox = [...this.outbox.filter((other) => other !== message), message];
        this.#flush();
        this.around.changed();
    }

    /** Forgets a message that failed. @param {Message} message */
    discard(message) {
        this.outbox = this.outbox.filter((other) => other !== message);
        this.around.changed();
    }

    /** Sends what waits for the connection, in order. */
    #flush() {
        if (this.state !== "live") return;
        for (const message of this.outbox) if (message.state === "waiting") this.#publish(message);
    }

    /** @param {Message} message */
    async #publish(message) {
        message.state = "sending";
        try {
            await this.around.client.publish(this.channel, dataOf(message.text, message.id ?? "", message.at));
            // The message itself arrives, too, and brings its place in the channel.
            if (message.state === "sending") this.#confirm(message);
        } catch (error) {
            this.#publishFailed(message, error);
        }
        this.around.changed();
    }

    /** @param {Message} message @param {unknown} error */
    #publishFailed(message, error) {
        // The connection broke, or the message has arrived all the same.
        if (message.state !== "sending") return;
        if (isRefusal(error)) return this.#settle(message, "failed", refusalWords(error));
        this.#settle(message, "unknown", `${refusalWords(error)} The message may have arrived.`);
        this.#hold(true);
    }

    /** @param {Message} message @param {"failed" | "unknown"} state @param {string} reason */
    #settle(message, state, reason) {
        message.state = state;
        message.reason = reason;
        if (state === "failed") this.around.noticed(this, `Not sent: ${reason}`);
    }
}

/** The data of a message. @param {string} text @param {string} id @param {number} [at] */
function dataOf(text, id, at = Date.now()) {
    return { text, id, at };
}
