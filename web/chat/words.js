// The words of the chat: what the codes of commands mean, and values in a line.

import { counted, number } from "../lib/format.js";

/** @typedef {{ code?: number, message?: string }} Refusal */

/** What the code of a refused command means. Codes below 100 come from the client, all others from the server. */
const REFUSALS = /** @type {Record<number, string>} */ ({
    100: "The server cannot take this at the moment.",
    102: "This server has no channels of this kind.",
    103: "You do not have the permission for this.",
    105: "This window has opened the channel already.",
    106: "A limit is reached: the channel is full, or this window has too many channels.",
    107: "The server did not accept this. It may be too long.",
    108: "This channel does not offer that.",
    109: "The access token has expired.",
    111: "Too many messages in a short time. Wait a moment.",
    112: "The server no longer keeps what was asked for.",
    440: "This channel carries data that a browser's window cannot show.",
    2500: "The server lost the place of this window in the channel.",
});

/** Why the server refused a command, in words. @param {unknown} error */
export function refusalWords(error) {
    const { code = 0, message = "" } = /** @type {Refusal} */ (error ?? {});
    return REFUSALS[code] ?? (code >= 100 && message ? `The server refused this: ${message}.` : "The server did not answer.");
}

/** Whether the server has refused the command for sure, so that it was not carried out. @param {unknown} error */
export function isRefusal(error) {
    const { code = 0 } = /** @type {Refusal} */ (error ?? {});
    return code > 100;
}

/** A period in words: `800 ms`, `12 s`, `3 min`, `2 h`. @param {number} ms */
export function period(ms) {
    if (ms < 1000) return `${Math.max(1, Math.round(ms))} ms`;
    const seconds = Math.round(ms / 1000);
    if (seconds < 120) return `${seconds} s`;
    return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** A moment of a timeline: `+12 ms`. @param {number} ms */
export function offset(ms) {
    const sign = ms < 0 ? "\u2212" : "+";
    const size = Math.abs(ms);
    if (size < 10) return `${sign}${size.toFixed(1)} ms`;
    return size < 60_000 ? `${sign}${number(Math.round(size))} ms` : `${sign}${period(size)}`;
}

/** How long a channel keeps its messages. @param {number} seconds */
function keeping(seconds) {
    const units = /** @type {[number, string][]} */ ([[86_400, "day"], [3600, "hour"], [60, "minute"]]);
    const [length, name] = units.find(([length]) => seconds >= length) ?? [1, "second"];
    return counted(Math.round(seconds / length), name);
}

/**
 * What a channel keeps, in a line.
 * @param {import("./terms.js").Terms | null} terms what the server has said about the channel
 * @param {boolean} recoverable whether the subscription can recover
 */
export function keepWords(terms, recoverable) {
    if (!terms) return recoverable ? "Messages are kept. What you miss is recovered." : "Messages may not be kept.";
    if (terms.history_size === 0) return "Nothing is kept: only those who are here receive a message.";
    const where = terms.durable ? "Kept in the database" : "Kept in memory, until the server restarts";
    return `${where}: the newest ${counted(terms.history_size, "message")}, for ${keeping(terms.history_ttl_seconds)}`;
}

/** What a channel keeps, in one word for a mark. @param {import("./terms.js").Terms | null} terms */
export function keepMark(terms) {
    if (!terms) return "";
    if (terms.history_size === 0) return "not kept";
    return terms.durable ? "durable" : "in memory";
}
