// One revocation: what it was, how far each node is, and its receipt.

import { html, nothing } from "../../lib/html.js";
import { number } from "../../lib/format.js";
import { failure, skeleton } from "../../lib/ui.js";
import { exactly, facts, heading, none, sessionLink, userLink } from "../cells.js";
import { targetOf } from "../revocation-list.js";
import { Tracker } from "../tracker.js";
import { words } from "../words.js";

/** @type {import("../desk.js").Open} */
export function open(desk, { parameters }) {
    const make = () => new Tracker(desk, Number(parameters.id), desk.redraw);
    let tracker = make();
    return {
        title: `Revocation ${parameters.id}`,
        close: () => tracker.close(),
        draw() {
            const { progress, error } = tracker;
            return html`${heading(`Revocation ${parameters.id}`, { back: ["/console/revocations", "Revocations"] })}
                ${error && !progress ? failure(error, () => { tracker.close(); tracker = make(); }) : !progress ? skeleton(6) : html`
                <section class="panel" aria-label="The revocation">${facts([
                    ["Of", targetOf(progress)],
                    ["Cause", words(progress.cause)],
                    ["Reason", progress.reason || none],
                    ["By", userLink(progress.actor)],
                    ["Committed", exactly(progress.created_at)],
                    ["Sessions ended", number(progress.sessions)],
                    ...progress.except_session ? /** @type {[string, any][]} */ ([["Left open", sessionLink(progress.except_session)]]) : [],
                ])}</section>
                <section aria-labelledby="proof-title"><h2 id="proof-title">What the nodes did</h2><div class="panel">${tracker.draw()}</div></section>`}${nothing}`;
        },
    };
}
