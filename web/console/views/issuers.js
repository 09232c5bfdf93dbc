// The issuers of tokens that the server accepts.

import { html } from "../../lib/html.js";
import { none, stateTag } from "../cells.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";

/** @typedef {import("../../types/rest").Schema<"Issuer">} Issuer */

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {List<Issuer>} */
    const list = new List(desk, {
        name: "issuers",
        path: "/api/v1/admin/issuers",
        key: ({ name }) => name,
        limit: undefined,
        columns: [
            { title: "Name", kind: "main", cell: ({ name }) => name, value: ({ name }) => name },
            { title: "iss", cell: ({ issuer }) => (issuer ? html`<span class="mono break">${issuer}</span>` : none), value: ({ issuer }) => issuer },
            { title: "aud", cell: ({ audience }) => audience ?? none, value: ({ audience }) => audience },
            { title: "Algorithms", cell: ({ algorithms }) => algorithms.join(", "), value: ({ algorithms }) => algorithms.join(" ") },
            { title: "For", cell: ({ uses }) => uses.join(", "), value: ({ uses }) => uses.join(" ") },
            { title: "Prefix of users", cell: ({ user_prefix }) => user_prefix || none, value: ({ user_prefix }) => user_prefix },
            { title: "Keys", cell: ({ keys }) => (keys.kind === "url" ? html`<span class="break">${keys.url}</span> ${keys.own_authorities ? stateTag("valid", "own authorities") : ""}` : keys.keys.map(({ id, kind }) => `${kind}${id ? ` ${id}` : ""}`).join(", ")), value: ({ keys }) => keys },
        ],
        nothing: { title: "No other issuer", text: "Only this server's own tokens are accepted." },
    }, query);
    return listView("Issuers", list, { about: "Whose tokens this node accepts beside its own. Issuers come from the settings." });
}
