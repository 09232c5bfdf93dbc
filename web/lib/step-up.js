// The dialog of a step-up: the user proves presence again, and what was asked for goes on.

import { html, nothing } from "./html.js";
import { rest } from "./rest.js";
import { proveForStepUp } from "./webauthn.js";
import { FormState, icon, openDialog } from "./ui.js";

/** @typedef {import("./errors.js").Problem} Problem */

/**
 * Opens the dialog. Resolves to whether presence was proved. Give it to `rest.onStepUp`; `page.js` does.
 * @param {Problem} problem the refusal, whose `methods` this user has
 * @returns {Promise<boolean>}
 */
export async function stepUpDialog(problem) {
    const has = (/** @type {string} */ method) => problem.methods.includes(method);
    /** @type {FormState | null} */
    let typed = null;
    /** @type {FormState | null} */
    let passkey = null;
    const proved = await openDialog({
        title: "Confirm that it is you",
        body: (/** @type {(result?: boolean) => void} */ close, redraw) => {
            typed ??= new FormState(redraw, { invalid_second_factor: "totp", invalid_credentials: "password" });
            passkey ??= new FormState(redraw);
            /** @param {import("../types/rest").Schema<"StepUpRequest">} body */
            const send = async (body) => {
                await rest.post("/api/v1/auth/step-up", { body, stepUp: false });
                close(true);
            };
            return html`
                <p class="lead">This changes something important. The confirmation is good for ten minutes.</p>
                ${has("passkey") ? html`<form novalidate @submit=${passkey.onSubmit(async () => send({ passkey: await proveForStepUp() }))}>
                    ${passkey.summary()}
                    <button type="submit" class="button button-primary button-wide">${icon("key")}Use a passkey</button></form>` : nothing}
                ${has("passkey") && (has("totp") || has("password")) ? html`<p class="or"><span>or</span></p>` : nothing}
                ${has("totp") ? html`<form novalidate @submit=${typed.onSubmit(({ totp }) => send({ totp }))}>
                    ${typed.summary()}
                    ${typed.field({ label: "Code of your authenticator app", name: "totp", inputmode: "numeric", autocomplete: "one-time-code", required: true })}
                    <div class="actions">${typed.button("Confirm")}</div></form>`
                : has("password") ? html`<form novalidate @submit=${typed.onSubmit(({ password }) => send({ password }))}>
                    ${typed.summary()}
                    ${typed.field({ label: "Your password", name: "password", type: "password", autocomplete: "current-password", required: true })}
                    <div class="actions">${typed.button("Confirm")}</div></form>` : nothing}`;
        },
    });
    return proved === true;
}
