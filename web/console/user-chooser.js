// A field that finds a user by number or address, and the users that fit.

import { html, nothing } from "../lib/html.js";
import { FormState, announce } from "../lib/ui.js";
import { counted } from "../lib/format.js";
import { roleTag } from "./cells.js";
import { findUsers } from "./find.js";

/** @typedef {import("./find.js").User} User */

export class Chooser {
    /** @type {User[] | null} */
    #found = null;
    #ended = new AbortController();

    /** @param {import("./desk.js").Desk} desk @param {(user: User) => void} onChoice */
    constructor(desk, onChoice) {
        this.desk = desk;
        this.onChoice = onChoice;
        this.form = new FormState(desk.redraw);
    }

    close() {
        this.#ended.abort();
        this.#ended = new AbortController();
    }

    /** @param {User} user */
    #choose(user) {
        this.#found = null;
        this.onChoice(user);
    }

    /** @param {string} label */
    draw(label) {
        return html`<form class="chooser" novalidate @submit=${this.form.onSubmit(async ({ who }) => {
            this.#found = await findUsers(who.trim(), this.#ended.signal);
            announce(`${counted(this.#found.length, "user")} found.`);
            if (this.#found.length === 1) this.#choose(this.#found[0]);
        })}>${this.form.summary()}
            <div class="chooser-row">${this.form.field({ label, name: "who", required: true, autocomplete: "off", hint: "A number, or the beginning of an e-mail address." })}
                ${this.form.button("Find")}</div>
        </form>
        ${this.#found?.length === 0 ? html`<p class="soft">No user fits.</p>` : nothing}
        ${this.#found && this.#found.length > 1 ? html`<ul class="choices">${this.#found.map((user) => html`<li>
            <button type="button" class="choice" @click=${() => this.#choose(user)}><strong>${user.email}</strong> <span class="soft small">user ${user.id}</span> ${roleTag(user.role)}</button></li>`)}</ul>` : nothing}`;
    }
}
