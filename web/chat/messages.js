// The lines of a room, in the order of the channel: messages by their offset, and between them the notes of this window.

/** @typedef {import("../vendor/centrifuge/types/types").PublicationContext} Publication */
/** @typedef {import("../vendor/centrifuge/types/types").ClientInfo} ClientInfo */
/** @typedef {"waiting" | "sending" | "sent" | "failed" | "unknown"} Sending */
/**
 * @typedef {object} Message
 * @property {"message"} kind
 * @property {string} key
 * @property {number} [offset] the place in the channel; missing if the channel keeps nothing
 * @property {string} [id] the id that the sender's window made
 * @property {string} author the user that sent it; empty for the server
 * @property {string} name
 * @property {boolean} mine
 * @property {string} text
 * @property {boolean} raw whether the text is data that is no message of a chat
 * @property {number} at milliseconds since 1970
 * @property {Sending} [state] for messages of this window
 * @property {string} [reason]
 */
/** @typedef {{ kind: "note", key: string, tone: "info" | "warn" | "good", text: string, at: number }} Note */
/** @typedef {{ kind: "traffic", key: string, came: string[], left: string[], at: number }} Traffic */
/** @typedef {Message | Note | Traffic} Line */

/** More lines than this are not kept while the window shows the newest ones. */
const MOST = 1000;
const KEPT = 600;
/** Names in a line of joins and leaves. */
const NAMED = 8;
/** How far the clock of a sender may be ahead, in milliseconds. */
const AHEAD = 300_000;

let made = 0;

/** A key for a line, which no other line of this window has. */
export function newKey() {
    return `line-${++made}`;
}

/** The name of a user: what the server tells about the connection, or the number. @param {ClientInfo | undefined} info @param {string} me */
export function nameOf(info, me) {
    if (!info) return "Server";
    if (info.user === me) return "You";
    const told = info.connInfo?.name ?? info.chanInfo?.name;
    if (typeof told === "string" && told.trim() !== "") return told.trim().slice(0, 80);
    return info.user === "" ? "Guest" : /^\d+$/.test(info.user) ? `User ${info.user}` : info.user;
}

/**
 * The message in a publication. Data of others is judged as text, and never as anything else.
 * @param {Pick<Publication, "data" | "info" | "offset" | "tags">} publication
 * @param {string} me
 * @param {number} [arrived] when it arrived, if it is new; otherwise the sender's clock counts
 * @returns {Message}
 */
export function messageOf({ data, info, offset, tags }, me, arrived) {
    const chat = typeof data?.text === "string";
    const plain = chat ? data.text : typeof data === "string" && tags?.encoding !== "base64" ? data : null;
    const claimed = Number.isFinite(data?.at) && data.at > 0 && data.at < Date.now() + AHEAD ? data.at : 0;
    return {
        kind: "message",
        key: newKey(),
        offset,
        id: chat && typeof data.id === "string" ? data.id : undefined,
        author: info?.user ?? "",
        name: nameOf(info, me),
        mine: info?.user === me,
        text: plain ?? JSON.stringify(data, null, 2) ?? "",
        raw: plain === null,
        at: arrived ?? claimed,
    };
}

/** The lines of a room. */
export class Lines {
    /** @type {Line[]} */
    all = [];
    /** @type {Set<number>} */
    #offsets = new Set();

    /** The lowest offset. */
    get oldest() {
        const first = this.all.find((line) => line.kind === "message" && line.offset !== undefined);
        return first?.kind === "message" ? first.offset : undefined;
    }

    /** Adds a line at its place. `false` if the message is there already. @param {Line} line */
    add(line) {
        if (line.kind !== "message" || line.offset === undefined) {
            this.all.push(line);
            return true;
        }
        if (this.#offsets.has(line.offset)) return false;
        this.#offsets.add(line.offset);
        const offset = line.offset;
        const before = this.all.findLastIndex((other) => other.kind !== "message" || (other.offset ?? 0) < offset);
        this.all.splice(before + 1, 0, line);
        return true;
    }

    /** Adds messages of the history, the oldest first. Returns how many were new. @param {Message[]} messages */
    addOlder(messages) {
        const lowest = this.oldest ?? Infinity;
        const fresh = messages.filter(({ offset = 0 }) => !this.#offsets.has(offset));
        const older = fresh.filter(({ offset = 0 }) => offset < lowest);
        for (const { offset = 0 } of older) this.#offsets.add(offset);
        this.all.unshift(...older);
        for (const message of fresh) if ((message.offset ?? 0) > lowest) this.add(message);
        return fresh.length;
    }

    /** Notes that a user came or left. Lines of this kind that follow each other are one line. @param {"came" | "left"} what @param {string} name */
    addTraffic(what, name) {
        let last = this.all.at(-1);
        if (last?.kind !== "traffic") {
            last = { kind: "traffic", key: newKey(), came: [], left: [], at: Date.now() };
            this.all.push(last);
        }
        last[what] = [...last[what].filter((other) => other !== name), name];
        last.at = Date.now();
    }

    /** @param {Line} line */
    remove(line) {
        this.all = this.all.filter((other) => other !== line);
        if (line.kind === "message" && line.offset !== undefined) this.#offsets.delete(line.offset);
    }

    clear() {
        this.all = [];
        this.#offsets.clear();
    }

    /** Forgets old lines of a long conversation; scrolling up loads them again. Returns whether some were forgotten. */
    trim() {
        if (this.all.length <= MOST) return false;
        for (const line of this.all.splice(0, this.all.length - KEPT)) {
            if (line.kind === "message" && line.offset !== undefined) this.#offsets.delete(line.offset);
        }
        return true;
    }
}

/** Who came and left, in words. @param {Traffic} traffic */
export function trafficWords({ came, left }) {
    const listed = (/** @type {string[]} */ names, /** @type {string} */ verb) => {
        if (names.length === 0) return "";
        const shown = names.length > NAMED ? `${names.length} people` : new Intl.ListFormat("en").format(names);
        return `${shown} ${verb}`;
    };
    return [listed(came, "came in"), listed(left, "left")].filter(Boolean).join(" · ");
}
