// A token has leaked: what it says, where it is good, and its end. The token is read in this browser, and is sent nowhere.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { poll } from "../../lib/live.js";
import { counted, dateTime, number, relative } from "../../lib/format.js";
import { FormState, announce, failure, icon, liveMark, notice, skeleton, tag } from "../../lib/ui.js";
import { act, actButton, whyNone } from "../act.js";
import { endSession, endSessions, revoke } from "../acts.js";
import { copyable, deviceLink, exactly, facts, heading, isOpen, none, sessionLink, sessionState, userLink } from "../cells.js";
import { findSession } from "../find.js";
import { examine, isGenuine } from "../token.js";
import { Tracker } from "../tracker.js";

/** @typedef {import("../token.js").Examined} Examined */
/** @typedef {import("../session-list.js").AnySession} AnySession */
/** @typedef {import("../../types/rest").Schema<"UserDetail">} UserDetail */
/** A door: its name, whether it is open, and why. @typedef {{ name: string, open: boolean, why: string }} Door */

const NAMES = { access: "An access token", refresh: "A refresh token", "api-key": "A key of the server API", unknown: "Not a credential of this server" };

/** @type {import("../desk.js").Open} */
export function open(desk) {
    const screen = new LeakedToken(desk);
    return { title: "Leaked token", draw: () => screen.draw(), follow: () => screen.takePasted(), close: () => screen.close() };
}

class LeakedToken {
    /** @type {Examined | null} */
    examined = null;
    /** Whether the signature fits. @type {boolean | null} */
    genuine = null;
    /** @type {AnySession | null | undefined} `undefined`: not known yet */
    session;
    /** @type {UserDetail | null} */
    user = null;
    sockets = 0;
    /** @type {import("../../lib/live.js").State} */
    state = "connecting";
    /** @type {unknown} */
    error = null;
    /** @type {Tracker | null} */
    tracker = null;
    /** @type {ReturnType<typeof poll> | null} */
    #looking = null;

    /** @param {import("../desk.js").Desk} desk */
    constructor(desk) {
        this.desk = desk;
        this.form = new FormState(desk.redraw);
        this.takePasted();
    }

    /** Takes the token that was typed into the search. */
    takePasted() {
        const { pasted } = this.desk;
        this.desk.pasted = null;
        if (pasted) this.#examine(pasted);
    }

    close() {
        this.#looking?.close();
        this.tracker?.close();
    }

    /** @param {string} pasted */
    #examine(pasted) {
        this.close();
        const examined = this.examined = examine(pasted);
        this.session = undefined;
        this.user = this.tracker = this.error = null;
        this.genuine = null;
        announce(NAMES[examined.kind]);
        isGenuine(pasted, examined).then((genuine) => { this.genuine = genuine; this.desk.redraw(); });
        if (examined.session) this.#look(examined.session);
        this.desk.redraw();
        document.getElementById("token-result")?.focus();
    }

    /** Follows the session and its sockets. @param {string} id */
    #look(id) {
        this.#looking = poll(async (signal) => {
            const session = await findSession(id, signal);
            const { connections } = await rest.get("/api/v1/admin/connections", { query: { session: id, limit: 200 }, signal });
            if (session?.kind === "account" && this.user?.id !== session.user_id) this.user = await rest.get("/api/v1/admin/users/{id}", { path: { id: session.user_id }, signal });
            return { session, sockets: connections.length };
        }, {
            every: 3000,
            onValue: ({ session, sockets }) => { this.session = session; this.sockets = sockets; this.error = null; },
            onState: (state, error) => { this.state = state; if (error) this.error = error; this.desk.redraw(); },
        });
    }

    // --- acts ----------------------------------------------------------------------------------------------------------

    async #endSession() {
        const { session, examined, desk } = this;
        const id = examined?.session;
        if (!id) return;
        const answer = session ? await endSession(desk, session) : await act(desk, {
            title: "End this session", action: "End the session", text: html`<p>Ends the session ${id}, if there is one.</p>`, send: ({ reason }) => revoke({ session: id }, reason),
        });
        this.#follow(answer);
    }

    async #endAll() {
        const { user, desk } = this;
        if (!user) return;
        this.#follow(await endSessions(desk, { title: `End every session of ${user.email}`, target: { user: user.id }, filters: { user: user.id }, lock: user.id !== desk.me.id }));
    }

    /** @param {any} answer */
    #follow(answer) {
        if (!answer?.revocation_id) return;
        this.tracker?.close();
        this.tracker = new Tracker(this.desk, answer.revocation_id, this.desk.redraw);
        this.#looking?.now();
        this.desk.redraw();
    }

    #again() {
        this.close();
        this.examined = this.tracker = null;
        this.desk.redraw();
        document.getElementById("token-text")?.focus();
    }

    // --- drawing -------------------------------------------------------------------------------------------------------

    draw() {
        return html`${heading("A token has leaked", { back: ["/console/incidents", "Incidents"], about: "The token is read in this browser. It is sent nowhere, and is in no address and no log." })}
            ${this.examined ? this.#result(this.examined) : this.#ask()}`;
    }

    #ask() {
        const { form } = this;
        return html`<form class="panel stack token-form" novalidate @submit=${form.onSubmit(async (_, element) => {
            const field = /** @type {HTMLTextAreaElement} */ (element.elements.namedItem("token"));
            const pasted = field.value.trim();
            field.value = "";
            if (pasted) this.#examine(pasted);
        })}>
            <div class="field"><label for="token-text">The token</label>
                <textarea class="textarea mono" id="token-text" name="token" rows="5" autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="token-hint"></textarea>
                <p class="hint" id="token-hint">An access token, a refresh token or a key of the server API, as it was found: with or without “Bearer”.</p></div>
            <div class="actions">${form.button("Examine it")}</div></form>`;
    }

    /** @param {Examined} examined */
    #result(examined) {
        const { user, session, desk } = this;
        const why = desk.whyNotOn("operate", user);
        return html`<div id="token-result" tabindex="-1" class="stack token-result">
            <section class="panel stack" aria-labelledby="token-title"><div class="spread"><h2 id="token-title">${NAMES[examined.kind]}</h2>
                <button type="button" class="button button-small" @click=${() => this.#again()}>${icon("refresh")}Another token</button></div>
                ${this.#words(examined)}</section>
            ${examined.session ? html`
                <section class="panel stack" aria-labelledby="standing-title"><div class="spread"><h2 id="standing-title">Where it is good</h2>${liveMark(this.state)}</div>
                    ${this.error && session === undefined ? failure(this.error, () => this.#looking?.now()) : session === undefined ? skeleton(4) : html`${this.#standing(examined)}
                    ${why ? whyNone(why) : html`<div class="actions">
                        ${session === null || isOpen(session) ? actButton("End this session", () => this.#endSession(), { small: false, symbol: "bolt" }) : nothing}
                        ${user ? actButton("End all of the user", () => this.#endAll(), { small: false }) : nothing}</div>`}`}</section>` : nothing}
            ${this.tracker ? html`<section class="panel stack" aria-labelledby="proof-title"><h2 id="proof-title">The proof</h2>${this.tracker.draw()}</section>` : nothing}
            ${this.tracker && user ? html`<p class="soft small">Afterwards: how did the token leak? If the password may be known as well, reset it on <a href="/console/users/${user.id}">the page of the user</a>. What the session did is in <a href="/console/audit?session=${examined.session}">the audit log</a>.</p>` : nothing}
        </div>`;
    }

    /** What the token says. @param {Examined} examined */
    #words(examined) {
        if (examined.kind === "unknown") return notice("warn", "This is neither an access token nor a refresh token nor a key of the server API. Was it copied completely?");
        if (examined.kind === "api-key") {
            return html`${facts([["Id", copyable(examined.apiKey ?? "", "the id")]])}<p>Revoke it among the <a href="/console/api-keys">API keys</a>. Only admins may do this. A key of the setting API_KEY is changed in the settings.</p>`;
        }
        if (examined.kind === "refresh") {
            return facts([["Session", sessionLink(examined.session ?? "")], ["Exchanged", `${number(examined.rotation ?? 0)} times before it leaked`], ["Checked", "not here: only the server knows whether the token is the current one"]]);
        }
        const genuine = this.genuine === true ? tag("the signature fits", "good") : this.genuine === false ? tag("the signature does not fit: forged, or of another server", "bad") : html`<span class="soft">not here: this signature has no public key. The claims below are what the token says of itself.</span>`;
        return html`${facts([
            ["Checked", genuine],
            ["Of", examined.user ? html`${userLink(examined.user)} ${examined.email ?? ""} ${examined.role ? tag(examined.role) : nothing}` : examined.subject ?? none],
            ["Issuer", html`${examined.issuer ?? none}`],
            ["Session", examined.session ? sessionLink(examined.session, examined.user) : none],
            ["Made", examined.issuedAt ? exactly(new Date(examined.issuedAt).toISOString()) : none],
            ["Expires", examined.expiresAt ? html`${dateTime(examined.expiresAt)}, ${relative(examined.expiresAt)}` : none],
            ["Key", html`<span class="mono">${examined.keyId ?? "–"}</span> ${examined.algorithm ?? ""}`],
        ])}${examined.session ? nothing : notice("info", html`This token is of another issuer. <a href="/console/sessions?subject=${encodeURIComponent(examined.subject ?? "")}&active=true">Look for the sessions of its subject</a>, and block the subject at its issuer.`)}`;
    }

    /** @param {Examined} examined */
    #standing(examined) {
        const { session, user, sockets } = this;
        return html`${facts([
            ["Session", session ? html`${sessionLink(session.id)} ${sessionState(session)} ${session.revoked_at ? exactly(session.revoked_at) : nothing}` : "The server has no row of this session: it never existed here, or was removed after its time."],
            ...session?.kind === "account" ? /** @type {[string, any][]} */ ([["User", html`${userLink(session.user_id)} ${user?.email ?? ""}`], ["Device", html`${session.device_label} ${deviceLink(session.device_id, session.user_id)}`]]) : [],
        ])}
        <ul class="doors" aria-label="Doors">${doorsOf(examined, session ?? null, sockets).map(({ name, open, why }) => html`<li class="door ${open ? "door-open" : "door-shut"}">
            ${icon(open ? "warning" : "check")}<strong>${name}</strong><span>${open ? "open" : "shut"}</span><span class="soft small">${why}</span></li>`)}</ul>`;
    }
}

/** The doors, and whether the credential opens them. @param {Examined} examined @param {AnySession | null} session @param {number} sockets @returns {Door[]} */
function doorsOf(examined, session, sockets) {
    const alive = session !== null && isOpen(session);
    const ended = session === null ? "there is no such session" : "the session has ended, and every node knows it";
    const expired = examined.kind === "access" && (examined.expiresAt ?? 0) < Date.now();
    const good = alive && !expired && examined.kind === "access";
    const until = examined.expiresAt ? `until the token expires, ${relative(examined.expiresAt)}` : "";
    const reason = !alive ? ended : expired ? "the token has expired" : examined.kind === "refresh" ? "not with a refresh token, but it can be exchanged for one that opens this" : until;
    return [
        { name: "REST interface", open: good, why: reason },
        { name: "New sockets", open: good, why: reason },
        { name: "Open sockets", open: sockets > 0, why: sockets > 0 ? `${counted(sockets, "socket")} of the session on this node` : "none on this node" },
        { name: "Refresh", open: alive && examined.kind === "refresh", why: !alive ? ended : examined.kind === "refresh" ? "unless the token was exchanged since: then its use ends the session" : "not with an access token, but its user's browser has the refresh token" },
    ];
}
