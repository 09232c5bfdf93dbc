// The authenticator app: set up with a QR code or by hand, and remove.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { date } from "../lib/format.js";
import { FormState, confirmed, icon, openDialog, toast } from "../lib/ui.js";
import { attempt } from "./loaded.js";

/** @typedef {import("../types/rest").Schema<"Factors">} Factors */
/** @typedef {import("../types/rest").Schema<"TotpSetup">} Setup */

export class AuthenticatorApp {
    /** @param {() => void} redraw @param {() => void} changed */
    constructor(redraw, changed) {
        this.redraw = redraw;
        this.changed = changed;
    }

    /** @param {Factors} factors */
    draw({ totp }) {
        return totp
            ? html`<div class="spread"><p>${icon("check")} Set up on ${date(totp.confirmed_at)}.</p>
                <button type="button" class="button button-small button-danger" @click=${() => this.#remove()}>Remove the app</button></div>`
            : html`<div class="spread"><p class="soft">Not set up.</p>
                <button type="button" class="button button-small" @click=${() => this.#begin()}>${icon("plus")}Set up an app</button></div>`;
    }

    async #begin() {
        /** @type {Setup | null} */
        let setup = null;
        const begun = await attempt(async () => { setup = await rest.post("/api/v1/2fa/totp"); });
        if (!begun || setup === null) return;
        if (await confirmDialog(setup)) toast("The authenticator app is set up. Now make backup codes.");
        this.changed();
    }

    async #remove() {
        const sure = await confirmed({
            title: "Remove the authenticator app?",
            text: html`<p>Your account then has no codes of an app any more. All other sessions end, and the trust in your devices ends.</p>`,
            action: "Remove the app",
        });
        if (!sure) return;
        await attempt(async () => {
            await rest.delete("/api/v1/2fa/totp");
            return "The authenticator app is removed.";
        });
        this.changed();
    }
}

/** Shows the secret, and asks for the first code. @param {Setup} setup @returns {Promise<boolean | undefined>} */
function confirmDialog(setup) {
    /** @type {FormState | null} */
    let form = null;
    return openDialog({
        title: "Set up an authenticator app",
        wide: true,
        body: (/** @type {(done?: boolean) => void} */ close, redraw) => {
            form ??= new FormState(redraw, { invalid_second_factor: "totp" });
            return html`<div class="setup">
                <div class="setup-code"><img class="qr" src=${picture(setup.qr_svg)} width="208" height="208" alt="QR code for the authenticator app"></div>
                <div class="stack">
                    <p>Scan the code with your app. Or type this secret into it:</p>
                    <p><code class="secret">${inGroups(setup.secret)}</code></p>
                    <p class="row"><button type="button" class="button button-small" @click=${() => copy(setup.secret)}>${icon("copy")}Copy the secret</button>
                        <a class="small" href=${setup.uri}>Open in an app on this device</a></p>
                    <form novalidate @submit=${form.onSubmit(async ({ totp }) => {
                            await rest.post("/api/v1/2fa/totp/confirm", { body: { totp } });
                            close(true);
                        })}>
                        ${form.summary()}
                        ${form.field({ label: "Code that the app shows", name: "totp", inputmode: "numeric", autocomplete: "one-time-code", required: true, autofocus: true })}
                        <div class="actions">${form.button("Confirm")}</div>
                    </form>
                </div></div>`;
        },
    });
}

/**
 * The SVG of the server as a picture. A picture runs no scripts and loads nothing, whatever is in it, and it has no address that a
 * log could keep.
 * @param {string} svg
 */
function picture(svg) {
    return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** @param {string} secret */
function inGroups(secret) {
    return secret.replace(/(.{4})(?=.)/g, "$1 ");
}

/** @param {string} text */
export function copy(text) {
    return attempt(async () => {
        await navigator.clipboard.writeText(text);
        return "Copied.";
    });
}
