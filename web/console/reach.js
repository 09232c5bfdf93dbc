// What a revocation would end: counted from the lists, before the revocation is requested.

import { rest } from "../lib/rest.js";
import { counted } from "../lib/format.js";

/** @typedef {{ sessions: number, sockets: number, people: number, more: boolean }} Reach */

/** Pages of 200 sessions that are counted. A revocation of more says "at least". */
const MOST_PAGES = 5;

/**
 * Counts the open sessions that fit these filters of the list of sessions.
 * @param {Record<string, string | number | undefined>} filters @param {AbortSignal} [signal]
 * @returns {Promise<Reach>}
 */
export async function reachOf(filters, signal) {
    const reach = { sessions: 0, sockets: 0, people: 0, more: false };
    const people = new Set();
    /** @type {string | null | undefined} */
    let cursor;
    for (let page = 0; page < MOST_PAGES; page++) {
        const body = await rest.get("/api/v1/admin/sessions", {
            query: /** @type {any} */ ({ ...filters, active: true, limit: 200, cursor: cursor ?? undefined }), signal,
        });
        for (const session of body.sessions) {
            reach.sessions += 1;
            reach.sockets += session.open_connections;
            people.add(session.kind === "account" ? session.user_id : session.subject);
        }
        cursor = body.next_cursor;
        if (!cursor) break;
    }
    reach.people = people.size;
    reach.more = Boolean(cursor);
    return reach;
}

/** What it ends, in words. @param {Reach} reach */
export function reachWords({ sessions, sockets, people, more }) {
    if (sessions === 0) return "No open session fits, so nothing would end.";
    const least = more ? "at least " : "";
    const of = people > 1 || more ? ` of ${least}${counted(people, "person", "people")}` : "";
    return `This ends ${least}${counted(sessions, "session")}${of}, with ${least}${counted(sockets, "open socket")}.`;
}
