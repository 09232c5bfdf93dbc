// One receiver of events: its deliveries, its dead letters, and its changes.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { counted } from "../../lib/format.js";
import { wordsFor } from "../../lib/texts.js";
import { failure, skeleton, tag, toast } from "../../lib/ui.js";
import { act, actButton, whyNone } from "../act.js";
import { copyable, exactly, facts, heading, none, stateTag, when } from "../cells.js";
import { List } from "../list.js";
import { secretFields } from "../secret.js";

/** @typedef {import("../../types/rest").Schema<"EventReceiver">} EventReceiver */
/** @typedef {import("../../types/rest").Schema<"EventDelivery">} EventDelivery */

/** @type {import("../desk.js").Open} */
export function open(desk, { parameters, query }) {
    const path = { webhook: parameters.id };
    const why = desk.whyNot("administer");
    const reading = new AbortController();
    /** @type {EventReceiver | null} */
    let receiver = null;
    /** @type {unknown} */
    let error = null;
    /** @type {List<EventDelivery>} */
    const list = new List(desk, {
        name: "deliveries",
        path: `/api/v1/admin/webhooks/${encodeURIComponent(parameters.id)}/deliveries`,
        key: ({ event_id }) => event_id,
        filters: [{ name: "state", label: "State", choices: [["", "all"], ["pending", "pending"], ["delivered", "delivered"], ["dead", "dead letters"]] }],
        columns: [
            { title: "Event", kind: "main", cell: ({ type }) => html`<span class="mono">${type}</span>`, value: ({ type }) => type },
            { title: "State", cell: ({ state }) => stateTag(state), value: ({ state }) => state },
            { title: "Occurred", cell: ({ occurred_at }) => exactly(occurred_at), value: ({ occurred_at }) => occurred_at },
            { title: "Attempts", kind: "right", cell: ({ attempts }) => attempts, value: ({ attempts }) => attempts },
            { title: "Answer", cell: ({ http_status, failure: reason }) => html`${http_status ?? none} ${reason ? html`<span class="soft small break">${reason}</span>` : nothing}`, value: ({ http_status, failure: reason }) => reason ?? http_status },
            { title: "Next attempt", cell: ({ state, due_at }) => (state === "pending" ? when(due_at) : none), value: ({ due_at }) => due_at },
            { title: "Id", cell: ({ event_id }) => html`<span class="mono" title=${event_id}>${event_id.slice(0, 8)}</span>`, value: ({ event_id }) => event_id },
        ],
        bulk: why ? undefined : (chosen) => actButton("Send these again", () => replay(chosen.map(({ event_id }) => event_id)), { danger: false }),
        every: 10_000,
        nothing: { title: "Nothing was delivered yet" },
    }, query);

    async function read() {
        try {
            receiver = (await rest.get("/api/v1/admin/webhooks/{webhook}", { path, signal: reading.signal })).webhook;
            error = null;
        } catch (failed) {
            if (reading.signal.aborted) return;
            error = failed;
        }
        desk.redraw();
    }
    const again = () => {
        read();
        list.reload();
    };
    read();

    /** @param {string[]} [events] */
    async function replay(events) {
        const done = await act(desk, {
            title: events ? `Send ${counted(events.length, "event")} again` : "Send the dead letters again",
            action: "Send again",
            danger: false,
            text: events ? undefined : html`<p>The oldest 1,000 dead letters are sent again.</p>`,
            send: ({ reason }) => rest.post("/api/v1/admin/webhooks/{webhook}/replay", { path, body: { ...events ? { events } : {}, reason } }),
            done: ({ replayed }) => html`${counted(replayed, "event")} will be sent again.`,
        });
        if (done) again();
    }

    async function test() {
        try {
            await rest.post("/api/v1/admin/webhooks/{webhook}/test", { path });
            toast("A test event is on its way.");
            list.reload();
        } catch (failed) {
            toast(wordsFor(failed), "bad");
        }
    }

    /** @param {EventReceiver} one */
    async function change(one) {
        const done = await act(desk, {
            title: `Change ${one.name}`,
            action: "Change",
            danger: false,
            fields: () => html`<div class="field"><label for="hook-status">Status</label><select class="select" id="hook-status" name="status">${["enabled", "paused", "disabled"].map((status) => html`<option ?selected=${status === one.status}>${status}</option>`)}</select></div>
                <label class="check"><input type="checkbox" name="rotate"><span>Make a new secret<span class="hint">For a day, both secrets sign.</span></span></label>`,
            send: ({ status, rotate, reason }) => rest.patch("/api/v1/admin/webhooks/{webhook}", {
                path, body: { ...status !== one.status ? { status } : {}, ...rotate ? { rotate_secret: true } : {}, reason },
            }),
            done: ({ secret }) => secretFields("New secret", secret),
        });
        if (done) again();
    }

    /** @param {EventReceiver} one */
    async function remove(one) {
        const done = await act(desk, {
            title: `Delete ${one.name}`,
            action: "Delete",
            text: html`<p>Deletes the receiver with its events, also those that were not delivered.</p>`,
            send: async ({ reason }) => {
                await rest.delete("/api/v1/admin/webhooks/{webhook}", { path, body: { reason } });
                return {};
            },
            done: () => "The receiver is deleted.",
        });
        if (done) desk.go("/console/webhooks");
    }

    return {
        title: "Webhook",
        follow: (changed) => list.follow(changed),
        close: () => { reading.abort(); list.close(); },
        draw() {
            const one = receiver;
            return html`${heading(one?.name ?? "Webhook", { back: ["/console/webhooks", "Webhooks"], actions: one && !why ? html`
                    ${one.kind === "webhook" ? actButton("Send a test", test, { danger: false, symbol: "send" }) : nothing}
                    ${actButton("Send dead letters again", () => replay(), { danger: false })}
                    ${one.kind === "webhook" ? html`${actButton("Change", () => change(one), { danger: false, symbol: "pen" })}${actButton("Delete", () => remove(one))}` : nothing}` : nothing })}
                ${whyNone(why)}
                <section class="panel" aria-label="The receiver">${error ? failure(error, again) : one ? facts([
                    ["Id", copyable(one.id, "the id")],
                    ["Kind", one.kind],
                    ["Status", html`${stateTag(one.status)} ${one.status_reason ?? nothing} ${one.backlog_full ? tag("backlog full: new events are dropped", "bad") : nothing}`],
                    ["To", one.url ? html`<span class="mono break">${one.url}</span>` : none],
                    ["Events", one.events.join(", ")],
                    ["Old secret signs until", exactly(one.previous_secret_until)],
                    ["Created", exactly(one.created_at)],
                ]) : skeleton(4)}</section>
                <section aria-labelledby="deliveries-title"><h2 id="deliveries-title">Deliveries</h2>${list.draw()}</section>`;
        },
    };
}
