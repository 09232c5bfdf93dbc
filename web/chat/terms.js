// What the server promises about a channel: whether it keeps messages, where, and what this user may do there.

import { rest } from "../lib/rest.js";

/** @typedef {import("../types/rest").Schema<"ChannelTerms">} Terms */

/** The largest message if the server does not say, in bytes. */
export const USUAL_LIMIT = 61_440;

/** The terms of a channel; `null` if the server does not say. @param {string} channel @returns {Promise<Terms | null>} */
export async function termsOf(channel) {
    try {
        return await rest.get("/api/v1/channels/terms", { query: { channel } });
    } catch {
        // The room works without them. A session that has ended is noticed by the socket, too.
        return null;
    }
}
