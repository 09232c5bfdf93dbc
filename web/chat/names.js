// The names of channels: which are possible, which this browser remembers, and their addresses.

/** What a visitor finds in the list at first. */
const FIRST = ["chat:lobby"];
const MOST = 40;

/** The address of a channel's room. @param {string} channel */
export function addressOf(channel) {
    return `/chat/${encodeURIComponent(channel).replaceAll("%3A", ":").replaceAll("%24", "$")}`;
}

/**
 * The name of the channel that a person means: the namespace `chat` is added if there is none.
 * @param {string} typed
 * @returns {{ channel: string } | { problem: string }}
 */
export function meant(typed) {
    const name = typed.trim();
    if (name === "") return { problem: "Write the name of a channel." };
    const channel = name.includes(":") ? name : `chat:${name}`;
    const problem = problemOf(channel);
    return problem ? { problem } : { channel };
}

/** Why there can be no channel with this name; empty if there can. @param {string} channel */
export function problemOf(channel) {
    if (channel.length > 255) return "The name has more than 255 characters.";
    return /^[!-~]+$/.test(channel) ? "" : "The name may have letters without accents, digits and signs, and no spaces.";
}

/** The channels that this browser remembers for a user. */
export class Remembered {
    /** @param {number} user */
    constructor(user) {
        this.key = `portcullis.channels.${user}`;
        /** @type {string[]} */
        this.channels = this.#read();
    }

    #read() {
        try {
            const kept = JSON.parse(localStorage.getItem(this.key) ?? "null");
            const valid = Array.isArray(kept) ? kept.filter((name) => typeof name === "string" && problemOf(name) === "") : FIRST;
            return valid.length > 0 ? valid : FIRST;
        } catch {
            return FIRST;
        }
    }

    /** @param {string} channel */
    add(channel) {
        if (!this.channels.includes(channel)) this.#keep([...this.channels, channel].slice(-MOST));
    }

    /** @param {string} channel */
    remove(channel) {
        this.#keep(this.channels.filter((name) => name !== channel));
    }

    /** @param {string[]} channels */
    #keep(channels) {
        this.channels = channels;
        try { localStorage.setItem(this.key, JSON.stringify(channels)); } catch { /* This window alone remembers them. */ }
    }
}

/** The text that a user has begun in a channel. It outlives the session in this tab, for the same user. */
export class Draft {
    /** @param {number} user @param {string} channel */
    constructor(user, channel) {
        this.key = `portcullis.draft.${user}.${channel}`;
    }

    get text() {
        try { return sessionStorage.getItem(this.key) ?? ""; } catch { return ""; }
    }

    set text(text) {
        try {
            if (text) sessionStorage.setItem(this.key, text);
            else sessionStorage.removeItem(this.key);
        } catch { /* The text is in the field alone. */ }
    }
}
