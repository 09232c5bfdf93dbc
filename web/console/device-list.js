// The columns of lists of devices, and the acts on a device.

import { html, nothing } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { number } from "../lib/format.js";
import { act, actButton } from "./act.js";
import { addressLink, clientOf, deviceLink, exactly, placeOf, stateTag, when } from "./cells.js";
import { reachOf, reachWords } from "./reach.js";

/** @typedef {import("../types/rest").Schema<"Device">} Device */
/** @typedef {import("./desk.js").Desk} Desk */

/**
 * @param {Desk} desk @param {number} user @param {() => void} onChange @param {() => string} why why nothing can be done to this user
 * @returns {import("./list.js").Column<Device>[]}
 */
export function deviceColumns(desk, user, onChange, why) {
    return [
        { title: "Device", kind: "main", cell: (one) => html`<a href="/console/devices/${one.id}?user=${user}">${one.label || clientOf(one)}</a>`, value: ({ label }) => label },
        { title: "Id", cell: ({ id }) => deviceLink(id, user), value: ({ id }) => id },
        { title: "Trust", cell: ({ trust, trusted_until }) => html`${stateTag(trust)} ${trusted_until ? html`<span class="soft small">until ${exactly(trusted_until)}</span>` : nothing}`, value: ({ trust }) => trust },
        { title: "Sessions", kind: "right", cell: ({ sessions }) => number(sessions), value: ({ sessions }) => sessions },
        { title: "Sockets", kind: "right", cell: ({ open_connections }) => number(open_connections), value: ({ open_connections }) => open_connections },
        { title: "Address", cell: ({ address }) => addressLink(address), value: ({ address }) => address },
        { title: "Place", cell: ({ place }) => placeOf(place), value: ({ place }) => place?.country },
        { title: "Last seen", cell: ({ last_seen_at }) => when(last_seen_at), value: ({ last_seen_at }) => last_seen_at },
        ...desk.may("operate") ? [/** @type {import("./list.js").Column<Device>} */ ({
            title: "Acts", kind: "acts", cell: (one) => (why() ? nothing : deviceActs(desk, user, one, onChange)),
        })] : [],
    ];
}

/** @param {Desk} desk @param {number} user @param {Device} device @param {() => void} onChange */
export function deviceActs(desk, user, device, onChange) {
    const run = async (/** @type {Promise<any>} */ dialog) => { if (await dialog) onChange(); };
    return html`${device.trust === "trusted" ? actButton("Distrust", () => run(distrust(desk, user, device)), { danger: false }) : nothing}
        ${actButton("Forget", () => run(forget(desk, user, device)))}`;
}

/** @param {Desk} desk @param {number} user @param {Device} device */
function distrust(desk, user, device) {
    return act(desk, {
        title: "End the trust in this device",
        action: "End the trust",
        text: html`<p>The next sign-in on ${device.label || "the device"} needs the second factor. Its sessions stay open.</p>`,
        send: ({ reason }) => rest.post("/api/v1/admin/users/{id}/devices/{device}/distrust", { path: { id: user, device: device.id }, body: { reason } }),
        done: () => "The device is not trusted any more.",
    });
}

/** Ends the sessions on the device, and what is known about it. @param {Desk} desk @param {number} user @param {Device} device */
export function forget(desk, user, device) {
    return act(desk, {
        title: "Forget this device",
        action: "Forget the device",
        text: html`<p>Ends the sessions of user ${user} on ${device.label || "the device"}, its trust, and removes what is known about it.</p>`,
        will: async (signal) => reachWords(await reachOf({ user, device: device.id }, signal)),
        send: ({ reason }) => rest.post("/api/v1/admin/users/{id}/devices/{device}/forget", { path: { id: user, device: device.id }, body: { reason } }),
    });
}
