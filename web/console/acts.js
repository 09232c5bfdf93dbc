// The acts that several views offer: ending sessions, bans.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { counted } from "../lib/format.js";
import { act } from "./act.js";
import { reachOf, reachWords } from "./reach.js";
import { words } from "./words.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("../types/rest").Schema<"RevocationRequest">} Target */

/** Ends sessions. @param {Omit<Target, "reason">} target @param {string} reason */
export function revoke(target, reason) {
    return rest.post("/api/v1/admin/revocations", { body: { ...target, reason }, idempotent: true });
}

/**
 * Asks, and ends one session.
 * @param {Desk} desk @param {{ id: string, open_connections: number, user_id?: number, subject?: string, current?: boolean }} session
 */
export function endSession(desk, session) {
    const of = session.user_id !== undefined ? `user ${session.user_id}` : session.subject ?? "an external user";
    return act(desk, {
        title: "End this session",
        action: "End the session",
        text: html`<p>Ends one session of ${of} and closes ${counted(session.open_connections, "open socket")}. Its access and refresh tokens work nowhere any more.</p>
            ${session.current ? html`<p><strong>This is your own session: you are signed out.</strong></p>` : null}`,
        send: ({ reason }) => revoke({ session: session.id }, reason),
    });
}

/** Asks, and ends the sessions that fit. @param {Desk} desk @param {{ title: string, action?: string, target: Omit<Target, "reason">, filters: Record<string, string | number | undefined>, text?: import("../lib/html.js").Content, lock?: boolean }} parts */
export function endSessions(desk, { title, action = "End the sessions", target, filters, text, lock = false }) {
    return act(desk, {
        title, action, text,
        will: async (signal) => reachWords(await reachOf(filters, signal)),
        optional: true,
        fields: () => (lock && desk.may("administer") ? lockBox() : null),
        send: ({ reason, lock_password }) => revoke({ ...target, ...lock_password ? { lock_password: true } : {} }, reason),
    });
}

/** The box that takes the passwords away, too. */
export function lockBox() {
    return html`<label class="check"><input type="checkbox" name="lock_password"><span>Take the passwords away, too
        <span class="hint">No sign-in with a password succeeds until a password reset. Passkeys still work.</span></span></label>`;
}

/** Asks, and bans an address or a network. @param {Desk} desk @param {string} [network] */
export function ban(desk, network = "") {
    return act(desk, {
        title: "Ban an address or a network",
        action: "Ban",
        text: html`<p>Every node refuses all requests from there, within three seconds. A ban ends no session and closes no socket; people who share the address are refused, too.</p>`,
        places: { invalid_network: "network", network_too_wide: "network", own_address: "network", invalid_period: "minutes" },
        fields: (form) => html`
            ${form.field({ label: "Address or network", name: "network", value: network || undefined, required: true, hint: "Such as 203.0.113.9 or 203.0.113.0/24." })}
            ${form.field({ label: "Minutes", name: "minutes", value: "600", required: true, inputmode: "numeric" })}`,
        send: ({ network: typed, minutes, reason }) => rest.post("/api/v1/admin/bans", {
            body: { network: typed.trim(), until: new Date(Date.now() + Number(minutes) * 60_000).toISOString(), reason }, idempotent: true,
        }),
        done: (/** @type {{ network: string }} */ { network: banned }) => html`${banned} is banned.`,
    });
}

/** The choices of a filter: every value, then these. @param {string[]} values @param {string} [all] @returns {[string, string][]} */
export function choicesOf(values, all = "all") {
    return [["", all], .../** @type {[string, string][]} */ (values.map((value) => [value, words(value)]))];
}
