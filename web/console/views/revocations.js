// The revocations of every cause.

import { html, nothing } from "../../lib/html.js";
import { actButton } from "../act.js";
import { choicesOf, endSessions } from "../acts.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";
import { revocationColumns } from "../revocation-list.js";

const CAUSES = ["revoked", "signed_out", "password_changed", "account_disabled", "refresh_reused", "device_removed", "role_changed", "session_expired", "session_limit", "factor_changed", "credential_cloned", "drill"];

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {List<import("../revocation-list.js").Revocation>} */
    const list = new List(desk, {
        name: "revocations",
        path: "/api/v1/admin/revocations",
        key: ({ id }) => String(id),
        filters: [
            { name: "cause", label: "Cause", choices: choicesOf(CAUSES, "all causes") },
            { name: "user", label: "Of user", kind: "number" },
            { name: "actor", label: "By user", kind: "number" },
            { name: "since", label: "Since", kind: "moment" },
        ],
        columns: revocationColumns(),
        every: 10_000,
    }, query);
    const everyone = async () => { if (await revokeAll(desk)) list.reload(); };
    return listView("Revocations", list, {
        about: "Each one with the proof of every node, and a receipt that is checked without this server.",
        actions: () => html`${desk.may("operate") ? html`<a class="button button-small" href="/console/search">End sessions from an address</a>` : nothing}
            ${actButton("End every session", everyone, { why: desk.whyNot("administer") })}`,
    });
}

/** Asks, and ends every session of the server. @param {import("../desk.js").Desk} desk */
export function revokeAll(desk) {
    return endSessions(desk, {
        title: "End every session of this server",
        action: "End every session",
        target: { all: true },
        filters: {},
        text: html`<p>Everyone signs in again, you too. It is one row, so it takes effect at once with any number of sessions. Users of other issuers may come back with a token that is still valid.</p>`,
    });
}
