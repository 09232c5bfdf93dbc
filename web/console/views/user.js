// One account: its state, and what belongs to it, each part with an address of its own.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { counted, number } from "../../lib/format.js";
import { failure, notice, skeleton, tag } from "../../lib/ui.js";
import { act, actButton, whyNone } from "../act.js";
import { endSessions } from "../acts.js";
import { attemptColumns } from "../attempt-list.js";
import { auditColumns } from "../audit-list.js";
import { exactly, facts, heading, none, roleTag, stateTag, when } from "../cells.js";
import { connectionColumns } from "./connections.js";
import { deviceColumns } from "../device-list.js";
import { fileName, saveJson } from "../download.js";
import { List } from "../list.js";
import { reachOf, reachWords } from "../reach.js";
import { revocationColumns } from "../revocation-list.js";
import { secretFields } from "../secret.js";
import { sessionColumns } from "../session-list.js";

/** @typedef {import("../../types/rest").Schema<"UserDetail">} UserDetail */
/** @typedef {import("../desk.js").Desk} Desk */

const PARTS = /** @type {const} */ ({ sessions: "Sessions", connections: "Connections", devices: "Devices", attempts: "Attempts", revocations: "Revocations", audit: "Audit" });

/** @type {import("../desk.js").Open} */
export function open(desk, { parameters, query }) {
    const view = new UserView(desk, Number(parameters.id), parameters.part ?? "sessions", query);
    return { title: `User ${parameters.id}`, draw: () => view.draw(), follow: (changed) => view.list?.follow(changed), close: () => view.close() };
}

class UserView {
    /** @type {UserDetail | null} */
    user = null;
    /** @type {unknown} */
    error = null;
    #reading = new AbortController();

    /** @param {Desk} desk @param {number} id @param {string} part @param {URLSearchParams} query */
    constructor(desk, id, part, query) {
        this.desk = desk;
        this.id = id;
        this.part = part;
        this.list = this.#listOf(part, query);
        this.read();
    }

    close() {
        this.#reading.abort();
        this.list?.close();
    }

    async read() {
        try {
            this.user = await rest.get("/api/v1/admin/users/{id}", { path: { id: this.id }, signal: this.#reading.signal });
            this.error = null;
        } catch (error) {
            if (this.#reading.signal.aborted) return;
            this.error = error;
        }
        this.desk.redraw();
    }

    #again = () => {
        this.read();
        this.list?.reload();
    };

    /** @param {string} part @param {URLSearchParams} query @returns {List<any> | null} */
    #listOf(part, query) {
        const { desk, id } = this;
        const why = () => desk.whyNotOn("operate", this.user);
        const lists = /** @type {Record<string, () => import("../list.js").ListParts<any>>} */ ({
            sessions: () => ({
                name: "sessions", path: "/api/v1/admin/sessions", key: (one) => one.id, fixed: { user: id }, every: 15_000,
                filters: [{ name: "active", label: "State", choices: [["true", "open"], ["any", "all"]], initial: "true" }],
                columns: sessionColumns(desk, this.#again, { why }), nothing: { title: "No session is open" },
            }),
            connections: () => ({
                name: "connections", path: "/api/v1/admin/connections", key: (one) => one.client ?? String(one.connected_at_ms), fixed: { user: id },
                every: 5000, columns: connectionColumns({ withUser: false }), nothing: { title: "No connection is open on this node" },
            }),
            devices: () => ({
                name: "devices", path: `/api/v1/admin/users/${id}/devices`, key: (one) => one.id, columns: deviceColumns(desk, id, this.#again, why),
            }),
            attempts: () => ({ name: "attempts", path: "/api/v1/admin/attempts", key: (one) => one.id, fixed: { user: id }, columns: attemptColumns() }),
            revocations: () => ({ name: "revocations", path: "/api/v1/admin/revocations", key: (one) => String(one.id), fixed: { user: id }, columns: revocationColumns() }),
            audit: () => ({ name: "events", path: "/api/v1/admin/audit/events", key: (one) => one.id, fixed: { user: id }, columns: auditColumns() }),
        });
        if (!(part in lists) || part === "audit" && !desk.may("audit")) return null;
        return new List(desk, lists[part](), query);
    }

    draw() {
        const { user, error, id } = this;
        if (error) return html`${heading(`User ${id}`, { back: ["/console/users", "Users"] })}${failure(error, () => this.read())}`;
        if (!user) return html`${heading(`User ${id}`, { back: ["/console/users", "Users"] })}${skeleton(6)}`;
        const why = this.desk.whyNotOn("operate", user);
        return html`${heading(user.email, { back: ["/console/users", "Users"], actions: this.#acts(user) })}
            ${whyNone(why)}
            <section class="panel" aria-label="The account">${this.#facts(user)}</section>
            <nav class="tabs" aria-label="Parts of the user">${Object.entries(PARTS).filter(([part]) => part !== "audit" || this.desk.may("audit")).map(([part, title]) => html`
                <a href="/console/users/${id}/${part}" aria-current=${part === this.part ? "page" : nothing}>${title}</a>`)}</nav>
            <h2 class="visually-hidden">${PARTS[/** @type {keyof typeof PARTS} */ (this.part)] ?? "Nothing"}</h2>
            ${this.list ? this.list.draw() : notice("info", "There is no such part.")}`;
    }

    /** @param {UserDetail} user */
    #facts(user) {
        const { factors } = user;
        const ways = [
            user.has_password ? "password" : "",
            factors.totp ? "authenticator app" : "",
            factors.passkeys ? counted(factors.passkeys, "passkey") : "",
            factors.backup_codes ? counted(factors.backup_codes, "backup code") : "",
        ].filter(Boolean);
        return facts([
            ["Number", number(user.id)],
            ["Name", user.display_name || none],
            ["Role", html`${roleTag(user.role)} ${this.#change(user, "role")}`],
            ["Status", html`${stateTag(user.status)} ${this.#change(user, "status")}`],
            ["Signs in by", html`${ways.join(", ") || none}${factors.suspended_passkeys ? html` ${tag(`${counted(factors.suspended_passkeys, "suspended passkey")}`, "bad")}` : nothing}`],
            ["Open sessions", number(user.sessions)],
            ["Devices", number(user.devices)],
            ["Last sign-in", when(user.last_login_at)],
            ["Created", exactly(user.created_at)],
        ]);
    }

    /** @param {UserDetail} user @param {"role" | "status"} what */
    #change(user, what) {
        if (this.desk.whyNotOn("administer", user)) return nothing;
        return html`<button type="button" class="button-link small" @click=${() => this.#patch(user, what)}>Change<span class="visually-hidden"> the ${what}</span></button>`;
    }

    /** @param {UserDetail} user */
    #acts(user) {
        const { desk } = this;
        const why = desk.whyNotOn("operate", user);
        const admin = desk.whyNotOn("administer", user);
        if (why) return nothing;
        const buttons = [
            actButton("Reset the password", () => this.#resetPassword(user), { why: admin, danger: false }),
            user.factors.totp || user.factors.passkeys || user.factors.backup_codes ? actButton("Reset the factors", () => this.#resetFactors(user), { why: admin, danger: false }) : nothing,
            actButton("Export", () => this.#export(user), { danger: false, symbol: "download" }),
            user.status === "deactivated" ? actButton("Cancel the erasure", () => this.#cancelErasure(user), { why: admin, danger: false }) : actButton("Erase", () => this.#erase(user), { why: admin }),
        ];
        return html`${actButton("End all sessions", () => this.#end(user), { symbol: "bolt" })}
            <details class="menu"><summary class="button button-small">More acts</summary><div class="menu-items">${buttons}
                ${admin ? html`<p class="soft small">${admin}</p>` : nothing}</div></details>`;
    }

    /** @param {UserDetail} user */
    async #end(user) {
        const ended = await endSessions(this.desk, {
            title: `End the sessions of ${user.email}`, target: { user: user.id }, filters: { user: user.id }, lock: user.id !== this.desk.me.id,
        });
        if (ended) this.#again();
    }

    /** @param {UserDetail} user @param {"role" | "status"} what */
    async #patch(user, what) {
        const choices = what === "role" ? ["user", "auditor", "operator", "admin"] : ["active", "suspended", "deactivated"];
        const done = await act(this.desk, {
            title: `Change the ${what} of ${user.email}`,
            action: `Change the ${what}`,
            text: what === "role"
                ? html`<p>A changed role closes the open sockets of the user. The clients connect again, with the new rights.</p>`
                : html`<p>Every status but active ends the sessions of the user.</p>`,
            will: async (signal) => {
                const reach = await reachOf({ user: user.id }, signal);
                return what === "role" ? `The user has ${counted(reach.sockets, "open socket")} in ${counted(reach.sessions, "session")}.` : `If the status is not active: ${reachWords(reach).replace(/^This/, "this")}`;
            },
            fields: () => html`<div class="field"><label for="new-${what}">New ${what}</label><select class="select" id="new-${what}" name="value">${choices.map((choice) => html`<option ?selected=${choice === user[what]}>${choice}</option>`)}</select></div>`,
            send: ({ value, reason }) => rest.patch("/api/v1/admin/users/{id}", { path: { id: user.id }, body: /** @type {any} */ ({ [what]: value, reason }) }),
            done: (changed) => html`The ${what} is now ${changed[what]}.`,
        });
        if (done) this.#again();
    }

    /** @param {UserDetail} user */
    async #resetPassword(user) {
        const done = await act(this.desk, {
            title: `Reset the password of ${user.email}`,
            action: "Reset the password",
            text: html`<p>The present password works no more, the trust in all devices ends, and so do the sessions.</p>`,
            will: async (signal) => reachWords(await reachOf({ user: user.id }, signal)),
            optional: true,
            fields: () => html`<label class="check"><input type="checkbox" name="generated" checked><span>Generate a new password<span class="hint">It is shown once. Without it, the account has no password.</span></span></label>`,
            send: ({ generated, reason }) => rest.post("/api/v1/admin/users/{id}/password-reset", { path: { id: user.id }, body: { password: generated ? "generated" : "none", reason }, idempotent: true }),
            done: ({ password }) => secretFields("New password", password),
        });
        if (done) this.#again();
    }

    /** @param {UserDetail} user */
    async #resetFactors(user) {
        const done = await act(this.desk, {
            title: `Remove the second factors of ${user.email}`,
            action: "Remove the factors",
            text: html`<p>Removes the authenticator app, the passkeys and the backup codes. The password alone then opens the account.</p>`,
            will: async (signal) => reachWords(await reachOf({ user: user.id }, signal)),
            send: ({ reason }) => rest.post("/api/v1/admin/users/{id}/factor-reset", { path: { id: user.id }, body: { reason } }),
        });
        if (done) this.#again();
    }

    /** @param {UserDetail} user */
    #export(user) {
        return act(this.desk, {
            title: `Export everything about ${user.email}`,
            action: "Export",
            danger: false,
            text: html`<p>One file with all that the server holds about the user. The export is in the audit log.</p>`,
            send: async ({ reason }) => {
                const document = await rest.request("GET", `/api/v1/admin/users/${user.id}/export`, { query: { reason }, timeout: 120_000 });
                saveJson(fileName(`user-${user.id}`, "json"), document);
                return {};
            },
            done: () => "The file is saved.",
        });
    }

    /** @param {UserDetail} user */
    async #erase(user) {
        const done = await act(this.desk, {
            title: `Erase ${user.email}`,
            action: "Request the erasure",
            text: html`<p>Deactivates the account now, and erases everything about the person when the time of grace is over. Until then the request can be cancelled.</p>`,
            will: async (signal) => reachWords(await reachOf({ user: user.id }, signal)),
            send: ({ reason }) => rest.post("/api/v1/admin/users/{id}/erasure", { path: { id: user.id }, body: { reason } }),
            done: ({ erasure }) => html`It is carried out at ${exactly(erasure.due_at)}.`,
        });
        if (done) this.#again();
    }

    /** @param {UserDetail} user */
    async #cancelErasure(user) {
        const done = await act(this.desk, {
            title: `Cancel the erasure of ${user.email}`,
            action: "Cancel the erasure",
            danger: false,
            send: async ({ reason }) => {
                await rest.delete("/api/v1/admin/users/{id}/erasure", { path: { id: user.id }, body: { reason } });
                return {};
            },
            done: () => html`The account stays deactivated until its status is changed.`,
        });
        if (done) this.#again();
    }
}
