// The page `/verify`, to which the mail for a new address leads. Nothing happens until the button is pressed: scanners that follow links
// confirm no address. Without a token, the page sends a new mail.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { entry, gate, outcome, takeToken } from "../lib/entry.js";
import { startPage } from "../lib/page.js";
import { FormState } from "../lib/ui.js";

const token = takeToken();
/** @type {"confirm" | "ask" | "confirmed" | "asked"} */
let step = token ? "confirm" : "ask";

const page = startPage({ title: "Confirm your address", session: "unused", width: "full", draw: () => STEPS[step]() });
const form = new FormState(page.redraw, { invalid_email: "email" });

/** @param {typeof step} next */
function go(next) {
    step = next;
    form.clear();
    page.redraw();
}

const STEPS = {
    confirm: () => entry({
        title: "Confirm your address",
        lead: "One click, and the address is yours.",
        form: html`<form novalidate @submit=${form.onSubmit(async () => {
                await rest.request("POST", "/api/v1/auth/verify-email", { body: { token } });
                go("confirmed");
            })}>
            ${form.summary()}
            <div class="actions">${form.button("Confirm the address", { wide: true })}</div>
        </form>`,
        links: html`<button type="button" class="button-link" @click=${() => go("ask")}>Send a new link</button><a href="/">Sign in</a>`,
        beside: gate(),
    }),
    ask: () => entry({
        title: "A new link",
        lead: "Links in messages are good for a short time. Ask for a new one.",
        form: html`<form novalidate @submit=${form.onSubmit(async ({ email }) => {
                await rest.request("POST", "/api/v1/auth/verify-email/resend", { body: { email } });
                go("asked");
            })}>
            ${form.summary()}
            ${form.field({ label: "E-mail address", name: "email", type: "email", autocomplete: "email", required: true })}
            <div class="actions">${form.button("Send the message", { wide: true })}</div>
        </form>`,
        links: html`<a href="/">Sign in</a>`,
        beside: gate(),
    }),
    confirmed: () => entry({
        title: "Confirmed",
        form: html`${outcome("good", "The address is confirmed. You can sign in now.")}
            <div class="actions"><a class="button button-primary button-wide" href="/">Sign in</a></div>`,
        beside: gate(),
    }),
    asked: () => entry({
        title: "Look into your mail",
        form: outcome("info", "If there is an account that waits for this address, a message is on its way to it."),
        links: html`<a href="/">Sign in</a>`,
        beside: gate(),
    }),
};
