// The field of a new password, with its meter. The server judges what is typed, so the meter and the verdict never disagree.

import { html, nothing } from "./html.js";
import { rest } from "./rest.js";

/** @typedef {import("../types/rest").Schema<"PasswordStrength">} Strength */
/** @typedef {import("./ui.js").FormState} FormState */

/** How long the user must pause before the server is asked, in milliseconds. */
const PAUSE = 250;
const WORDS = ["Very weak", "Weak", "Almost", "Good", "Strong"];
/** @type {Record<string, string>} */
const PATTERNS = {
    keyboard: "Rows and patterns of keys are tried first.",
    repeat: "Repeated parts add almost nothing.",
    common: "This is one of the passwords that are tried first, or close to one.",
    sequence: "Sequences such as abc or 6543 are tried first.",
    date: "Dates and years are tried early.",
    word: "A word by itself is tried early.",
    name: "Names are tried early.",
};

/** The state of the field. A page makes one per form. */
export class NewPassword {
    /** @type {Strength | null} */
    strength = null;
    #typed = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    /** @type {AbortController | null} */
    #asking = null;

    /**
     * @param {() => void} redraw
     * @param {() => string} email the address of the account, whose words an attacker knows
     */
    constructor(redraw, email) {
        this.redraw = redraw;
        this.email = email;
    }

    /** The field. @param {FormState} form @param {{ label?: string, name?: string, autofocus?: boolean }} [parts] */
    field(form, { label = "New password", name = "password", autofocus } = {}) {
        return form.field({
            label, name, autofocus, type: "password", autocomplete: "new-password", required: true,
            onInput: (event) => this.#input(/** @type {HTMLInputElement} */ (event.target).value),
            after: this.#meter(),
        });
    }

    /** @param {string} typed */
    #input(typed) {
        this.#typed = typed;
        clearTimeout(this.#timer);
        this.#asking?.abort();
        if (typed === "") this.strength = null;
        else this.#timer = setTimeout(() => this.#ask(), PAUSE);
        this.redraw();
    }

    async #ask() {
        const asking = this.#asking = new AbortController();
        const body = { password: this.#typed, email: this.email() };
        try {
            this.strength = await rest.post("/api/v1/auth/password-strength", { body, signal: asking.signal });
        } catch {
            // The meter is a help. Without an answer there is none, and the server judges when the form is sent.
            if (asking.signal.aborted) return;
            this.strength = null;
        }
        this.redraw();
    }

    #meter() {
        const { strength } = this;
        const level = strength ? strength.score : -1;
        const kind = strength?.accepted ? "good" : level >= 2 ? "warn" : "bad";
        return html`<div class="meter" data-level=${level}>
            <div class="meter-bars meter-${kind}" aria-hidden="true">${[0, 1, 2, 3, 4].map((step) => html`<span class=${step <= level ? "on" : ""}></span>`)}</div>
            <p class="hint" aria-live="polite">${strength
                ? html`<strong>${WORDS[level]}.</strong> ${this.#reason(strength)}`
                : "At least 8 characters. A few unrelated words are easy to remember and hard to guess."}</p>
        </div>`;
    }

    /** @param {Strength} strength */
    #reason(strength) {
        if (strength.code === "password_too_short") return "Use at least 8 characters.";
        if (strength.pattern) return PATTERNS[strength.pattern] ?? nothing;
        return strength.accepted ? nothing : strength.detail ?? nothing;
    }
}
