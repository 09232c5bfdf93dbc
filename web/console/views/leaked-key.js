// A signing key has leaked: the steps in their order, and the end of every session.

import { html, nothing } from "../../lib/html.js";
import { notice } from "../../lib/ui.js";
import { actButton, whyNone } from "../act.js";
import { copyable, heading } from "../cells.js";
import { Tracker } from "../tracker.js";
import { revokeAll } from "./revocations.js";

/** @type {Record<string, { title: string, setting: string, others: string, does: string }>} */
const KINDS = {
    tokens: { title: "Tokens", setting: "JWT_SECRET_KEY", others: "make access and refresh tokens for a session whose id they know", does: "ends every session; after the reload no token of the leaked key is accepted" },
    csrf: { title: "CSRF and devices", setting: "CSRF_SECRET_KEY", others: "make CSRF tokens for a known session, and the cookie of a known device, which may replace the second factor", does: "ends every session; after the reload all devices are new" },
    data: { title: "Data", setting: "DATA_ENCRYPTION_KEY", others: "together with a copy of the database: read the secrets of authenticator apps, and try backup codes", does: "ends every session; the database is sealed anew. The old key stays in the settings until it is pruned" },
};

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    let kind = kindOf(query);
    /** @type {Tracker | null} */
    let tracker = null;
    const end = async () => {
        const answer = await revokeAll(desk);
        if (!answer?.revocation_id) return;
        tracker?.close();
        tracker = new Tracker(desk, answer.revocation_id, desk.redraw);
        desk.redraw();
    };
    return {
        title: "Leaked key",
        follow: (changed) => { kind = kindOf(changed); },
        close: () => tracker?.close(),
        draw() {
            const { setting, others, does } = KINDS[kind];
            const why = desk.whyNot("administer");
            return html`${heading("A signing key has leaked", { back: ["/console/incidents", "Incidents"], about: "Keys are in the settings, which the console cannot change. Run the commands where the settings are." })}
                <nav class="tabs" aria-label="Which key">${Object.entries(KINDS).map(([name, { title }]) => html`<a href="/console/incidents/key?kind=${name}" aria-current=${name === kind ? "true" : "false"}>${title}</a>`)}</nav>
                ${notice("warn", html`With <span class="mono">${setting}</span>, others could ${others}.`)}
                <ol class="steps">
                    <li class="step"><h2>Replace the key at once</h2>${copyable(`portcullis keys leaked ${kind} --env-file /etc/portcullis/portcullis.env`, "the command")}
                        <p class="soft small">It ${does}. Nothing is changed if the database cannot be reached.</p></li>
                    <li class="step"><h2>Let every server read the settings again, now</h2>${copyable("systemctl restart portcullis", "the command")}
                        <p class="soft small">Until then, a server still uses the leaked key. A reload is enough only if the server itself reads the changed files.</p></li>
                    <li class="step"><h2>End the sessions that began meanwhile</h2>
                        ${copyable("portcullis session revoke --all --reason \"leaked key\"", "the command")}
                        <p class="soft small">Or here, when every server has read the new key:</p>
                        ${why ? whyNone(why) : html`<p>${actButton("End every session", end, { small: false, symbol: "bolt" })}</p>`}
                        ${tracker ? html`<div class="panel">${tracker.draw()}</div>` : nothing}</li>
                    <li class="step"><h2>Afterwards</h2>
                        ${kind === "data" ? html`<p>The secrets of authenticator apps may be known. Ask the users to set up their apps and backup codes anew, or reset the factors of single users. When the database is sealed anew:</p>${copyable("portcullis keys prune data --env-file /etc/portcullis/portcullis.env", "the command")}`
                        : html`<p>Nothing is left of the old key. Look at the state of all keys:</p>${copyable("portcullis keys status --env-file /etc/portcullis/portcullis.env", "the command")}`}</li>
                    <li class="step"><h2>No leak, only time for a new key?</h2>
                        ${copyable(`portcullis keys rotate ${kind} --env-file /etc/portcullis/portcullis.env`, "the command")}
                        <p class="soft small">Twice, ten minutes apart, with a reload of every server after each. Then no session ends.</p></li>
                </ol>`;
        },
    };
}

/** @param {URLSearchParams} query */
function kindOf(query) {
    const kind = query.get("kind") ?? "tokens";
    return kind in KINDS ? kind : "tokens";
}
