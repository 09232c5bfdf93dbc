// The page `/`: sign-in. A password or a passkey first, then the second factor if the account has one.

import { html, nothing } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { entry, gate } from "../lib/entry.js";
import { startPage } from "../lib/page.js";
import { nextPage, noteSignIn } from "../lib/session.js";
import { FormState, announce, checkbox, icon } from "../lib/ui.js";
import { OfferEnded, PasskeyError, endOffer, isSupported, offersInAutofill, signIn, signInByAutofill } from "../lib/webauthn.js";

/** @typedef {import("../lib/page.js").Page} Page */
/** @typedef {import("../types/rest").Schema<"SecondFactorChallenge">} Challenge */

/** What the page shows: the first step, or the second factor of this challenge. */
const state = {
    challenge: /** @type {Challenge | null} */ (null),
    way: /** @type {"totp" | "backup_code" | "passkey"} */ ("totp"),
    trust: false,
};

const page = startPage({
    title: "Sign in",
    session: "optional",
    width: "full",
    begin(page) {
        if (page.session) location.replace(nextPage());
        else offer();
    },
    draw: () => (state.challenge ? second(state.challenge) : first()),
});

const password = new FormState(page.redraw);
const passkey = new FormState(page.redraw);
const code = new FormState(page.redraw, { invalid_second_factor: "code" });

function enter() {
    endOffer();
    noteSignIn();
    location.assign(nextPage());
}

/** Offers passkeys in the autofill of the address, until another way is taken. */
async function offer() {
    if (!await offersInAutofill()) return;
    try {
        await signInByAutofill();
        enter();
    } catch (error) {
        if (error instanceof OfferEnded || error instanceof PasskeyError && error.reason === "cancelled") return;
        passkey.error = error;
        page.redraw();
        offer();
    }
}

// --- the first step ----------------------------------------------------------------------------------------------------

function first() {
    return entry({
        title: "Sign in",
        form: html`
            ${passkey.summary()}
            <form novalidate @submit=${password.onSubmit(signInWithPassword)}>
                ${password.summary()}
                ${password.field({ label: "E-mail address", name: "username", type: "email", autocomplete: "username webauthn", required: true })}
                ${password.field({ label: "Password", name: "password", type: "password", autocomplete: "current-password", required: true })}
                <div class="actions">${password.button("Sign in", { wide: true })}</div>
            </form>
            ${isSupported() ? html`<p class="or"><span>or</span></p>
                <form novalidate @submit=${passkey.onSubmit(signInWithPasskey)}>
                    <button type="submit" class="button button-wide">${icon("key")}Sign in with a passkey</button>
                </form>` : nothing}`,
        links: html`<a href="/register">Create an account</a><a href="/forgot">Forgotten password</a>`,
        beside: gate(),
    });
}

/** @param {Record<string, string>} values */
async function signInWithPassword({ username, password }) {
    passkey.clear();
    const answer = await rest.post("/api/v1/auth/jwt/login", { body: { username, password } });
    if (!("challenge_id" in answer)) return enter();
    endOffer();
    state.challenge = answer;
    state.way = answer.methods.includes("passkey") && !answer.methods.includes("totp") ? "passkey" : "totp";
    focusStep("A second proof is needed.");
}

async function signInWithPasskey() {
    password.clear();
    try {
        await signIn();
    } catch (error) {
        offer();
        throw error;
    }
    enter();
}

/** Moves the focus to the first field of the step that is now shown. @param {string} words */
function focusStep(words) {
    announce(words);
    page.redraw();
    /** @type {HTMLElement | null} */ (document.querySelector(".entry-form input:not([type=checkbox]), .entry-form button"))?.focus();
}

// --- the second factor -------------------------------------------------------------------------------------------------

/** @type {Record<string, { label: string, hint: string, inputmode?: string, autocomplete: string, other: string }>} */
const CODES = {
    totp: {
        label: "Code", hint: "Six digits from your authenticator app.", inputmode: "numeric", autocomplete: "one-time-code",
        other: "Use the authenticator app",
    },
    backup_code: { label: "Backup code", hint: "One of the codes that you kept. Each works once.", autocomplete: "off", other: "Use a backup code" },
};

/** @param {Challenge} challenge */
function second(challenge) {
    const others = challenge.methods.filter((method) => method !== state.way);
    return entry({
        title: "One more proof",
        lead: "Your account has a second factor.",
        form: html`
            ${state.way === "passkey" ? passkeyStep(challenge) : codeStep(challenge)}
            ${checkbox({
                label: "Trust this device for 30 days", name: "trust", checked: state.trust,
                hint: "It then needs no second factor. Not on a device that others use.",
                onChange: (event) => { state.trust = /** @type {HTMLInputElement} */ (event.target).checked; },
            })}`,
        links: html`
            ${others.map((method) => html`<button type="button" class="button-link" @click=${() => choose(method)}>
                ${method === "passkey" ? "Use a passkey" : CODES[method].other}</button>`)}
            <button type="button" class="button-link" @click=${() => startAgain()}>Start again</button>`,
        beside: gate(),
    });
}

/** @param {Challenge} challenge */
function codeStep(challenge) {
    const words = CODES[state.way];
    return html`<form novalidate @submit=${code.onSubmit(async (values) => {
            const body = { challenge_id: challenge.challenge_id, [state.way]: values.code, trust_device: state.trust };
            await finished(rest.post("/api/v1/auth/2fa/verify", { body }));
        })}>
        ${code.summary()}
        ${code.field({ ...words, name: "code", required: true })}
        <div class="actions">${code.button("Sign in", { wide: true })}</div>
    </form>`;
}

/** @param {Challenge} challenge */
function passkeyStep(challenge) {
    return html`<form novalidate @submit=${passkey.onSubmit(() =>
            finished(signIn({ challengeId: challenge.challenge_id, trustDevice: state.trust })))}>
        ${passkey.summary()}
        <button type="submit" class="button button-primary button-wide">${icon("key")}Use a passkey</button>
    </form>`;
}

/** @param {Promise<unknown>} answer */
async function finished(answer) {
    await answer;
    enter();
}

/** @param {string} method */
function choose(method) {
    state.way = /** @type {typeof state.way} */ (method);
    code.clear();
    passkey.clear();
    focusStep("");
}

function startAgain() {
    state.challenge = null;
    code.clear();
    passkey.clear();
    password.clear();
    focusStep("");
    offer();
}
