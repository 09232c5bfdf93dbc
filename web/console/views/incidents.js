// The incidents: which screen helps with what.

import { html } from "../../lib/html.js";
import { icon } from "../../lib/ui.js";
import { heading } from "../cells.js";

/** @type {[string, string, string, string][]} address, icon, title, what the screen does */
const SCREENS = [
    ["/console/incidents/token", "key", "A token has leaked", "Paste it: its user and session, where it is still good, and which doors it opens. End it, and watch each node prove it."],
    ["/console/incidents/device", "phone", "A device was stolen", "Find the user, end everything on the device, and take its trust away."],
    ["/console/incidents/stuffing", "people", "A wave of stolen passwords", "Which passwords the wave has found, on which accounts. End their sessions in two calls."],
    ["/console/incidents/key", "lock", "A signing key has leaked", "The steps, in their order, and the end of every session."],
];

/** @type {import("../desk.js").Open} */
export function open() {
    return {
        title: "Incidents",
        follow: () => {},
        draw: () => html`${heading("Incidents", { about: "One screen for each thing that goes wrong. Each one says what it will do before it does it, and proves it afterwards." })}
            <ul class="incidents">${SCREENS.map(([address, symbol, title, about]) => html`<li class="incident">${icon(symbol)}<div><h2><a href=${address}>${title}</a></h2><p class="soft">${about}</p></div>${icon("arrow-right")}</li>`)}</ul>
            <p class="soft small">An account in the wrong hands: search for it, and use the acts on its page. An API key: revoke it among the <a href="/console/api-keys">API keys</a>.</p>`,
    };
}
