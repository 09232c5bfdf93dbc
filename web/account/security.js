// Sign-in and security: password, passkeys, authenticator app, backup codes.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { NewPassword } from "../lib/password.js";
import { endedWords } from "../lib/format.js";
import { FormState, card, toast } from "../lib/ui.js";
import { AuthenticatorApp } from "./authenticator-app.js";
import { BackupCodes } from "./backup-codes.js";
import { Loaded } from "./loaded.js";
import { Passkeys } from "./passkeys.js";

/** @typedef {import("../types/rest").Schema<"Factors">} Factors */

export class Security {
    /** @param {import("../lib/page.js").Page} page */
    constructor(page) {
        this.page = page;
        const { redraw } = page;
        /** @type {Loaded<Factors>} */
        this.factors = new Loaded(() => rest.get("/api/v1/2fa"), redraw);
        this.form = new FormState(redraw, {
            invalid_credentials: "current_password",
            password_guessable: "new_password",
            password_too_long: "new_password",
            password_too_short: "new_password",
        });
        this.password = new NewPassword(redraw, () => page.session?.user.email ?? "");
        const changed = this.factors.load;
        this.passkeys = new Passkeys(redraw, changed);
        this.app = new AuthenticatorApp(redraw, changed);
        this.codes = new BackupCodes(redraw, changed);
    }

    begin() {
        this.factors.load();
        this.passkeys.begin();
    }

    draw() {
        return html`
            ${card({
                title: "Passkeys", actions: this.passkeys.actions(), body: this.passkeys.draw(),
                about: "A passkey is a key on your phone, computer or security key. No site can steal it, and there is nothing to remember.",
            })}
            ${card({ title: "Authenticator app", about: "A second proof after the password: six digits that change every 30 seconds.",
                body: this.factors.show((factors) => this.app.draw(factors)) })}
            ${card({ title: "Backup codes", about: "For the day on which the app or the passkey is not at hand. Each code works once.",
                body: this.factors.show((factors) => this.codes.draw(factors)) })}
            ${card({ title: "Password", about: "A change ends all other sessions, and the trust in your devices.", body: this.#passwordForm() })}`;
    }

    #passwordForm() {
        return html`<form novalidate @submit=${this.form.onSubmit((values, form) => this.#change(values, form))}>
            ${this.form.summary()}
            <input class="visually-hidden" type="email" name="username" autocomplete="username" tabindex="-1" aria-hidden="true" readonly
                .value=${this.page.session?.user.email ?? ""}>
            ${this.form.field({ label: "Current password", name: "current_password", type: "password", autocomplete: "current-password", required: true })}
            ${this.password.field(this.form, { name: "new_password" })}
            <div class="actions">${this.form.button("Change the password")}</div>
        </form>`;
    }

    /** @param {Record<string, string>} values @param {HTMLFormElement} form */
    async #change({ current_password, new_password }, form) {
        const ended = await rest.post("/api/v1/profile/password", { body: { current_password, new_password } });
        form.reset();
        this.password.strength = null;
        toast(`The password is changed. ${endedWords(ended)}`);
    }
}
