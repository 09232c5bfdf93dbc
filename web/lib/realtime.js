// Sockets: the official client of the Centrifuge protocol, with the sessions and the close codes of this server.
//
// The cookie of the session is sent with the handshake. When the server asks for a newer token, the access token is renewed.
// A terminal code is the end: the client does not come back, and the page says why.

import "../vendor/centrifuge/centrifuge.js";
import { rest } from "./rest.js";
import { Problem } from "./errors.js";

/** @typedef {import("../vendor/centrifuge/types/centrifuge").Centrifuge} Client */
/** @typedef {import("../vendor/centrifuge/types/subscription").Subscription} Subscription */
/** @typedef {{ state: "connecting" | "connected" | "ended", code?: number, reason?: string, words?: string }} Standing */

/** @type {typeof import("../vendor/centrifuge/types/index").Centrifuge} */
const Centrifuge = /** @type {any} */ (globalThis).Centrifuge;

/** What a close code means for the user. Codes from 3500 to 3999 and from 4500 to 4999 are terminal. */
const WORDS = /** @type {Record<number, string>} */ ({
    0: "This window closed the connection.",
    1: "The server gave no new access token.",
    2: "The client could not understand the server.",
    3: "The message was too large.",
    3000: "The connection was closed.",
    3001: "The server is restarting.",
    3005: "The access token has expired.",
    3008: "This connection was too slow, and was closed.",
    3012: "The connection was silent for too long.",
    3013: "Too many messages in a short time.",
    3014: "Your role or your permissions have changed.",
    3500: "The access token is not valid.",
    3501: "The server could not understand this client.",
    3502: "The connection was not completed in time.",
    3503: "An operator or an application ended this connection.",
    3504: "There are too many connections.",
    3505: "There are too many channels on this connection.",
    3506: "The subscription has expired.",
    3507: "You do not have the permission for this.",
    4500: "This session was revoked.",
    4501: "You signed out.",
    4502: "The password was changed.",
    4503: "The account was disabled.",
    4504: "A refresh token was used twice, so it may have been copied. The session was ended to protect you.",
    4505: "This device was removed from the account.",
});

/** Why the client connects again, if the server has sent no code. */
const LOST = /** @type {Record<number, string>} */ ({
    0: "Connecting.",
    1: "The connection broke.",
    2: "The server was silent for too long.",
    3: "The server did not answer in time.",
    4: "The server did not answer in time.",
});

/** What a close code means, in words for people. @param {number} code @param {string} [reason] */
export function closeWords(code, reason = "") {
    return WORDS[code] ?? (reason ? `The connection ended: ${reason}.` : "The connection ended.");
}

/** Whether a client must not come back after this code. @param {number} code */
export function isTerminal(code) {
    return (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000);
}

/**
 * A client of the page's own server, not connected yet: subscribe, then call `connect()`.
 * @param {{ onStanding?: (standing: Standing) => void, onToken?: (token: string) => void, name?: string }} [options]
 * @returns {Client}
 */
export function createClient({ onStanding = () => {}, onToken = () => {}, name = "page" } = {}) {
    const client = new Centrifuge(socketAddress(), {
        name,
        minReconnectDelay: 300,
        maxReconnectDelay: 8000,
        getToken: async () => {
            const fresh = await token();
            onToken(fresh);
            return fresh;
        },
    });
    let connectedBefore = false;
    client.on("connecting", ({ code, reason }) => {
        onStanding({ state: "connecting", code, reason, words: connectedBefore ? LOST[code] ?? closeWords(code, reason) : undefined });
    });
    client.on("connected", () => {
        connectedBefore = true;
        onStanding({ state: "connected" });
    });
    client.on("disconnected", ({ code, reason }) => {
        onStanding({ state: "ended", code, reason, words: closeWords(code, reason) });
    });
    // Without a listener the client writes to the console. `connecting` and `disconnected` say all that the user needs.
    client.on("error", () => {});
    return client;
}

/** How long a knock waits, in milliseconds. */
const PATIENCE = 5000;

/**
 * Asks for a connection once, with the cookies and this token, and closes it again. Tells how the server answers to a session.
 * @param {string} [accessToken]
 * @returns {Promise<{ outcome: "open" | "refused" | "unreachable", code?: number, reason?: string }>}
 */
export function knock(accessToken) {
    const socket = new WebSocket(socketAddress());
    const ended = AbortSignal.timeout(PATIENCE);
    return new Promise((done) => {
        /** @param {Awaited<ReturnType<typeof knock>>} answer */
        const answer = (answer) => { done(answer); socket.close(); };
        ended.onabort = () => answer({ outcome: "unreachable" });
        socket.onopen = () => socket.send(JSON.stringify({ id: 1, connect: accessToken ? { token: accessToken } : {} }));
        socket.onmessage = ({ data }) => {
            const reply = JSON.parse(String(data).split("\n")[0]);
            const refusal = reply.error ? { code: reply.error.code, reason: reply.error.message } : reply.push?.disconnect;
            if (refusal) answer({ outcome: "refused", ...refusal });
            else if (reply.connect) answer({ outcome: "open" });
        };
        socket.onclose = ({ code, reason }) => answer(code >= 3000 ? { outcome: "refused", code, reason } : { outcome: "unreachable" });
    });
}

function socketAddress() {
    return `${location.origin.replace(/^http/, "ws")}/connection/websocket`;
}

/** A token for a socket. The client ends for good when the session has ended. @returns {Promise<string>} */
async function token() {
    try {
        return await rest.freshToken();
    } catch (error) {
        const Unauthorized = /** @type {any} */ (Centrifuge).UnauthorizedError;
        throw error instanceof Problem && error.status === 401 ? new Unauthorized("session ended") : error;
    }
}
