// The channels: those with subscribers on this node, and the durable ones.

import { html } from "../../lib/html.js";
import { number } from "../../lib/format.js";
import { rest } from "../../lib/rest.js";
import { act, actButton } from "../act.js";
import { when } from "../cells.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";

/** @typedef {{ channel: string, subscribers?: number, offset?: number, published_at?: string, created_at?: string, removed_up_to?: number }} Channel */

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {List<Channel>} */
    const list = new List(desk, {
        name: "channels",
        path: "/api/v1/admin/channels",
        key: ({ channel }) => channel,
        filters: [{ name: "kind", label: "Which", choices: [["", "with subscribers on this node"], ["durable", "durable"]] }],
        columns: [
            { title: "Channel", kind: "main", cell: ({ channel }) => html`<a href="/console/channels/${encodeURIComponent(channel)}">${channel}</a>`, value: ({ channel }) => channel },
            { title: "Subscribers", kind: "right", cell: ({ subscribers }) => (subscribers === undefined ? "–" : number(subscribers)), value: ({ subscribers }) => subscribers },
            { title: "Newest offset", kind: "right", cell: ({ offset }) => (offset === undefined ? "–" : number(offset)), value: ({ offset }) => offset },
            { title: "Last message", cell: ({ published_at }) => when(published_at), value: ({ published_at }) => published_at },
        ],
        every: 10_000,
        nothing: { title: "No channel has a subscriber on this node" },
    }, query);
    return listView("Channels", list, {
        actions: () => actButton("Erase a person's messages", async () => { if (await erase(desk)) list.reload(); }, { why: desk.whyNot("administer") }),
    });
}

/** @param {import("../desk.js").Desk} desk */
function erase(desk) {
    return act(desk, {
        title: "Erase the messages of a person",
        action: "Erase the messages",
        text: html`<p>Every message of the person becomes empty: in the database, and in the memory of this node. Clients keep what they have received. End the sessions of the person first.</p>`,
        fields: (form) => form.field({ label: "User number, or subject", name: "user", required: true }),
        send: ({ user, reason }) => rest.post("/api/v1/admin/channels/messages/erase", { body: { user: user.trim(), reason }, timeout: 60_000 }),
        done: (/** @type {{ stored: number, in_memory: number, more: boolean }} */ { stored, in_memory, more }) =>
            html`${number(stored)} messages in the database and ${number(in_memory)} in memory are erased.${more ? html` <strong>There are more: repeat the request.</strong>` : ""}`,
    });
}
