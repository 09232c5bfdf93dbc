// The requests for erasures of accounts, and the records of finished ones.

import { choicesOf } from "../acts.js";
import { exactly, none, stateTag, userLink, when } from "../cells.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {List<import("../../types/rest").Schema<"Erasure">>} */
    const list = new List(desk, {
        name: "erasures",
        path: "/api/v1/admin/erasures",
        key: ({ user, requested_at }) => `${user} ${requested_at}`,
        filters: [{ name: "state", label: "State", choices: choicesOf(["pending", "erasing", "erased"], "all states") }],
        columns: [
            { title: "User", kind: "main", cell: ({ user }) => userLink(user), value: ({ user }) => user },
            { title: "State", cell: ({ state }) => stateTag(state), value: ({ state }) => state },
            { title: "Requested", cell: ({ requested_at }) => when(requested_at), value: ({ requested_at }) => requested_at },
            { title: "By", cell: ({ requested_by, actor }) => (actor ? userLink(actor) : requested_by), value: ({ requested_by }) => requested_by },
            { title: "Due", cell: ({ due_at }) => exactly(due_at), value: ({ due_at }) => due_at },
            { title: "Erased", cell: ({ erased_at }) => exactly(erased_at), value: ({ erased_at }) => erased_at },
            { title: "Reason", cell: ({ reason }) => reason || none, value: ({ reason }) => reason },
        ],
        nothing: { title: "There are no erasures", text: "A request is made by the user, or on the page of the user." },
    }, query);
    return listView("Erasures", list);
}
