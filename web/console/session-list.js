// The columns and filters of lists of sessions.

import { html, nothing } from "../lib/html.js";
import { number } from "../lib/format.js";
import { actButton } from "./act.js";
import { endSession } from "./acts.js";
import { addressLink, isOpen, none, placeOf, riskOf, sessionLink, sessionState, userLink, when } from "./cells.js";
import { words } from "./words.js";

/** @typedef {import("../types/rest").Schema<"AnySession">} AnySession */
/** @typedef {Extract<AnySession, { kind: "account" }>} AccountSession */

/** @type {import("./list.js").Filter[]} */
export const SESSION_FILTERS = [
    { name: "active", label: "State", choices: [["true", "open"], ["any", "all"]], initial: "true" },
    { name: "user", label: "User number", kind: "number" },
    { name: "network", label: "Address or network", placeholder: "203.0.113.0/24" },
    { name: "country", label: "Country", placeholder: "NO", kind: "number", more: true },
    { name: "client", label: "Browser has the text", placeholder: "Firefox", more: true },
    { name: "device", label: "Device id", more: true },
    { name: "subject", label: "Subject of an issuer", more: true },
    { name: "younger_than", label: "Younger than (seconds)", kind: "number", more: true },
    { name: "older_than", label: "Older than (seconds)", kind: "number", more: true },
];

/**
 * @param {import("./desk.js").Desk} desk @param {() => void} onEnd
 * @param {{ withUser?: boolean, why?: () => string }} [options] `why`: why the sessions of this user cannot be ended
 * @returns {import("./list.js").Column<AnySession>[]}
 */
export function sessionColumns(desk, onEnd, { withUser = false, why } = {}) {
    /** @type {import("./list.js").Column<AnySession>[]} */
    const user = withUser ? [{ title: "User", cell: (one) => (one.kind === "account" ? userLink(one.user_id) : html`${one.subject} <span class="soft small">${one.issuer}</span>`), value: (one) => (one.kind === "account" ? one.user_id : one.subject) }] : [];
    return [
        { title: "Session", kind: "main", cell: (one) => html`${sessionLink(one.id, one.kind === "account" ? one.user_id : null)}${one.kind === "account" && one.current ? html` <span class="tag tag-accent">yours</span>` : nothing}`, value: ({ id }) => id },
        ...user,
        { title: "State", cell: sessionState, value: (one) => (isOpen(one) ? "open" : one.revoked_at ? "revoked" : "ended") },
        { title: "Sockets", kind: "right", cell: ({ open_connections }) => number(open_connections), value: ({ open_connections }) => open_connections },
        { title: "Device", cell: (one) => (one.kind === "account" ? html`<a href="/console/devices/${one.device_id}?user=${one.user_id}">${one.device_label || "device"}</a>` : none), value: (one) => (one.kind === "account" ? one.device_id : null) },
        { title: "Address", cell: ({ address }) => addressLink(address), value: ({ address }) => address },
        { title: "Place", cell: (one) => (one.kind === "account" ? placeOf(one.place) : none), value: (one) => (one.kind === "account" ? one.place?.country : null) },
        { title: "By", cell: (one) => (one.kind === "account" ? words(one.method) : "token"), value: (one) => (one.kind === "account" ? one.method : "token") },
        { title: "Risk", cell: (one) => (one.kind === "account" ? riskOf(one.risk) : none), value: (one) => (one.kind === "account" ? one.risk?.score : null) },
        { title: "Last seen", cell: ({ last_seen_at }) => when(last_seen_at), value: ({ last_seen_at }) => last_seen_at },
        { title: "Began", sort: ["created", "-created"], cell: ({ created_at }) => when(created_at), value: ({ created_at }) => created_at },
        ...desk.may("operate") ? [/** @type {import("./list.js").Column<AnySession>} */ ({
            title: "Acts", kind: "acts",
            cell: (one) => (isOpen(one) && !why?.() ? actButton("End", async () => { if (await endSession(desk, one)) onEnd(); }) : nothing),
        })] : [],
    ];
}
