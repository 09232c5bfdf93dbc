// A drill on request: the node revokes an account of its own, and a client measures when each door is shut.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { act } from "./act.js";
import { scroller, stateTag } from "./cells.js";
import { milliseconds, words } from "./words.js";

/** @typedef {import("../types/rest").Schema<"DrillReport">} DrillReport */

/** @param {import("./desk.js").Desk} desk */
export function drill(desk) {
    return act(desk, {
        title: "Drill the revocations of this node",
        action: "Run the drill",
        danger: false,
        text: html`<p>The canary, an account of the server, signs in, opens every door, and is revoked. No user notices anything. It takes a second, and ten if a door stays open.</p>`,
        send: ({ reason }) => rest.post("/api/v1/admin/drill", { body: { reason }, timeout: 60_000 }),
        done: (/** @type {DrillReport} */ { outcome, note, doors }) => html`${stateTag(outcome)} ${note ?? ""}
            ${scroller("Doors", html`<table class="table table-dense" aria-label="Doors"><thead><tr><th scope="col">Door</th><th scope="col">Revoked by</th><th scope="col" class="right">Shut after</th><th scope="col" class="right">Bound</th><th scope="col">Verdict</th></tr></thead>
            <tbody>${doors.map((door) => html`<tr><td>${words(door.door)}</td><td>${words(door.revoked_by)}</td><td class="right">${milliseconds(door.after_ms)}</td><td class="right">${milliseconds(door.bound_ms)}</td><td>${stateTag(door.verdict)} ${door.note ?? ""}</td></tr>`)}</tbody></table>`)}`,
    });
}
