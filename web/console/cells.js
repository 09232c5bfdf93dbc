// What stands in cells and facts: numbers and ids as links, moments, places, marks of states.

import { html, nothing } from "../lib/html.js";
import { dateTime, number, placeName, relative } from "../lib/format.js";
import { icon, tag, toast } from "../lib/ui.js";
import { words } from "./words.js";

/** @typedef {import("../lib/html.js").Content} Content */
/** @typedef {"" | "good" | "warn" | "bad" | "accent"} Kind */

/** What a cell shows that has no value. */
export const none = html`<span class="soft nothing">–</span>`;

/** A moment: how long ago, and the exact one on demand. @param {string | null | undefined} moment */
export function when(moment) {
    return moment ? html`<time datetime=${moment} title=${dateTime(moment)}>${relative(moment)}</time>` : none;
}

/** A moment with its date. @param {string | null | undefined} moment */
export function exactly(moment) {
    return moment ? html`<time datetime=${moment} title=${moment}>${dateTime(moment)}</time>` : none;
}

/** A moment with its second, for lists of events. @param {string} moment */
export function precisely(moment) {
    const words = new Intl.DateTimeFormat(document.documentElement.lang || "en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }).format(new Date(moment));
    return html`<time datetime=${moment} title=${moment}>${words}</time>`;
}

/** An id, shortened: its first digits tell the rows of a list apart. @param {string} id @param {string} [address] */
export function shortId(id, address) {
    const short = html`<span class="mono" title=${id}>${id.slice(0, 8)}</span>`;
    return address ? html`<a href=${address} aria-label=${id}>${short}</a>` : short;
}

/** A text with a button that copies it. @param {string} text @param {string} what for screen readers */
export function copyable(text, what) {
    const copy = async () => {
        try {
            await navigator.clipboard.writeText(text);
            toast("Copied.");
        } catch {
            toast("The browser does not permit copying.", "bad");
        }
    };
    return html`<span class="copyable"><span class="mono break">${text}</span><button type="button" class="button-bare" aria-label="Copy ${what}" @click=${copy}>${icon("copy")}</button></span>`;
}

/** @param {number | null | undefined} id */
export function userLink(id) {
    return id === null || id === undefined ? none : html`<a class="user" href="/console/users/${id}">user ${id}</a>`;
}

/** @param {string} id @param {number | null} [user] */
export function sessionLink(id, user) {
    return shortId(id, `/console/sessions/${id}${user ? `?user=${user}` : ""}`);
}

/** @param {string} id @param {number | null} [user] */
export function deviceLink(id, user) {
    return shortId(id, `/console/devices/${id}${user ? `?user=${user}` : ""}`);
}

/** @param {number | null | undefined} id */
export function revocationLink(id) {
    return id === null || id === undefined ? none : html`<a href="/console/revocations/${id}">${number(id)}</a>`;
}

/** @param {string | null | undefined} address */
export function addressLink(address) {
    // A network of one address is that address.
    const shown = address?.replace(/^(\d+\.\d+\.\d+\.\d+)\/32$|^(.*:.*)\/128$/, "$1$2");
    return shown ? html`<a class="mono" href="/console/search?q=${encodeURIComponent(shown)}">${shown}</a>` : none;
}

/** @param {{ city?: string | null, country?: string | null } | null | undefined} place */
export function placeOf(place) {
    return placeName(place) || none;
}

/** Browser and system. @param {{ browser?: string | null, system?: string | null }} described */
export function clientOf({ browser, system }) {
    return [browser, system].filter(Boolean).join(", ") || none;
}

/** @param {string} role */
export function roleTag(role) {
    return role === "user" ? html`<span class="soft">user</span>` : tag(role, role === "admin" ? "accent" : "");
}

/** @type {Record<string, Kind>} */
const STATES = {
    active: "good", pending: "warn", suspended: "bad", deactivated: "bad",
    valid: "good", expired: "", revoked: "bad",
    success: "good", challenged: "", failure: "warn", denied: "bad", risk_refused: "warn", credential_cloned: "bad",
    wrong_password: "bad", wrong_factor: "bad", unknown_account: "bad", inactive_account: "bad", invalid_passkey: "bad",
    complete: "good", closed: "good", applied: "good", closing: "warn", incomplete: "bad", lapsed: "warn",
    enabled: "good", paused: "warn", disabled: "bad", delivered: "good", dead: "bad", sent: "good", failed: "bad",
    in_time: "good", late: "warn", open: "bad", unclear: "warn", passed: "good",
    trusted: "good", verified: "good", erased: "", erasing: "warn",
};

/** The mark of a state. @param {string} state @param {string} [text] */
export function stateTag(state, text) {
    return tag(text ?? words(state), STATES[state] ?? "");
}

/** How a session stands. @param {{ revoked_at?: string | null, revoked_cause?: string | null, ended_at?: string | null, expires_at?: string | null }} session */
export function sessionState({ revoked_at, revoked_cause, ended_at, expires_at }) {
    if (revoked_at) return html`${tag(revoked_cause ? words(revoked_cause) : "revoked", "bad")}`;
    if (ended_at) return tag("ended");
    if (expires_at && Date.parse(expires_at) < Date.now()) return tag("expired");
    return tag("open", "good");
}

/** Whether a session is neither revoked nor past its end. @param {{ revoked_at?: string | null, ended_at?: string | null, expires_at?: string | null }} session */
export function isOpen({ revoked_at, ended_at, expires_at }) {
    return !revoked_at && !ended_at && !(expires_at && Date.parse(expires_at) < Date.now());
}

/** The risk of a sign-in. @param {{ score: number, reasons: string[] } | null | undefined} risk */
export function riskOf(risk) {
    if (!risk) return none;
    return html`${tag(String(risk.score), risk.score >= 60 ? "bad" : risk.score >= 30 ? "warn" : "")}
        ${risk.reasons.length ? html`<span class="soft small">${risk.reasons.map(words).join(", ")}</span>` : nothing}`;
}

/** Facts: terms, and their values; `true` for a value that needs the whole width. @param {[string, Content, boolean?][]} rows */
export function facts(rows) {
    return html`<dl class="facts">${rows.map(([term, value, wide]) => html`<dt>${term}</dt><dd class=${wide ? "facts-wide" : ""}>${value ?? none}</dd>`)}</dl>`;
}

/** A table that may be wider than its place: the keyboard scrolls it, too. @param {string} label @param {Content} table */
export function scroller(label, table) {
    return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${label}>${table}</div>`;
}

/** The heading of a view. @param {string} title @param {{ about?: Content, actions?: Content, back?: [string, string] }} [parts] */
export function heading(title, { about, actions, back } = {}) {
    return html`<header class="desk-head">
        ${back ? html`<a class="desk-back" href=${back[0]}>${icon("arrow-left")}${back[1]}</a>` : nothing}
        <div class="desk-title"><h1>${title}</h1>${actions ? html`<div class="desk-actions">${actions}</div>` : nothing}</div>
        ${about ? html`<p class="desk-about">${about}</p>` : nothing}
    </header>`;
}
