// The receivers of events: webhooks, and streams of security events.

import { html } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { tag } from "../../lib/ui.js";
import { act, actButton } from "../act.js";
import { none, stateTag, when } from "../cells.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";
import { secretFields } from "../secret.js";

/** @typedef {import("../../types/rest").Schema<"EventReceiver">} EventReceiver */

export const GROUPS = ["security", "refusals", "connections", "channels"];

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    const why = desk.whyNot("administer");
    /** @type {List<EventReceiver>} */
    const list = new List(desk, {
        name: "webhooks",
        path: "/api/v1/admin/webhooks",
        key: ({ id }) => id,
        columns: [
            { title: "Name", kind: "main", cell: ({ id, name }) => html`<a href="/console/webhooks/${id}">${name}</a>`, value: ({ name }) => name },
            { title: "Kind", cell: ({ kind }) => (kind === "webhook" ? "webhook" : `stream, ${kind}`), value: ({ kind }) => kind },
            { title: "Status", cell: ({ status, status_reason, backlog_full }) => html`${stateTag(status)} ${backlog_full ? tag("backlog full", "bad") : ""} ${status_reason ? html`<span class="soft small">${status_reason}</span>` : ""}`, value: ({ status }) => status },
            { title: "Events", cell: ({ events }) => events.join(", "), value: ({ events }) => events.join(" ") },
            { title: "To", cell: ({ url }) => (url ? html`<span class="mono small break">${url}</span>` : none), value: ({ url }) => url },
            { title: "Changed", cell: ({ updated_at }) => when(updated_at), value: ({ updated_at }) => updated_at },
        ],
        nothing: { title: "Nothing receives events" },
    }, query);
    return listView("Webhooks", list, { actions: () => actButton("Create a webhook", async () => { if (await create(desk)) list.reload(); }, { why, danger: false, symbol: "plus" }) });
}

/** @param {import("../desk.js").Desk} desk */
function create(desk) {
    return act(desk, {
        title: "Create a webhook",
        action: "Create",
        danger: false,
        places: { invalid_url: "url", name_taken: "name" },
        fields: (form) => html`
            ${form.field({ label: "Name", name: "name", required: true, autocomplete: "off" })}
            ${form.field({ label: "Address", name: "url", type: "url", required: true, autocomplete: "off", hint: "https://…" })}
            <fieldset class="field choices-row"><legend class="legend">Events</legend>${GROUPS.map((group) => html`<label class="check"><input type="checkbox" name="event" value=${group} ?checked=${group === "security"}><span>${group}</span></label>`)}</fieldset>`,
        send: ({ name, url, reason }, element) => rest.post("/api/v1/admin/webhooks", {
            body: { name, url, events: new FormData(element).getAll("event").map(String), reason }, idempotent: true,
        }),
        done: ({ webhook, secret }) => html`<a href="/console/webhooks/${webhook.id}">${webhook.name}</a> receives events. ${secretFields("Secret", secret)}`,
    });
}
