// One session: where it stands, its doors, its connections, and its end.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { number } from "../../lib/format.js";
import { failure, notice, skeleton, tag } from "../../lib/ui.js";
import { actButton, whyNone } from "../act.js";
import { endSession, endSessions } from "../acts.js";
import { addressLink, copyable, deviceLink, exactly, facts, heading, isOpen, none, placeOf, riskOf, sessionState, userLink, when } from "../cells.js";
import { findSession } from "../find.js";
import { List } from "../list.js";
import { words } from "../words.js";
import { connectionColumns } from "./connections.js";

/** @typedef {import("../session-list.js").AnySession} AnySession */
/** @typedef {import("../../types/rest").Schema<"UserDetail">} UserDetail */

/** @type {import("../desk.js").Open} */
export function open(desk, { parameters, query }) {
    const { id } = parameters;
    const reading = new AbortController();
    /** @type {AnySession | null | undefined} */
    let session;
    /** @type {UserDetail | null} */
    let user = null;
    /** @type {unknown} */
    let error = null;
    /** @type {List<any>} */
    const connections = new List(desk, {
        name: "connections", path: "/api/v1/admin/connections", fixed: { session: id }, every: 4000,
        key: (one) => one.client ?? String(one.connected_at_ms), columns: connectionColumns({ withUser: false }),
        nothing: { title: "No socket of this session is open on this node" },
    }, query);

    async function read() {
        const { signal } = reading;
        try {
            session = await findSession(id, signal);
            if (session?.kind === "account") user = await rest.get("/api/v1/admin/users/{id}", { path: { id: session.user_id }, signal });
            error = null;
        } catch (failed) {
            if (signal.aborted) return;
            error = failed;
        }
        desk.redraw();
    }
    const again = () => {
        read();
        connections.reload();
    };
    read();

    const end = async () => {
        const ended = session ? await endSession(desk, session) : await endSessions(desk, {
            title: "End this session", action: "End the session", target: { session: id }, filters: { session: id },
        });
        if (ended) again();
    };
    /** @param {number} of */
    const endAll = async (of) => {
        const ended = await endSessions(desk, { title: `End every session of ${user?.email ?? `user ${of}`}`, target: { user: of }, filters: { user: of } });
        if (ended) again();
    };

    return {
        title: "Session",
        follow: (changed) => connections.follow(changed),
        close: () => { reading.abort(); connections.close(); },
        draw() {
            const back = /** @type {[string, string]} */ (["/console/sessions", "Sessions"]);
            if (error) return html`${heading("Session", { back })}${failure(error, again)}`;
            if (session === undefined) return html`${heading("Session", { back })}${skeleton(6)}`;
            const why = desk.whyNotOn("operate", user);
            const open = session !== null && isOpen(session);
            return html`${heading("Session", { back, actions: why ? nothing : html`
                    ${open || session === null ? actButton("End this session", end, { symbol: "bolt" }) : nothing}
                    ${session?.kind === "account" ? actButton("End all of the user", () => endAll(/** @type {any} */ (session).user_id)) : nothing}` })}
                ${open || session === null ? whyNone(why) : nothing}
                <section class="panel" aria-label="The session">${session ? sessionFacts(session, user) : notice("info", html`<p>The server has no row of the session ${id}. It never existed, or its row was removed after its time.</p>`)}</section>
                <section aria-labelledby="connections-title"><h2 id="connections-title">Its sockets</h2>${connections.draw()}</section>`;
        },
    };
}

/** @param {AnySession} session @param {UserDetail | null} user */
function sessionFacts(session, user) {
    const account = session.kind === "account" ? session : null;
    return facts([
        ["Id", copyable(session.id, "the id")],
        ["State", html`${sessionState(session)}${account?.current ? html` ${tag("yours", "accent")}` : nothing} ${session.revoked_at ? exactly(session.revoked_at) : nothing}`],
        account ? ["User", html`${userLink(account.user_id)} ${user ? user.email : nothing}`] : ["Subject", html`${/** @type {any} */ (session).subject} <span class="soft small">of ${/** @type {any} */ (session).issuer}</span>`],
        ["Open sockets", number(session.open_connections)],
        ...account ? /** @type {[string, any, boolean?][]} */ ([
            ["Device", html`${account.device_label} ${deviceLink(account.device_id, account.user_id)}`],
            ["Signed in by", words(account.method)],
            ["Place", placeOf(account.place)],
            ["Risk", riskOf(account.risk)],
            ["Browser", html`<span class="small break">${account.user_agent ?? none}</span>`, true],
        ]) : [],
        ["Address", addressLink(session.address)],
        ["Last seen", when(session.last_seen_at)],
        ["Began", exactly(session.created_at)],
        ["Ends at the latest", exactly(session.expires_at)],
    ]);
}
