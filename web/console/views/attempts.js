// The attempts to sign in to all accounts.

import { attemptColumns } from "../attempt-list.js";
import { choicesOf } from "../acts.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";

const OUTCOMES = ["success", "challenged", "unknown_account", "wrong_password", "wrong_factor", "inactive_account", "superseded", "risk_refused", "credential_cloned", "invalid_passkey"];

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {List<import("../attempt-list.js").Attempt>} */
    const list = new List(desk, {
        name: "attempts",
        path: "/api/v1/admin/attempts",
        key: ({ id }) => id,
        filters: [
            { name: "outcome", label: "Outcome", choices: choicesOf(OUTCOMES, "all outcomes") },
            { name: "user", label: "User number", kind: "number" },
            { name: "network", label: "Address or network", placeholder: "203.0.113.0/24" },
            { name: "country", label: "Country", placeholder: "NO", kind: "number", more: true },
            { name: "since", label: "Since", kind: "moment", more: true },
            { name: "until", label: "Until", kind: "moment", more: true },
        ],
        columns: attemptColumns({ withUser: true }),
        every: 15_000,
    }, query);
    return listView("Attempts", list, { about: "Every attempt to sign in, newest first." });
}
