// Sessions with their live connections. A new one appears by itself; one that ends goes.

import { html, nothing, repeat } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { poll } from "../lib/live.js";
import { counted, dateTime, endedWords, placeName, relative } from "../lib/format.js";
import { announce, card, confirmed, failure, icon, liveMark, skeleton, tag } from "../lib/ui.js";
import { attempt } from "./loaded.js";
import { METHODS, deviceIcon } from "./words.js";

/** @typedef {import("../types/rest").Schema<"Session">} Session */
/** @typedef {import("../lib/live.js").State} State */

/** How often the list is read, in milliseconds. */
const EVERY = 2000;
/** How long an ended session stays on the page, so that the eye sees it go, in milliseconds. */
const FAREWELL = 2500;

export class Sessions {
    /** @type {Session[] | null} */
    list = null;
    /** Ended sessions that are still shown. @type {Map<string, Session>} */
    gone = new Map();
    /** @type {Set<string>} */
    fresh = new Set();
    /** @type {State} */
    state = "connecting";
    /** @type {unknown} */
    error = null;
    /** @type {ReturnType<typeof poll> | null} */
    reading = null;

    /** @param {import("../lib/page.js").Page} page */
    constructor({ redraw }) {
        this.redraw = redraw;
    }

    begin() {
        this.reading = poll((signal) => readAll(signal), {
            every: EVERY,
            onValue: (sessions) => this.#take(sessions),
            onState: (state, error) => {
                this.state = state;
                this.error = error ?? null;
                this.redraw();
            },
        });
    }

    end() {
        this.reading?.close();
    }

    /** @param {Session[]} sessions */
    #take(sessions) {
        if (this.list !== null) this.#compare(this.list, sessions);
        this.list = sessions;
    }

    /** @param {Session[]} before @param {Session[]} after */
    #compare(before, after) {
        for (const session of before.filter((old) => !after.some((one) => one.id === old.id))) {
            this.gone.set(session.id, session);
            announce(`The session on ${session.device_label} has ended.`);
            setTimeout(() => { this.gone.delete(session.id); this.redraw(); }, FAREWELL);
        }
        this.fresh = new Set(after.filter((one) => !before.some((old) => old.id === one.id)).map((one) => one.id));
        for (const session of after.filter((one) => this.fresh.has(one.id))) announce(`New session on ${session.device_label}.`);
    }

    draw() {
        const others = this.list?.filter((session) => !session.current).length ?? 0;
        return card({
            title: "Signed in now",
            about: "Each sign-in is a session. Ending one shuts everything that it opened, at once: pages, apps, and open connections.",
            actions: html`${liveMark(this.state)}
                ${others > 0 ? html`<button type="button" class="button button-small button-danger" @click=${() => this.#endOthers(others)}>End all others</button>` : nothing}`,
            body: this.#body(),
        });
    }

    #body() {
        if (this.list === null) return this.error === null ? skeleton(4) : failure(this.error, () => this.reading?.now());
        const shown = [...this.list, ...[...this.gone.values()].filter((old) => !this.list?.some((one) => one.id === old.id))];
        shown.sort((one, other) => Number(other.current) - Number(one.current) || other.created_at.localeCompare(one.created_at));
        return html`<ul class="list">${repeat(shown, (session) => session.id, (session) => this.#item(session))}</ul>`;
    }

    /** @param {Session} session */
    #item(session) {
        const ended = this.gone.has(session.id);
        const sockets = session.open_connections;
        return html`<li class="item session ${ended ? "session-gone" : this.fresh.has(session.id) ? "session-fresh" : ""}">${icon(deviceIcon(session.user_agent))}
            <div><div class="item-title">${session.device_label}
                    ${session.current ? tag("This session", "accent") : nothing}
                    ${ended ? tag("Ended", "bad") : tag(sockets > 0 ? `${counted(sockets, "open connection")}` : "No open connection", sockets > 0 ? "good" : "")}</div>
                <div class="item-facts">${[placeName(session.place), session.address, METHODS[session.method]].filter(Boolean).join(" · ")}</div>
                <div class="item-facts">Since <time datetime=${session.created_at}>${dateTime(session.created_at)}</time>
                    · last seen ${relative(session.last_seen_at)}</div></div>
            <div class="item-actions">${ended ? nothing : html`<button type="button" class="button button-small button-danger"
                aria-label=${session.current ? "Sign out of this session" : `End the session on ${session.device_label}`} @click=${() => this.#end(session)}>${session.current ? "Sign out" : "End"}</button>`}</div></li>`;
    }

    /** @param {Session} session */
    async #end(session) {
        const sure = !session.current || await confirmed({ title: "Sign out here?", text: "This is the session of this window.", action: "Sign out" });
        if (!sure) return;
        await attempt(async () => {
            const ended = await rest.delete("/api/v1/sessions/{sid}", { path: { sid: session.id } });
            if (!session.current) return endedWords(ended);
            rest.tell("signed-out");
            location.assign("/");
        });
        await this.reading?.now();
    }

    /** @param {number} others */
    async #endOthers(others) {
        const sure = await confirmed({
            title: "End all other sessions?",
            text: html`<p>${counted(others, "session")} will end, with all of their connections. This session stays.</p>`,
            action: "End them",
        });
        if (!sure) return;
        await attempt(async () => endedWords(await rest.delete("/api/v1/sessions")));
        await this.reading?.now();
    }
}

/** All pages of the list; a user has few sessions. @param {AbortSignal} signal @returns {Promise<Session[]>} */
async function readAll(signal) {
    /** @type {Session[]} */
    const all = [];
    /** @type {string | null | undefined} */
    let cursor;
    do {
        /** @type {import("../types/rest").Schema<"SessionPage">} */
        const page = await rest.get("/api/v1/sessions", { query: { cursor: cursor ?? undefined }, signal });
        all.push(...page.sessions);
        cursor = page.next_cursor;
    } while (cursor);
    return all.filter((session) => !session.revoked_at);
}
