// The search by anything: everything that the text may name is looked up at once.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { isProblem, Problem } from "../../lib/errors.js";
import { counted, number } from "../../lib/format.js";
import { wordsFor } from "../../lib/texts.js";
import { empty, icon, skeleton } from "../../lib/ui.js";
import { actButton } from "../act.js";
import { ban, endSessions } from "../acts.js";
import { clientOf, exactly, heading, roleTag, sessionState, stateTag, when } from "../cells.js";
import { findSession, findUsers } from "../find.js";
import { targetOf } from "../revocation-list.js";
import { looksLikeToken, searchAddress, termOf } from "../search-terms.js";

/** @typedef {import("../../lib/html.js").Content} Content */
/** @typedef {import("../search-terms.js").Term} Term */
/** @typedef {{ rows: Content[], more?: string }} Found */
/** A kind of thing. @typedef {{ title: string, fits: (term: Term) => boolean, find: (text: string, signal: AbortSignal) => Promise<Found | null> }} Kind */

/** Rows of a kind that are shown. */
const MOST = 5;

/** @param {import("../desk.js").Desk} desk @returns {Kind[]} */
const kindsFor = (desk) => [
    {
        title: "Users", fits: ({ number: digits, text, email }) => digits || text || email,
        async find(text, signal) {
            const users = await findUsers(text, signal);
            const named = /^\d+$/.test(text) || text.includes("@") ? [] : (await rest.get("/api/v1/admin/users", { query: { name: text, limit: MOST }, signal })).users;
            const all = [...new Map([...users, ...named].map((user) => [user.id, user])).values()];
            return found(all.slice(0, MOST).map((user) => row(`/console/users/${user.id}`, user.email, html`user ${user.id} ${user.display_name ?? ""} ${roleTag(user.role)} ${stateTag(user.status)}`)), all.length > MOST ? `/console/users?email=${encodeURIComponent(text)}` : undefined);
        },
    },
    {
        title: "Sessions", fits: ({ uuid }) => uuid,
        async find(text, signal) {
            const session = await findSession(text, signal);
            return session && found([row(`/console/sessions/${session.id}`, session.id, html`${sessionState(session)} ${session.kind === "account" ? `user ${session.user_id}` : session.subject}, ${counted(session.open_connections, "open socket")}`)]);
        },
    },
    {
        title: "Devices", fits: ({ uuid }) => uuid,
        async find(text, signal) {
            const { sessions: [one] } = await rest.get("/api/v1/admin/sessions", { query: { device: text, limit: 1 }, signal });
            return one?.kind === "account" ? found([row(`/console/devices/${text}?user=${one.user_id}`, one.device_label || text, html`of user ${one.user_id}`)]) : null;
        },
    },
    {
        title: "Sessions from there", fits: ({ address, network }) => address || network,
        async find(text, signal) {
            const { sessions, next_cursor } = await rest.get("/api/v1/admin/sessions", { query: { network: text, active: true, limit: MOST }, signal });
            return found(sessions.map((one) => row(`/console/sessions/${one.id}`, one.kind === "account" ? `user ${one.user_id}` : one.subject, html`${sessionState(one)} ${one.kind === "account" ? one.device_label : one.issuer}, seen ${when(one.last_seen_at)}`)), next_cursor ? `/console/sessions?network=${encodeURIComponent(text)}` : undefined);
        },
    },
    {
        title: "Connections", fits: ({ address, network, uuid }) => address || network || uuid,
        async find(text, signal) {
            const query = termOf(text).uuid ? { session: text } : { network: text };
            const { connections, next_cursor } = await rest.get("/api/v1/admin/connections", { query: { ...query, limit: MOST }, signal });
            const [name] = Object.keys(query);
            return found(connections.map((one) => row(`/console/connections?session=${one.session}`, one.client ?? one.session, html`${one.transport} of ${one.user}`)), next_cursor ? `/console/connections?${name}=${encodeURIComponent(text)}` : undefined);
        },
    },
    {
        title: "Attempts to sign in from there", fits: ({ address, network }) => address || network,
        async find(text, signal) {
            const { attempts, next_cursor } = await rest.get("/api/v1/admin/attempts", { query: { network: text, limit: MOST }, signal });
            return found(attempts.map((one) => row(`/console/attempts?network=${encodeURIComponent(text)}`, exactly(one.at), html`${stateTag(one.outcome)} ${one.user_id ? `user ${one.user_id}` : ""} ${clientOf(one)}`)), next_cursor ? `/console/attempts?network=${encodeURIComponent(text)}` : undefined);
        },
    },
    {
        title: "Bans", fits: ({ address }) => address,
        async find(text, signal) {
            const { bans } = await rest.get("/api/v1/admin/bans", { query: { address: text, limit: MOST }, signal });
            return found(bans.map((one) => row(`/console/bans?address=${encodeURIComponent(text)}`, one.network, html`until ${exactly(one.until)}: ${one.reason}`)));
        },
    },
    {
        title: "Revocation", fits: ({ number: digits }) => digits,
        async find(text, signal) {
            const one = await rest.get("/api/v1/admin/revocations/{revocation}", { path: { revocation: text }, signal });
            return found([row(`/console/revocations/${one.id}`, `Revocation ${number(one.id)}`, html`${targetOf(one)}, ${exactly(one.created_at)}`)]);
        },
    },
    {
        title: "Audit log", fits: ({ number: digits, uuid }) => (digits || uuid) && desk.may("audit"),
        async find(text, signal) {
            if (/^\d+$/.test(text)) return found([row(`/console/audit/${text}`, `Entry ${number(Number(text))}`, "with its proof, if there is one")]);
            const [byId, bySession] = await Promise.all([{ id: text }, { session: text }].map((query) => rest.get("/api/v1/admin/audit/events", { query: { ...query, limit: MOST }, signal })));
            return found([...byId.events, ...bySession.events].slice(0, MOST).map((one) => row(`/console/audit/${one.index}`, one.event, html`${stateTag(one.outcome)} ${exactly(one.at)}`)), bySession.next_cursor ? `/console/audit?session=${text}` : undefined);
        },
    },
    {
        title: "Channel", fits: ({ text, email }) => text && !email,
        async find(text, signal) {
            const { total } = await rest.get("/api/v1/admin/channels/subscribers", { query: { channel: text, limit: 1 }, signal });
            return total === 0 && !text.includes(":") ? null : found([row(`/console/channels/${encodeURIComponent(text)}`, text, `${counted(total, "subscriber")} on this node`)]);
        },
    },
];

/** @param {string} address @param {Content} title @param {Content} about */
function row(address, title, about) {
    return html`<li><a href=${address}>${title}</a> <span class="soft small">${about}</span></li>`;
}

/** @param {Content[]} rows @param {string} [more] @returns {Found | null} */
function found(rows, more) {
    return rows.length ? { rows, more } : null;
}

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    let reading = new AbortController();
    let text = "";
    /** By title: what was found, an error, or that the search goes on. @type {Map<string, Found | { error: unknown } | "reading" | null>} */
    let groups = new Map();

    /** @param {URLSearchParams} changed */
    function follow(changed) {
        const now = (changed.get("q") ?? "").trim();
        if (now === text) return;
        reading.abort();
        reading = new AbortController();
        text = now;
        groups = new Map();
        if (!text || looksLikeToken(text)) return;
        const { signal } = reading;
        const term = termOf(text);
        for (const kind of kindsFor(desk).filter(({ fits }) => fits(term))) {
            groups.set(kind.title, "reading");
            kind.find(text, signal).then(
                (result) => { if (!signal.aborted) groups.set(kind.title, result); },
                (error) => { if (!signal.aborted) groups.set(kind.title, isNothing(error) ? null : { error }); },
            ).finally(() => { if (!signal.aborted) desk.redraw(); });
        }
    }
    follow(query);

    return {
        title: "Search",
        follow,
        close: () => reading.abort(),
        draw() {
            const shown = [...groups].filter(([, result]) => result !== null && result !== "reading");
            const busy = [...groups.values()].includes("reading");
            return html`${heading(text ? `Search: ${text}` : "Search")}
                <form class="search-form" @submit=${(/** @type {SubmitEvent} */ event) => submit(desk, event)}><label class="visually-hidden" for="search-again">Search for</label>
                    <input class="input" id="search-again" name="q" autocomplete="off" autocapitalize="off" spellcheck="false" .value=${text} placeholder="A number, an address, an id, a channel">
                    <button type="submit" class="button">${icon("search")}Search</button></form>
                ${text && (termOf(text).address || termOf(text).network) ? networkActs(desk, text) : nothing}
                <div role="status" class="visually-hidden">${busy ? "Searching" : text ? `${counted(shown.length, "kind of result", "kinds of results")} found` : ""}</div>
                ${shown.map(([title, result]) => html`<section class="panel found" aria-label=${title}><h2>${title}</h2>
                    ${"error" in /** @type {object} */ (result) ? html`<p class="soft">${wordsFor(/** @type {any} */ (result).error)}</p>` : html`<ul class="found-rows">${/** @type {Found} */ (result).rows}</ul>
                    ${/** @type {Found} */ (result).more ? html`<a class="small" href=${/** @type {Found} */ (result).more}>Show all</a>` : nothing}`}</section>`)}
                ${busy ? skeleton(3) : shown.length === 0 ? empty({ icon: "search", title: text ? "Nothing fits" : "Search by anything", text: "Numbers of users, revocations and entries; e-mail and network addresses; names; ids of sessions, devices and events; channels. A token opens the incident screen, and is sent nowhere." }) : nothing}`;
        },
    };
}

/** Whether the error only says that there is no such thing. @param {unknown} error */
function isNothing(error) {
    return isProblem(error) && (error.status === 404 || error.status === 422 && error instanceof Problem);
}

/** @param {import("../desk.js").Desk} desk @param {SubmitEvent} event */
function submit(desk, event) {
    event.preventDefault();
    const text = String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get("q") ?? "").trim();
    if (!text) return;
    if (looksLikeToken(text)) desk.pasted = text;
    desk.go(searchAddress(text));
}

/** @param {import("../desk.js").Desk} desk @param {string} network */
function networkActs(desk, network) {
    if (!desk.may("operate")) return nothing;
    const end = () => endSessions(desk, { title: `End the sessions from ${network}`, target: { network }, filters: { network }, text: html`<p>Ends the sessions of accounts whose last known address is in ${network}. Sessions of other issuers stay.</p>` });
    return html`<div class="row search-acts">${actButton("End the sessions from there", end, { symbol: "bolt" })}${actButton("Ban it", () => ban(desk, network), { symbol: "ban" })}</div>`;
}
