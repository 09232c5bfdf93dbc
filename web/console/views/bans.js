// The bans in force.

import { html } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { act, actButton } from "../act.js";
import { ban } from "../acts.js";
import { exactly, when } from "../cells.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";

/** @typedef {import("../../types/rest").Schema<"Ban">} Ban */

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    const why = desk.whyNot("operate");
    /** @type {List<Ban>} */
    const list = new List(desk, {
        name: "bans",
        path: "/api/v1/admin/bans",
        key: ({ network }) => network,
        filters: [{ name: "address", label: "Refuses the address", placeholder: "203.0.113.9" }],
        columns: [
            { title: "Network", kind: "main", cell: ({ network }) => html`<span class="mono">${network}</span>`, value: ({ network }) => network },
            { title: "Until", cell: ({ until }) => html`${exactly(until)} <span class="soft small">${when(until)}</span>`, value: ({ until }) => until },
            { title: "Since", cell: ({ created_at }) => when(created_at), value: ({ created_at }) => created_at },
            { title: "Reason", cell: ({ reason }) => reason, value: ({ reason }) => reason },
            ...why ? [] : [/** @type {import("../list.js").Column<Ban>} */ ({ title: "Acts", kind: "acts", cell: (one) => actButton("Lift", () => lift(one), { danger: false }) })],
        ],
        nothing: { title: "Nothing is banned", text: "An address that tries many accounts is banned by itself." },
    }, query);

    /** @param {Ban} one */
    async function lift({ network }) {
        const lifted = await act(desk, {
            title: `Lift the ban of ${network}`,
            action: "Lift the ban",
            danger: false,
            send: async ({ reason }) => {
                await rest.post("/api/v1/admin/bans/lift", { body: { network, reason } });
                return {};
            },
            done: () => `${network} is not banned any more.`,
        });
        if (lifted) list.reload();
    }
    return listView("Bans", list, {
        about: "A ban refuses every request from an address or a network. It ends no session.",
        actions: () => actButton("Ban an address", async () => { if (await ban(desk)) list.reload(); }, { why, symbol: "ban" }),
    });
}
