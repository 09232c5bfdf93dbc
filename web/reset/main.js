// The page `/reset`, to which the mail for a forgotten password leads. A new password ends all sessions of the account.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { entry, gate, outcome, takeToken } from "../lib/entry.js";
import { endedWords } from "../lib/format.js";
import { startPage } from "../lib/page.js";
import { NewPassword } from "../lib/password.js";
import { FormState } from "../lib/ui.js";

const token = takeToken();
/** What the change has ended. @type {Parameters<typeof endedWords>[0] | null} */
let ended = null;

const page = startPage({ title: "New password", session: "unused", width: "full", draw: () => (ended ? changed(ended) : token ? choose() : without()) });
const form = new FormState(page.redraw, {
    password_guessable: "new_password",
    password_too_long: "new_password",
    password_too_short: "new_password",
});
const password = new NewPassword(page.redraw, () => "");

function choose() {
    return entry({
        title: "New password",
        lead: "All sessions of your account end, on every device.",
        form: html`<form novalidate @submit=${form.onSubmit(async ({ new_password }) => {
                ended = await rest.request("POST", "/api/v1/auth/reset", { body: { token, new_password } });
                rest.tell("signed-out");
            })}>
            ${form.summary()}
            ${password.field(form, { name: "new_password" })}
            <div class="actions">${form.button("Change the password", { wide: true })}</div>
        </form>`,
        links: html`<a href="/forgot">Send a new link</a><a href="/">Sign in</a>`,
        beside: gate(),
    });
}

/** @param {Parameters<typeof endedWords>[0]} ended */
function changed(ended) {
    return entry({
        title: "Password changed",
        form: html`${outcome("good", html`The password is changed. ${endedWords(ended)} Sign in with the new one.`)}
            <div class="actions"><a class="button button-primary button-wide" href="/">Sign in</a></div>`,
        beside: gate(),
    });
}

function without() {
    return entry({
        title: "This link is not complete",
        form: outcome("warn", "Open the whole link of the message, or ask for a new one."),
        links: html`<a href="/forgot">Send a new link</a><a href="/">Sign in</a>`,
        beside: gate(),
    });
}
