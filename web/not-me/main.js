// The page `/not-me`, to which messages about sign-ins and changes lead. It only revokes: it signs no visitor in.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { entry, gate, outcome, takeToken } from "../lib/entry.js";
import { endedWords } from "../lib/format.js";
import { startPage } from "../lib/page.js";
import { FormState } from "../lib/ui.js";

const token = takeToken();
/** What has ended. @type {Parameters<typeof endedWords>[0] | null} */
let ended = null;

const page = startPage({ title: "This was not me", session: "unused", width: "full", draw: () => (ended ? secured(ended) : token ? ask() : without()) });
const form = new FormState(page.redraw);

function ask() {
    return entry({
        title: "This was not you?",
        lead: html`Then end everything now. All sessions and connections of your account close at once, and the next sign-in needs a new
            password.`,
        form: html`<form novalidate @submit=${form.onSubmit(async () => {
                ended = await rest.request("POST", "/api/v1/auth/not-me", { body: { token } });
                rest.tell("signed-out");
            })}>
            ${form.summary()}
            <div class="actions">${form.button("End all sessions", { danger: true, wide: true })}</div>
        </form>`,
        links: html`<a href="/">It was me</a>`,
        beside: gate(),
    });
}

/** @param {Parameters<typeof endedWords>[0]} ended */
function secured(ended) {
    return entry({
        title: "Everything is shut",
        form: html`${outcome("good", html`${endedWords(ended)} Choose a new password now: the old one does not work any more.`)}
            <div class="actions"><a class="button button-primary button-wide" href="/forgot">Choose a new password</a></div>`,
        beside: gate(),
    });
}

function without() {
    return entry({
        title: "This link is not complete",
        form: outcome("warn", html`Open the whole link of the message. If you cannot, <a href="/forgot">change your password</a>: that ends
            all sessions, too.`),
        links: html`<a href="/">Sign in</a>`,
        beside: gate(),
    });
}
