// One channel: its subscribers on this node, and its messages.

import { html } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { number } from "../../lib/format.js";
import { tag } from "../../lib/ui.js";
import { act, actButton } from "../act.js";
import { exactly, heading, none } from "../cells.js";
import { List } from "../list.js";

/** @typedef {import("../../types/rest").Schema<"ChannelClient">} ChannelClient */
/** @typedef {import("../../types/rest").Schema<"ChannelMessage">} ChannelMessage */

/** @type {import("../desk.js").Open} */
export function open(desk, { parameters, query }) {
    const { name } = parameters;
    const why = desk.whyNot("operate");
    let total = "";
    let epoch = "";
    /** @type {List<ChannelClient>} */
    const subscribers = new List(desk, {
        name: "subscribers", prefix: "s-", path: "/api/v1/admin/channels/subscribers", fixed: { channel: name }, limit: 25, every: 10_000,
        key: ({ client }) => client,
        columns: [
            { title: "User", kind: "main", cell: ({ user }) => userOf(user), value: ({ user }) => user },
            { title: "Client", cell: ({ client }) => html`<span class="mono" title=${client}>${client.slice(0, 8)}</span>`, value: ({ client }) => client },
            { title: "Attached", cell: (one) => (one.conn_info || one.chan_info ? html`<span class="small break">${JSON.stringify(one.chan_info ?? one.conn_info)}</span>` : none), value: ({ conn_info }) => conn_info },
        ],
        onPage: (body) => { total = number(body.total); },
        nothing: { title: "No subscriber on this node" },
    }, query);
    /** @type {List<ChannelMessage>} */
    const messages = new List(desk, {
        name: "messages", prefix: "m-", path: "/api/v1/admin/channels/history", fixed: { channel: name }, limit: 25,
        key: ({ offset }) => String(offset),
        columns: [
            { title: "Offset", kind: "main", cell: ({ offset }) => number(offset), value: ({ offset }) => offset },
            { title: "Time", cell: ({ at_ms }) => exactly(new Date(at_ms).toISOString()), value: ({ at_ms }) => new Date(at_ms).toISOString() },
            { title: "By", cell: ({ publisher }) => (publisher ? userOf(publisher.user) : none), value: ({ publisher }) => publisher?.user },
            { title: "Data", kind: "wide", cell: ({ data, tags }) => ("removed" in tags ? tag("removed", "warn") : html`<code class="small break">${shortened(data)}</code>`), value: ({ data }) => data },
            ...why ? [] : [/** @type {import("../list.js").Column<ChannelMessage>} */ ({ title: "Acts", kind: "acts", cell: (one) => ("removed" in one.tags ? "" : actButton("Remove", () => remove(one))) })],
        ],
        onPage: (body) => { ({ epoch } = body); },
        nothing: { title: "There are no messages" },
    }, query);

    /** @param {ChannelMessage} message */
    async function remove({ offset }) {
        const removed = await act(desk, {
            title: `Remove message ${offset} of ${name}`,
            action: "Remove the message",
            text: html`<p>The message becomes empty, and keeps its offset, so clients recover as before. Those that have received it keep it. In a channel that is not durable, only this node's memory is changed.</p>`,
            send: ({ reason }) => rest.post("/api/v1/admin/channels/messages/remove", { body: { channel: name, offset, reason } }),
            done: (/** @type {{ stored: number, in_memory: number }} */ { stored, in_memory }) => html`Removed: ${number(stored)} in the database, ${number(in_memory)} in memory.`,
        });
        if (removed) messages.reload();
    }

    return {
        title: name,
        follow(changed) {
            subscribers.follow(changed);
            messages.follow(changed);
        },
        close: () => { subscribers.close(); messages.close(); },
        draw: () => html`${heading(name, { back: ["/console/channels", "Channels"], about: epoch ? html`Epoch <span class="mono">${epoch}</span>` : undefined })}

                <section aria-labelledby="messages-title"><h2 id="messages-title">Messages</h2>${messages.draw()}</section>
                <section aria-labelledby="subscribers-title"><h2 id="subscribers-title">Subscribers on this node ${total ? html`<span class="soft">${total}</span>` : ""}</h2>${subscribers.draw()}</section>`,
    };
}

/** @param {string} user */
function userOf(user) {
    return /^\d+$/.test(user) ? html`<a href="/console/users/${user}">user ${user}</a>` : user || none;
}

/** @param {unknown} data */
function shortened(data) {
    const text = typeof data === "string" ? data : JSON.stringify(data) ?? "";
    return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
