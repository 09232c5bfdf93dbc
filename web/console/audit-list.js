// The columns of lists of events of the audit log.

import { html } from "../lib/html.js";
import { addressLink, none, precisely, sessionLink, stateTag, userLink } from "./cells.js";

/** @typedef {import("../types/rest").Schema<"AuditEntry">} AuditEntry */

/** @returns {import("./list.js").Column<AuditEntry>[]} */
export function auditColumns() {
    return [
        { title: "Entry", kind: "main", cell: ({ index }) => html`<a href="/console/audit/${index}">${index}</a>`, value: ({ index }) => index },
        { title: "Time", cell: ({ at }) => precisely(at), value: ({ at }) => at },
        { title: "Event", cell: ({ event }) => html`<span class="mono">${event}</span>`, value: ({ event }) => event },
        { title: "Outcome", cell: ({ outcome }) => stateTag(outcome), value: ({ outcome }) => outcome },
        { title: "By", cell: ({ actor }) => userLink(actor), value: ({ actor }) => actor },
        { title: "On", cell: ({ user, subject }) => (user ? userLink(user) : subject || none), value: ({ user, subject }) => user ?? subject },
        { title: "Address", cell: ({ address }) => addressLink(address), value: ({ address }) => address },
        { title: "Session", cell: ({ session, user }) => (session ? sessionLink(session, user) : none), value: ({ session }) => session },
        { title: "Detail", kind: "wide", cell: ({ detail }) => (detailWords(detail) ? html`<span class="small break">${detailWords(detail)}</span>` : none), value: ({ detail }) => JSON.stringify(detail) },
    ];
}

/** The detail of an event, shortened. @param {unknown} detail */
function detailWords(detail) {
    const members = Object.entries(/** @type {Record<string, unknown>} */ (detail ?? {})).filter(([name]) => name !== "by_session");
    const shown = members.map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(" ") : typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
    return shown.length > 140 ? `${shown.slice(0, 140)}…` : shown;
}
