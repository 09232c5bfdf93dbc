// The end of a connection that does not come back: why, and what the server answers to the session from now on. The page knocks at
// every door that the session opened, with the same cookies and the same token, and writes down each answer with its time.

import { Problem } from "../lib/errors.js";
import { knock } from "../lib/realtime.js";
import { rest } from "../lib/rest.js";
import { wordsFor } from "../lib/texts.js";

/**
 * @typedef {object} Moment
 * @property {string} name
 * @property {string} what the words for people
 * @property {string} how the request, for experts
 * @property {number} at milliseconds after the end; negative before it
 * @property {number} [took] milliseconds until the answer
 * @property {"before" | "end" | "asking" | "shut" | "open" | "unknown"} outcome
 * @property {string} [code] the code of the answer
 * @property {string} [words]
 */

/** @typedef {Pick<Moment, "outcome" | "code" | "words">} Response */
/** @typedef {{ name: string, what: string, how: string, ask: (token: string) => Promise<Response> }} Way */

/** The ways that the session opened. @type {Way[]} */
const DOORS = [
    {
        name: "rest",
        what: "Read your profile",
        how: "GET /api/v1/profile",
        ask: () => answerOf(() => rest.get("/api/v1/profile", { renew: false, stepUp: false })),
    },
    {
        name: "refresh",
        what: "Renew the access token",
        how: "POST /api/v1/auth/refresh",
        // Without the cookie, the request has nothing to renew, which is another way of being outside.
        ask: () => answerOf(() => rest.request("POST", "/api/v1/auth/refresh", { renew: false }), [401, 403, 422]),
    },
    {
        name: "socket",
        what: "Come back with the same token",
        how: "WebSocket /connection/websocket",
        ask: async (token) => {
            const { outcome, code, reason } = await knock(token || undefined);
            if (outcome === "refused") return { outcome: "shut", code: String(code), words: reason };
            return outcome === "open" ? { outcome: "open", code: "101", words: "connected" } : { outcome: "unknown", words: "no answer" };
        },
    },
];

/** The question that the server answers to everybody. @type {Way} */
const STATUS = {
    name: "status",
    what: "Ask whether there is a session",
    how: "GET /api/v1/auth/status",
    ask: async () => {
        try {
            const { authenticated } = await rest.get("/api/v1/auth/status", { renew: false });
            return { outcome: "open", code: "200", words: authenticated ? "signed in" : "not signed in" };
        } catch (error) {
            return { outcome: "unknown", words: wordsFor(error) };
        }
    },
};

/** @param {() => Promise<unknown>} ask @param {number[]} refusals the statuses that mean that the door is shut @returns {Promise<Response>} */
async function answerOf(ask, refusals = [401, 403]) {
    try {
        await ask();
        return { outcome: "open", code: "200", words: "answered" };
    } catch (error) {
        if (error instanceof Problem) {
            return { outcome: refusals.includes(error.status) ? "shut" : "unknown", code: String(error.status), words: error.code };
        }
        return { outcome: "unknown", words: wordsFor(error) };
    }
}

export class Door {
    /** The moment of the end. */
    #end = performance.now();
    ended = Date.now();
    /** @type {Moment[]} */
    moments = [];
    /** Whether all answers are there. */
    done = false;

    /**
     * @param {object} facts
     * @param {number} facts.code the close code; 0 if the socket has said none
     * @param {string} facts.reason its text
     * @param {string} facts.words what it means
     * @param {string} facts.token the access token of the connection
     * @param {number | null} facts.lastMessage when the last message arrived
     * @param {number | null} facts.connectedAt when the connection was made
     * @param {() => void} facts.changed
     */
    constructor({ code, reason, words, token, lastMessage, connectedAt, changed }) {
        this.code = code;
        this.reason = reason;
        this.words = words;
        this.token = token;
        this.changed = changed;
        const before = [
            { name: "connected", what: "This connection was opened", how: "", moment: connectedAt },
            { name: "message", what: "The last message of another person arrived here", how: "", moment: lastMessage },
        ];
        for (const { moment, ...rest } of before) {
            if (moment !== null) this.moments.push({ ...rest, at: moment - this.#end, outcome: "before" });
        }
        this.moments.sort((a, b) => a.at - b.at);
        this.moments.push({
            name: "end", what: code >= 3000 ? "The server closed the connection" : "The connection ended", how: "", at: 0, outcome: "end",
            code: code >= 3000 ? String(code) : undefined, words: reason,
        });
    }

    /** Knocks at every door, and asks the server what it knows about the session. */
    async knockEverywhere() {
        this.done = false;
        this.moments = this.moments.filter(({ outcome }) => outcome === "before" || outcome === "end");
        const [ofRest, ofRefresh, ofSocket] = DOORS;
        const read = await this.#knock(ofRest);
        // A session that is good keeps its tokens: they are not renewed for a look.
        if (read !== "open") await this.#knock(ofRefresh);
        await this.#knock(ofSocket);
        await this.#knock(STATUS);
        if (this.sessionIsOver) rest.tell("signed-out");
        this.done = true;
        this.changed();
    }

    /** @param {Way} way */
    async #knock({ name, what, how, ask }) {
        const begun = performance.now();
        /** @type {Moment} */
        const moment = { name, what, how, at: begun - this.#end, outcome: "asking" };
        this.moments.push(moment);
        this.changed();
        Object.assign(moment, await ask(this.token));
        moment.took = performance.now() - begun;
        this.changed();
        return moment.outcome;
    }

    /** The knocks. */
    get knocks() {
        return this.moments.filter(({ name }) => DOORS.some((door) => door.name === name));
    }

    get shut() {
        return this.knocks.filter(({ outcome }) => outcome === "shut").length;
    }

    /** Whether the session itself is over, and not only this connection. */
    get sessionIsOver() {
        return this.knocks.some(({ name, outcome }) => name !== "socket" && outcome === "shut");
    }

    /** Whether the session still opens something. */
    get sessionIsGood() {
        return this.done && this.knocks.some(({ name, outcome }) => name === "rest" && outcome === "open");
    }

    /** Milliseconds from the end to the last answer. */
    get lastAnswer() {
        return Math.max(0, ...this.knocks.map(({ at, took = 0 }) => at + took));
    }
}
