// A device was stolen: its user, its sessions, and what else it could open.

import { html, nothing } from "../../lib/html.js";
import { heading } from "../cells.js";
import { DevicesOf } from "./devices.js";

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    const devices = new DevicesOf(desk, query);
    return {
        title: "Stolen device",
        follow: (changed) => devices.follow(changed),
        close: () => devices.close(),
        draw: () => html`${heading("A device was stolen", { back: ["/console/incidents", "Incidents"], about: "Forgetting a device ends its sessions everywhere, its trust, and what is known about it." })}
            <ol class="steps">
                <li class="step"><h2>Find the device, and forget it</h2>${devices.draw()}</li>
                <li class="step"><h2>What else the device could open</h2>
                    <p>A device may keep a password, a passkey or an authenticator app. If its screen lock may be broken, these are in the wrong hands, too.</p>
                    ${devices.user ? html`<p><a href="/console/users/${devices.user.id}">The page of ${devices.user.email}</a> has the acts: reset the password, reset the factors, end all sessions.</p>` : html`<p class="soft">Choose the user first.</p>`}</li>
                <li class="step"><h2>What was done with it</h2>
                    ${devices.user ? html`<p>Look at <a href="/console/users/${devices.user.id}/attempts">the attempts to sign in</a>${desk.may("audit") ? html` and at <a href="/console/audit?user=${devices.user.id}">the audit log</a>` : nothing} since the device was lost.</p>` : html`<p class="soft">Choose the user first.</p>`}</li>
            </ol>`,
    };
}
