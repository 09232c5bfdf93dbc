// One device of a user: its trust, its sessions, and its end.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { number } from "../../lib/format.js";
import { failure, notice, skeleton } from "../../lib/ui.js";
import { actButton, whyNone } from "../act.js";
import { endSessions } from "../acts.js";
import { addressLink, clientOf, copyable, exactly, facts, heading, placeOf, stateTag, userLink, when } from "../cells.js";
import { deviceActs } from "../device-list.js";
import { List } from "../list.js";
import { sessionColumns } from "../session-list.js";

/** @typedef {import("../../types/rest").Schema<"Device">} Device */

/** @type {import("../desk.js").Open} */
export function open(desk, { parameters, query }) {
    const { id } = parameters;
    const reading = new AbortController();
    /** @type {number | null} */
    let owner = Number(query.get("user")) || null;
    /** @type {Device | null} */
    let device = null;
    /** @type {import("../../types/rest").Schema<"UserDetail"> | null} */
    let user = null;
    /** @type {unknown} */
    let error = null;
    let done = false;
    /** @type {List<any>} */
    const sessions = new List(desk, {
        name: "sessions", path: "/api/v1/admin/sessions", key: (one) => one.id, fixed: { device: id }, every: 15_000,
        filters: [{ name: "active", label: "State", choices: [["true", "open"], ["any", "all"]], initial: "true" }],
        columns: sessionColumns(desk, () => again(), { why: () => desk.whyNotOn("operate", user) }),
        nothing: { title: "No session is open on this device" },
    }, query);

    async function read() {
        const { signal } = reading;
        try {
            // Without the number of the user, a session on the device names its user.
            if (owner === null) {
                const body = await rest.get("/api/v1/admin/sessions", { query: { device: id, limit: 1 }, signal });
                const [found] = body.sessions;
                owner = found?.kind === "account" ? found.user_id : null;
            }
            if (owner !== null) {
                user = await rest.get("/api/v1/admin/users/{id}", { path: { id: owner }, signal });
                device = await rest.get("/api/v1/admin/users/{id}/devices/{device}", { path: { id: owner, device: id }, signal });
            }
            error = null;
        } catch (failed) {
            if (signal.aborted) return;
            device = null;
            error = failed;
        }
        done = true;
        desk.redraw();
    }
    function again() {
        read();
        sessions.reload();
    }
    read();

    const end = async () => {
        if (await endSessions(desk, { title: "End the sessions on this device", target: { device: id }, filters: { device: id } })) again();
    };

    return {
        title: "Device",
        follow: (changed) => sessions.follow(changed),
        close: () => { reading.abort(); sessions.close(); },
        draw() {
            const back = /** @type {[string, string]} */ (["/console/devices", "Devices"]);
            const why = desk.whyNotOn("operate", user);
            const known = device;
            return html`${heading(known?.label || "Device", { back, actions: why || !done ? nothing : html`${actButton("End its sessions", end, { symbol: "bolt" })}${known && owner !== null ? deviceActs(desk, owner, known, again) : nothing}` })}
                ${whyNone(why)}
                <section class="panel" aria-label="The device">${error ? failure(error, again) : known ? facts([
                    ["Id", copyable(known.id, "the id")],
                    ["User", html`${userLink(owner)} ${user?.email ?? nothing}`],
                    ["Client", clientOf(known)],
                    ["Trust", html`${stateTag(known.trust)} ${known.trusted_until ? html`until ${exactly(known.trusted_until)}` : nothing}`],
                    ["Open sessions", number(known.sessions)],
                    ["Open sockets", number(known.open_connections)],
                    ["Address", addressLink(known.address)],
                    ["Place", placeOf(known.place)],
                    ["Last seen", when(known.last_seen_at)],
                    ["Known since", exactly(known.created_at)],
                ]) : done ? notice("info", html`<p>No session names the user of the device ${id}. If it exists, look for it among the devices of its user.</p>`) : skeleton(5)}</section>
                <section aria-labelledby="sessions-title"><h2 id="sessions-title">Its sessions</h2>${sessions.draw()}</section>`;
        },
    };
}
