// The columns of lists of revocations, and what a revocation was of.

import { html } from "../lib/html.js";
import { number } from "../lib/format.js";
import { addressLink, deviceLink, exactly, none, revocationLink, sessionLink, userLink } from "./cells.js";
import { words } from "./words.js";

/** @typedef {import("../types/rest").Schema<"ListedRevocation">} Revocation */

/** @returns {import("./list.js").Column<Revocation>[]} */
export function revocationColumns() {
    return [
        { title: "Number", kind: "main", cell: ({ id }) => revocationLink(id), value: ({ id }) => id },
        { title: "Time", cell: ({ created_at }) => exactly(created_at), value: ({ created_at }) => created_at },
        { title: "Of", cell: targetOf, value: ({ scope, user, session, device, network, subject }) => [scope, user, session, device, network, subject].filter(Boolean).join(" ") },
        { title: "Cause", cell: ({ cause }) => words(cause), value: ({ cause }) => cause },
        { title: "Sessions", kind: "right", cell: ({ sessions }) => number(sessions), value: ({ sessions }) => sessions },
        { title: "By", cell: ({ actor }) => userLink(actor), value: ({ actor }) => actor },
        { title: "Reason", cell: ({ reason }) => reason || none, value: ({ reason }) => reason },
    ];
}

/** What the revocation was of. @param {Revocation} revocation */
export function targetOf({ scope, user, session, device, network, users, subject, opened_since }) {
    if (session && scope === "session") return html`session ${sessionLink(session, user)} ${user ? html`of ${userLink(user)}` : ""}`;
    if (device) return html`device ${deviceLink(device, user)} ${user ? html`of ${userLink(user)}` : ""}`;
    if (network) return html`sessions from ${addressLink(network)}`;
    if (users) return `${number(users)} users`;
    if (subject) return `the subject ${subject}`;
    if (opened_since) return html`sessions opened since ${exactly(opened_since)}`;
    if (user) return userLink(user);
    return words(scope);
}
