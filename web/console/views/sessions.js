// The sessions of accounts, and those of external issuers.

import { SESSION_FILTERS, sessionColumns } from "../session-list.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {List<import("../session-list.js").AnySession>} */
    const list = new List(desk, {
        name: "sessions",
        path: "/api/v1/admin/sessions",
        key: ({ id }) => id,
        filters: SESSION_FILTERS,
        orders: [["-created", "Newest first"], ["created", "Oldest first"]],
        columns: sessionColumns(desk, () => list.reload(), { withUser: true }),
        every: 15_000,
    }, query);
    return listView("Sessions", list);
}
