// The page `/forgot`: asks for the mail with which a forgotten password is replaced.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { entry, gate, outcome } from "../lib/entry.js";
import { startPage } from "../lib/page.js";
import { FormState } from "../lib/ui.js";

let asked = false;

const page = startPage({ title: "Forgotten password", session: "unused", width: "full", draw: () => (asked ? done() : ask()) });
const form = new FormState(page.redraw, { invalid_email: "email" });

function ask() {
    return entry({
        title: "Forgotten password",
        lead: "A message with a link leads to a new password. The link is good for 30 minutes.",
        form: html`<form novalidate @submit=${form.onSubmit(async ({ email }) => {
                await rest.request("POST", "/api/v1/auth/forgot", { body: { email } });
                asked = true;
            })}>
            ${form.summary()}
            ${form.field({ label: "E-mail address", name: "email", type: "email", autocomplete: "username", required: true })}
            <div class="actions">${form.button("Send the message", { wide: true })}</div>
        </form>`,
        links: html`<a href="/">Back to the sign-in</a>`,
        beside: gate(),
    });
}

function done() {
    return entry({
        title: "Look into your mail",
        form: outcome("info", "If there is an account with this address, a message is on its way to it. It may take a minute."),
        links: html`<a href="/">Back to the sign-in</a>`,
        beside: gate(),
    });
}
