// The passkeys of the account: add, rename, remove.

import { html, nothing } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { date, relative } from "../lib/format.js";
import { FormState, confirmed, empty, icon, notice, openDialog, tag, toast } from "../lib/ui.js";
import { isSupported, register } from "../lib/webauthn.js";
import { Loaded, attempt } from "./loaded.js";

/** @typedef {import("../types/rest").Schema<"Passkey">} Passkey */

export class Passkeys {
    /** @param {() => void} redraw @param {() => void} changed is called after each change */
    constructor(redraw, changed) {
        this.redraw = redraw;
        this.changed = changed;
        /** @type {Loaded<Passkey[]>} */
        this.list = new Loaded(async () => (await rest.get("/api/v1/webauthn/credentials")).credentials, redraw);
    }

    begin() {
        this.list.load();
    }

    actions() {
        return isSupported()
            ? html`<button type="button" class="button button-small" @click=${() => this.#add()}>${icon("plus")}Add a passkey</button>`
            : nothing;
    }

    draw() {
        return html`${isSupported() ? nothing : notice("info", "This browser cannot use passkeys.")}
            ${this.list.show((passkeys) => (passkeys.length === 0
                ? empty({ icon: "key", title: "No passkeys yet", text: "Add one, and sign in with a fingerprint, a face or a PIN." })
                : html`<ul class="list">${passkeys.map((passkey) => this.#item(passkey))}</ul>`))}`;
    }

    /** @param {Passkey} passkey */
    #item(passkey) {
        return html`<li class="item">${icon("key")}
            <div><div class="item-title">${passkey.name}
                    ${passkey.suspended ? tag("Suspended: it may have been copied", "bad") : nothing}
                    ${passkey.backed_up ? tag("Synchronised") : nothing}</div>
                <div class="item-facts">${[
                    passkey.authenticator,
                    `added ${date(passkey.created_at)}`,
                    passkey.last_used_at ? `used ${relative(passkey.last_used_at)}` : "never used",
                ].filter(Boolean).join(" · ")}</div></div>
            <div class="item-actions">
                <button type="button" class="button button-small" aria-label="Rename ${passkey.name}" @click=${() => this.#rename(passkey)}>Rename</button>
                <button type="button" class="button button-small button-danger" aria-label="Remove ${passkey.name}" @click=${() => this.#remove(passkey)}>Remove</button>
            </div></li>`;
    }

    async #add() {
        const name = await askName("Add a passkey", suggestedName(), "Continue", async (name) => { await register({ name }); });
        if (name !== undefined) toast(`The passkey “${name}” is added.`);
        this.#reload();
    }

    /** @param {Passkey} passkey */
    async #rename(passkey) {
        await askName("Rename the passkey", passkey.name, "Save", async (name) => {
            await rest.patch("/api/v1/webauthn/credentials/{id}", { path: { id: passkey.id }, body: { name } });
        });
        this.#reload();
    }

    /** @param {Passkey} passkey */
    async #remove(passkey) {
        const sure = await confirmed({
            title: `Remove “${passkey.name}”?`,
            text: html`<p>It can no longer be used to sign in. Sessions that are open stay open, except those on other devices.</p>`,
            action: "Remove",
        });
        if (!sure) return;
        await attempt(async () => {
            await rest.delete("/api/v1/webauthn/credentials/{id}", { path: { id: passkey.id } });
            return `The passkey “${passkey.name}” is removed.`;
        });
        this.#reload();
    }

    #reload() {
        this.list.load();
        this.changed();
    }
}

/** A name for a passkey of this device. */
function suggestedName() {
    const platform = /** @type {any} */ (navigator).userAgentData?.platform ?? navigator.platform ?? "";
    return platform ? `My ${platform.split(" ")[0]} device` : "My device";
}

/**
 * Asks for a name, and does something with it before the dialog closes.
 * @param {string} title @param {string} value @param {string} action @param {(name: string) => Promise<void>} work
 * @returns {Promise<string | undefined>} the name, or `undefined` if nothing was done
 */
export function askName(title, value, action, work) {
    /** @type {FormState | null} */
    let form = null;
    return openDialog({
        title,
        body: (/** @type {(name?: string) => void} */ close, redraw) => {
            form ??= new FormState(redraw, { invalid_name: "name", invalid_label: "name" });
            return html`<form novalidate @submit=${form.onSubmit(async ({ name }) => {
                    await work(name.trim());
                    close(name.trim());
                })}>
                ${form.summary()}
                ${form.field({ label: "Name", name: "name", value, required: true, maxlength: 64 })}
                <div class="actions"><button type="button" class="button" @click=${() => close()}>Cancel</button>${form.button(action)}</div>
            </form>`;
        },
    });
}
