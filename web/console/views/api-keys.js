// The keys of the server API.

import { html } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { act, actButton } from "../act.js";
import { copyable, exactly, none, stateTag, when } from "../cells.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";
import { secretFields } from "../secret.js";

/** @typedef {import("../../types/rest").Schema<"ApiKey">} ApiKey */

const SCOPES = ["publish", "channels", "history", "connections", "tokens", "events"];

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    const why = desk.whyNot("administer");
    /** @type {List<ApiKey>} */
    const list = new List(desk, {
        name: "api-keys",
        items: "api_keys",
        path: "/api/v1/admin/api-keys",
        key: ({ id }) => id,
        columns: [
            { title: "Name", kind: "main", cell: ({ name }) => name, value: ({ name }) => name },
            { title: "State", cell: ({ state }) => stateTag(state), value: ({ state }) => state },
            { title: "Scopes", cell: ({ scopes }) => scopes.map((scope) => (scope === "*" ? "all" : scope)).join(", "), value: ({ scopes }) => scopes.join(" ") },
            { title: "Last used", cell: ({ last_used_at }) => when(last_used_at), value: ({ last_used_at }) => last_used_at },
            { title: "Ends", cell: ({ expires_at, revoked_at }) => exactly(revoked_at ?? expires_at) ?? none, value: ({ expires_at }) => expires_at },
            { title: "Created", cell: ({ created_at }) => when(created_at), value: ({ created_at }) => created_at },
            { title: "Id", cell: ({ id }) => copyable(id, "the id"), value: ({ id }) => id },
            ...why ? [] : [/** @type {import("../list.js").Column<ApiKey>} */ ({ title: "Acts", kind: "acts", cell: (one) => (one.state === "valid" ? actButton("Revoke", async () => { if (await revokeKey(desk, one)) list.reload(); }) : "") })],
        ],
        nothing: { title: "There are no keys", text: "A key of the setting API_KEY is not in this list." },
    }, query);
    return listView("API keys", list, {
        about: "What the applications of your servers use. A key of the setting API_KEY is not in this list.",
        actions: () => actButton("Create a key", async () => { if (await create(desk)) list.reload(); }, { why, danger: false, symbol: "plus" }),
    });
}

/** Asks, and revokes a key. @param {import("../desk.js").Desk} desk @param {{ id: string, name: string }} key */
export function revokeKey(desk, { id, name }) {
    return act(desk, {
        title: `Revoke the key ${name}`,
        action: "Revoke the key",
        text: html`<p>Requests with this key are refused from now on. Applications that use it stop working.</p>`,
        send: async ({ reason }) => {
            await rest.post("/api/v1/admin/api-keys/{key}/revoke", { path: { key: id }, body: { reason } });
            return {};
        },
        done: () => "The key is revoked.",
    });
}

/** @param {import("../desk.js").Desk} desk */
function create(desk) {
    return act(desk, {
        title: "Create a key",
        action: "Create",
        danger: false,
        places: { name_taken: "name", invalid_lifetime: "days" },
        fields: (form) => html`
            ${form.field({ label: "Name", name: "name", required: true, maxlength: 64, autocomplete: "off" })}
            <fieldset class="field choices-row"><legend class="legend">Permits</legend>${SCOPES.map((scope) => html`<label class="check"><input type="checkbox" name="scope" value=${scope}><span>${scope}</span></label>`)}</fieldset>
            ${form.field({ label: "Days until it expires", name: "days", inputmode: "numeric", hint: "Without a number, it does not expire." })}`,
        send: ({ name, days, reason }, element) => rest.post("/api/v1/admin/api-keys", {
            body: {
                name, reason,
                scopes: new FormData(element).getAll("scope").map(String),
                expires_at: days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : undefined,
            },
            idempotent: true,
        }),
        done: ({ name, key }) => html`The key ${name} is created. ${secretFields("Key", key)}`,
    });
}
