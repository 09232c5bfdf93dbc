// The page `/register`: a new account.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { entry, gate, outcome } from "../lib/entry.js";
import { startPage } from "../lib/page.js";
import { noteSignIn } from "../lib/session.js";
import { NewPassword } from "../lib/password.js";
import { FormState } from "../lib/ui.js";
import { isProblem } from "../lib/errors.js";

let email = "";
/** Set when the account waits for the confirmation of its address. */
let waiting = false;

const page = startPage({
    title: "Create an account",
    session: "optional",
    width: "full",
    begin(page) {
        if (page.session) location.replace("/account");
    },
    draw: () => (waiting ? confirmAddress() : fill()),
});

const form = new FormState(page.redraw, {
    email_taken: "email",
    invalid_email: "email",
    invalid_display_name: "display_name",
    password_guessable: "password",
    password_too_long: "password",
    password_too_short: "password",
});
const password = new NewPassword(page.redraw, () => email);

function fill() {
    return entry({
        title: "Create an account",
        form: html`<form novalidate @submit=${form.onSubmit(register)}>
            ${form.summary()}
            ${form.field({
                label: "E-mail address", name: "email", type: "email", autocomplete: "username", required: true,
                onInput: (event) => { email = /** @type {HTMLInputElement} */ (event.target).value; },
            })}
            ${form.field({ label: "Name", name: "display_name", autocomplete: "name", hint: "How others see you in the chat." })}
            ${password.field(form, { label: "Password" })}
            <div class="actions">${form.button("Create the account", { wide: true })}</div>
        </form>`,
        links: html`<a href="/">Sign in instead</a>`,
        beside: gate(),
    });
}

/** @param {Record<string, string>} values */
async function register(values) {
    const account = await rest.post("/api/v1/auth/register", {
        body: { email: values.email, password: values.password, display_name: values.display_name.trim() || null },
    });
    if (account.status === "pending") {
        waiting = true;
        return;
    }
    try {
        await rest.post("/api/v1/auth/jwt/login", { body: { username: values.email, password: values.password } });
    } catch (error) {
        // The account exists; only the sign-in failed.
        if (!isProblem(error)) throw error;
        location.assign("/");
        return;
    }
    noteSignIn();
    location.assign("/account");
}

function confirmAddress() {
    return entry({
        title: "Confirm your address",
        form: outcome("info", html`A message is on its way to <strong class="break">${email}</strong>, with a link that confirms the address.
            Then you can sign in. The message may take a minute.`),
        links: html`<a href="/">Sign in</a><a href="/verify">No message?</a>`,
        beside: gate(),
    });
}
