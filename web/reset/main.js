// The page `/reset`, to which the mail for a forgotten password leads. A new password ends all sessions of the account.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { entry, gate, outcome, takeToken } from "../lib/entry.js";
import { startPage } from "../lib/page.js";
import { NewPassword } from "../lib/password.js";
import { FormState } from "../lib/ui.js";

const token = takeToken();
let done = false;

const page = startPage({ title: "New password", session: "unused", width: "full", draw: () => (done ? changed() : token ? choose() : without()) });
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
                await rest.request("POST", "/api/v1/auth/reset", { body: { token, new_password } });
                rest.tell("signed-out");
                done = true;
            })}>
            ${form.summary()}
            ${password.field(form, { name: "new_password" })}
            <div class="actions">${form.button("Change the password", { wide: true })}</div>
        </form>`,
        links: html`<a href="/forgot">Send a new link</a><a href="/">Sign in</a>`,
        beside: gate(),
    });
}

function changed() {
    return entry({
        title: "Password changed",
        form: html`${outcome("good", "The password is changed, and all sessions have ended. Sign in with the new one.")}
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
