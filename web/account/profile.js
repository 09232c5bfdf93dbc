// Profile: name, address, and how the pages look.

import { html, nothing } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { date, relative } from "../lib/format.js";
import { colourScheme, setColourScheme } from "../lib/theme.js";
import { FormState, card, toast } from "../lib/ui.js";
import { Loaded } from "./loaded.js";

/** @typedef {import("../types/rest").Schema<"User"> & { language?: string | null }} User */

const LANGUAGES = { en: "English", de: "Deutsch" };
const SCHEMES = { auto: "As the system", light: "Light", dark: "Dark" };

export class Profile {
    /** @param {import("../lib/page.js").Page} page */
    constructor({ redraw }) {
        this.redraw = redraw;
        /** @type {Loaded<User>} */
        this.user = new Loaded(() => rest.get("/api/v1/profile"), redraw);
        this.form = new FormState(redraw, { invalid_display_name: "display_name" });
    }

    begin() {
        this.user.load();
    }

    draw() {
        return html`
            ${card({ title: "You", body: this.user.show((user) => this.#you(user)) })}
            ${card({ title: "Appearance", about: "For this browser only.", body: this.#appearance() })}`;
    }

    /** @param {User} user */
    #you(user) {
        return html`<form novalidate @submit=${this.form.onSubmit(async (values) => this.#save(user, values))}>
                ${this.form.summary()}
                ${this.form.field({ label: "Name", name: "display_name", value: user.display_name ?? "", autocomplete: "name", hint: "How others see you." })}
                ${"language" in user ? html`<div class="field"><label for="language">Language of messages</label>
                    <select class="select" id="language" name="language">${Object.entries(LANGUAGES).map(([code, name]) => html`
                        <option value=${code} ?selected=${code === user.language}>${name}</option>`)}</select></div>` : nothing}
                <div class="actions">${this.form.button("Save")}</div>
            </form>
            <hr>
            <dl class="facts">
                <dt>E-mail address</dt><dd>${user.email}</dd>
                <dt>Member since</dt><dd>${date(user.created_at)}</dd>
                ${user.last_login_at ? html`<dt>Last sign-in</dt><dd>${relative(user.last_login_at)}</dd>` : nothing}
                ${user.role === "user" ? nothing : html`<dt>Role</dt><dd>${user.role}</dd>`}
            </dl>`;
    }

    /** @param {User} user @param {Record<string, string>} values */
    async #save(user, values) {
        const body = { display_name: values.display_name.trim() || null, ..."language" in user ? { language: values.language } : {} };
        this.user.value = await rest.put("/api/v1/profile", { body });
        toast("Saved.");
    }

    #appearance() {
        const choose = (/** @type {Event} */ event) => setColourScheme(/** @type {HTMLInputElement} */ (event.target).value);
        return html`<fieldset class="choice"><legend class="legend">Colours</legend>
            ${Object.entries(SCHEMES).map(([value, name]) => html`<label class="check">
                <input type="radio" name="scheme" value=${value} ?checked=${colourScheme() === value} @change=${choose}><span>${name}</span></label>`)}
        </fieldset>`;
    }
}
