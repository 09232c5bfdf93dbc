// A stuffing wave: stolen passwords are tried on many accounts. Which ones were right, and the end of their sessions.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { counted, number } from "../../lib/format.js";
import { notice, skeleton } from "../../lib/ui.js";
import { act, actButton, whyNone } from "../act.js";
import { ban, lockBox, revoke } from "../acts.js";
import { addressLink, exactly, heading, none, precisely, stateTag } from "../cells.js";
import { List } from "../list.js";

/** @typedef {import("../../types/rest").Schema<"StuffedAccount">} StuffedAccount */
/** @typedef {import("../../types/rest").Schema<"StuffingWave">} Wave */

/** What one revocation may name. */
const MOST_USERS = 1000;

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {Wave | null} */
    let wave = null;
    const why = desk.whyNot("operate");
    /** @type {List<StuffedAccount>} */
    const list = new List(desk, {
        name: "accounts",
        path: "/api/v1/admin/attempts/stuffing",
        key: ({ user }) => String(user),
        filters: [
            { name: "since", label: "Since", kind: "moment" },
            { name: "until", label: "Until", kind: "moment" },
            { name: "by", label: "A source is", choices: [["", "an address"], ["network", "a network"]] },
            { name: "min_failures", label: "At least failures", placeholder: "10", kind: "number", more: true },
            { name: "min_accounts", label: "At least names", placeholder: "10", kind: "number", more: true },
            { name: "min_failed_percent", label: "At least failed, %", placeholder: "80", kind: "number", more: true },
        ],
        columns: [
            { title: "Account", kind: "main", cell: ({ user, email }) => html`<a href="/console/users/${user}">${email ?? `user ${user}`}</a>`, value: ({ email, user }) => email ?? user },
            { title: "The right password", cell: ({ outcomes }) => outcomes.map((outcome) => html`${stateTag(outcome)} `), value: ({ outcomes }) => outcomes.join(" ") },
            { title: "Open sessions", kind: "right", cell: ({ open_sessions }) => number(open_sessions), value: ({ open_sessions }) => open_sessions },
            { title: "Attempts", kind: "right", cell: ({ attempts }) => number(attempts), value: ({ attempts }) => attempts },
            { title: "From", cell: ({ sources, source_count }) => html`${sources.slice(0, 2).map((source) => html`${addressLink(source)} `)}${source_count > 2 ? html`<span class="soft small">and ${number(source_count - 2)} more</span>` : nothing}`, value: ({ sources }) => sources.join(" ") },
            { title: "Last", cell: ({ last_at }) => precisely(last_at), value: ({ last_at }) => last_at },
            ...why ? [] : [/** @type {import("../list.js").Column<StuffedAccount>} */ ({ title: "Acts", kind: "acts", cell: ({ sources: [source] }) => (source ? actButton("Ban source", () => ban(desk, source)) : none) })],
        ],
        bulk: why ? undefined : (chosen) => actButton("End the sessions of these", () => end(chosen)),
        onPage: (body) => { wave = body; },
        nothing: { title: "No wave was found", text: "No source has failed on many accounts and had the right password for one. Look further back, or at networks in place of addresses." },
    }, query);

    /** @param {StuffedAccount[]} accounts */
    async function end(accounts) {
        const users = accounts.map(({ user }) => user);
        const sessions = accounts.reduce((sum, { open_sessions }) => sum + open_sessions, 0);
        const done = await act(desk, {
            title: `End the sessions of ${counted(users.length, "account")}`,
            action: "End their sessions",
            text: notice("warn", `This ends ${counted(sessions, "session")} of ${counted(users.length, "person", "people")} whose password the wave has found. Accounts that share the address of an attacker are among them.`),
            optional: true,
            fields: () => (desk.may("administer") ? lockBox() : null),
            send: ({ reason, lock_password }) => revoke({ users, ...lock_password ? { lock_password: true } : {} }, reason),
        });
        if (done) list.reload();
    }

    /** Reads all accounts of the wave, and asks. */
    async function endAll() {
        const asked = new URLSearchParams(location.search);
        asked.delete("cursor");
        const found = /** @type {Wave} */ (await rest.request("GET", "/api/v1/admin/attempts/stuffing", { query: { ...Object.fromEntries(asked), limit: MOST_USERS }, timeout: 60_000 }));
        await end(found.accounts);
    }

    return {
        title: "Stuffing wave",
        follow: (changed) => list.follow(changed),
        close: () => list.close(),
        draw: () => html`${heading("A wave of stolen passwords", { back: ["/console/incidents", "Incidents"], about: "The accounts for which a source with many failures on many names gave the right password." })}
            ${whyNone(why)}
            ${wave ? html`<ul class="tiles tiles-few">
                <li class="tile"><span class="tile-title">Sources</span><strong class="tile-value numbers">${number(wave.sources)}</strong><span class="tile-about">from ${exactly(wave.since)}</span></li>
                <li class="tile"><span class="tile-title">Failures</span><strong class="tile-value numbers">${number(wave.failures)}</strong><span class="tile-about"><a href="/console/attempts?outcome=wrong_password&since=${wave.since}&until=${wave.until}">who was tried</a></span></li>
                <li class="tile ${wave.accounts.length ? "tile-bad" : ""}"><span class="tile-title">Passwords found</span><strong class="tile-value numbers">${number(wave.accounts.length)}${wave.next_cursor ? "+" : ""}</strong><span class="tile-about">${counted(wave.accounts.reduce((sum, one) => sum + one.open_sessions, 0), "open session")} on this page</span></li></ul>
                ${wave.truncated ? notice("warn", "There are more rows than one search examines, so accounts may be missing. Choose a shorter time.") : nothing}
                ${wave.accounts.length && !why ? html`<div class="actions">${actButton("End the sessions of all of them", endAll, { small: false, symbol: "bolt" })}</div>` : nothing}` : list.error ? nothing : skeleton(2)}
            <section aria-labelledby="accounts-title"><h2 id="accounts-title">Where it succeeded</h2>${list.draw()}</section>`,
    };
}
