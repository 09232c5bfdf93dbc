// The components of pages: small functions that return templates, and the few parts with a state (forms, dialogs, toasts).
// Their styles are in `styles/components.css`.

import { html, nothing, render, ifDefined } from "./html.js";
import { wordsFor } from "./texts.js";
import { Problem } from "./errors.js";

/** @typedef {import("./html.js").Content} Content */

const SPRITE = new URL("../icons.svg", import.meta.url).pathname;

/** An icon of the sprite. Without a label, screen readers leave it out. @param {string} name @param {string} [label] */
export function icon(name, label) {
    return html`<svg class="icon" aria-hidden=${label ? "false" : "true"} role=${ifDefined(label ? "img" : undefined)}
        aria-label=${ifDefined(label)}><use href="${SPRITE}#${name}"></use></svg>`;
}

/** @param {"info" | "good" | "warn" | "bad"} kind @param {Content} content @param {{ alert?: boolean }} [options] `alert`: read out at once */
export function notice(kind, content, { alert = false } = {}) {
    const name = { info: "info", good: "check", warn: "warning", bad: "warning" }[kind];
    return html`<div class="notice notice-${kind}" role=${alert ? "alert" : "note"}>${icon(name)}<div>${content}</div></div>`;
}

/** A section with a heading. @param {{ title: string, id?: string, about?: Content, actions?: Content, body: Content }} parts */
export function card({ title, id, about, actions, body }) {
    const name = id ?? title.toLowerCase().replace(/[^a-z]+/g, "-");
    return html`<section class="card" aria-labelledby="${name}-title">
        <header class="card-head">
            <h2 id="${name}-title">${title}</h2>
            ${actions ? html`<div class="card-actions">${actions}</div>` : nothing}
            ${about ? html`<p class="card-about">${about}</p>` : nothing}
        </header>
        <div class="card-body">${body}</div>
    </section>`;
}

/** Grey lines in the place of content that is loading. @param {number} [lines] */
export function skeleton(lines = 3) {
    return html`<div class="skeleton" aria-busy="true"><span class="visually-hidden">Loading</span>
        ${Array.from({ length: lines }, () => html`<span class="skeleton-line"></span>`)}</div>`;
}

/** What a list shows when it is empty. @param {{ icon?: string, title: string, text?: Content, action?: Content }} parts */
export function empty({ icon: name = "empty", title, text, action }) {
    return html`<div class="empty">${icon(name)}<p class="empty-title">${title}</p>
        ${text ? html`<p>${text}</p>` : nothing}${action ?? nothing}</div>`;
}

/** What a list shows when it cannot be read. @param {unknown} error @param {() => void} [retry] */
export function failure(error, retry) {
    return notice("bad", html`<p>${wordsFor(error)}</p>
        ${retry ? html`<button type="button" class="button button-small" @click=${retry}>Try again</button>` : nothing}`, { alert: true });
}

/** A short mark, such as a state. @param {Content} text @param {"" | "good" | "warn" | "bad" | "accent"} [kind] */
export function tag(text, kind = "") {
    return html`<span class="tag ${kind ? `tag-${kind}` : ""}">${text}</span>`;
}

/** The mark of live values. @param {import("./live.js").State} state */
export function liveMark(state) {
    const words = { connecting: "Connecting", live: "Live", stale: "Stale: the connection is broken", ended: "Ended" };
    return html`<span class="live live-${state}" role="status"><span class="live-dot"></span>${words[state]}</span>`;
}

// --- results that are read out -----------------------------------------------------------------------------------------

/**
 * The live region of this kind, made if it is missing. While a dialog is open, everything outside of it is inert: not read and
 * behind its backdrop. So the dialog then has a region of its own.
 * @param {string} kind a class @param {Record<string, string>} attributes
 */
function region(kind, attributes) {
    const host = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
    const found = host.querySelector(`:scope > .${kind}`);
    if (found) return found;
    const made = document.createElement("div");
    made.className = kind;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    host.prepend(made);
    return made;
}

/** Changes a region a little later: a region that is new, or changes twice at once, is not read. @param {() => void} change */
function soon(change) {
    setTimeout(change, 50);
}

/** Lets screen readers read this out. @param {string} text */
export function announce(text) {
    const place = region("announcements", { "aria-live": "polite" });
    place.textContent = "";
    soon(() => { place.textContent = text; });
}

/** Shows a result for some seconds, and lets screen readers read it out. @param {string} text @param {"good" | "bad" | "info"} [kind] */
export function toast(text, kind = "good") {
    const place = region("toasts", { role: "status" });
    const shown = document.createElement("div");
    shown.className = `toast toast-${kind}`;
    render(html`${icon(kind === "good" ? "check" : kind === "bad" ? "warning" : "info")}<span>${text}</span>`, shown);
    soon(() => place.append(shown));
    setTimeout(() => shown.remove(), 7000);
}

// --- dialogs -----------------------------------------------------------------------------------------------------------

/** Counts the dialogs, so that two that are open have two titles. */
let dialogs = 0;

/**
 * Opens a modal dialog. The focus goes into it, and back when it closes; Escape closes it.
 * @template T
 * @param {{ title: string, body: (close: (result?: T) => void, redraw: () => void) => Content, wide?: boolean }} parts
 * @returns {Promise<T | undefined>} what `close` was called with; `undefined` if the user closed the dialog
 */
export function openDialog({ title, body, wide = false }) {
    return new Promise((done) => {
        const dialog = document.createElement("dialog");
        dialog.className = wide ? "dialog dialog-wide" : "dialog";
        const titleId = `dialog-title-${++dialogs}`;
        dialog.setAttribute("aria-labelledby", titleId);
        /** @type {T | undefined} */
        let result;
        /** @param {T} [value] */
        const close = (value) => { result = value; dialog.close(); };
        const redraw = () => render(html`
            <header class="dialog-head"><h2 id=${titleId}>${title}</h2>
                <button type="button" class="button-bare" aria-label="Close" @click=${() => close()}>${icon("close")}</button></header>
            <div class="dialog-body">${body(close, redraw)}</div>`, dialog);
        dialog.addEventListener("close", () => { dialog.remove(); done(result); });
        document.body.append(dialog);
        redraw();
        dialog.showModal();
        const first = ["[autofocus]", ".dialog-body input", ".dialog-body button, .dialog-body a"].map((kind) => dialog.querySelector(kind));
        /** @type {HTMLElement | undefined} */ (first.find((element) => element !== null))?.focus();
    });
}

/**
 * Asks before something that cannot be undone.
 * @param {{ title: string, text: Content, action: string, danger?: boolean }} parts
 * @returns {Promise<boolean>}
 */
export async function confirmed({ title, text, action, danger = true }) {
    const answer = await openDialog({
        title,
        body: (/** @type {(result?: boolean) => void} */ close) => html`
            <div class="prose">${text}</div>
            <div class="actions">
                <button type="button" class="button" @click=${() => close(false)}>Cancel</button>
                <button type="button" class="button ${danger ? "button-danger" : "button-primary"}" @click=${() => close(true)}>${action}</button>
            </div>`,
    });
    return answer === true;
}

// --- forms -------------------------------------------------------------------------------------------------------------

/**
 * @typedef {object} FieldParts
 * @property {string} label
 * @property {string} name
 * @property {string} [type]
 * @property {string} [value] set when it changes, and never over what the user has typed since
 * @property {Content} [hint]
 * @property {string} [autocomplete]
 * @property {string} [inputmode]
 * @property {boolean} [required]
 * @property {number} [maxlength]
 * @property {boolean} [autofocus]
 * @property {boolean} [readonly]
 * @property {(event: InputEvent) => void} [onInput]
 * @property {Content} [after] content below the field, such as a meter
 */

/**
 * The state of a form: its errors, and whether it is being sent. A page makes one per form.
 *
 *     const form = new FormState(redraw, { invalid_email: "email" });
 *     html`<form novalidate @submit=${form.onSubmit(async (values) => { … })}>
 *         ${form.summary()} ${form.field({ label: "E-mail address", name: "email" })} ${form.button("Sign in")}
 *     </form>`
 */
export class FormState {
    /**
     * @param {() => void} redraw draws the page
     * @param {Record<string, string>} [places] the field of a problem code; other problems stand above the form
     */
    constructor(redraw, places = {}) {
        this.redraw = redraw;
        this.places = places;
        this.busy = false;
        /** @type {Record<string, string>} */
        this.errors = {};
        /** @type {unknown} */
        this.error = null;
    }

    /** Checks the form and sends it. @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<void>} send */
    onSubmit(send) {
        return async (/** @type {SubmitEvent} */ event) => {
            event.preventDefault();
            const form = /** @type {HTMLFormElement} */ (event.currentTarget ?? event.target);
            if (this.busy) return;
            const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
            this.errors = missing(form);
            this.error = null;
            if (Object.keys(this.errors).length === 0) await this.#run(() => send(values, form));
            this.redraw();
            if (this.failed) focusFirstError(form);
        };
    }

    get failed() {
        return this.error !== null || Object.keys(this.errors).length > 0;
    }

    /** @param {() => Promise<void>} work */
    async #run(work) {
        this.busy = true;
        this.redraw();
        try {
            await work();
        } catch (error) {
            const place = error instanceof Problem ? this.places[error.code] : undefined;
            if (place) this.errors = { ...this.errors, [place]: wordsFor(error) };
            else this.error = error;
        } finally {
            this.busy = false;
        }
    }

    /** Marks a field, for example after a check of the page. @param {string} name @param {string} text */
    fail(name, text) {
        this.errors = { ...this.errors, [name]: text };
    }

    /** Forgets all errors. */
    clear() {
        this.errors = {};
        this.error = null;
    }

    /** The problem of the whole form. */
    summary() {
        return this.error === null ? nothing : html`<div tabindex="-1" data-problem>${notice("bad", wordsFor(this.error), { alert: true })}</div>`;
    }

    /** @param {FieldParts} parts */
    field(parts) {
        return field({ ...parts, error: this.errors[parts.name] });
    }

    /** The button that sends the form. @param {string} text @param {{ danger?: boolean, wide?: boolean }} [options] */
    button(text, { danger = false, wide = false } = {}) {
        const kind = danger ? "button-danger" : "button-primary";
        return html`<button type="submit" class="button ${kind} ${wide ? "button-wide" : ""}" aria-disabled=${this.busy ? "true" : "false"}>
            ${this.busy ? html`<span class="spinner" aria-hidden="true"></span>` : nothing}${text}</button>`;
    }
}

/** The fields that are required and empty. @param {HTMLFormElement} form */
function missing(form) {
    /** @type {Record<string, string>} */
    const errors = {};
    for (const element of form.elements) {
        if (element instanceof HTMLInputElement && element.required && element.value.trim() === "") errors[element.name] = "Fill in this field.";
    }
    return errors;
}

/** Moves the focus to the first field with an error, or to the problem of the form. @param {HTMLElement} form */
export function focusFirstError(form) {
    const first = /** @type {HTMLElement | null} */ (form.querySelector("[aria-invalid=true]") ?? form.querySelector("[data-problem]"));
    first?.focus();
}

/** A field with its label, its hint and its error. @param {FieldParts & { error?: string }} parts */
export function field(parts) {
    const { label, name, type = "text", value, hint, error, after } = parts;
    const id = `field-${name}`;
    const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
    const input = html`<input class="input" id=${id} name=${name} type=${type} ?required=${parts.required}
        .value=${value ?? nothing} autocomplete=${ifDefined(parts.autocomplete)}
        inputmode=${ifDefined(parts.inputmode)} maxlength=${ifDefined(parts.maxlength)} ?readonly=${parts.readonly}
        ?autofocus=${parts.autofocus} aria-invalid=${error ? "true" : "false"} aria-describedby=${ifDefined(described || undefined)}
        autocapitalize="off" spellcheck="false" @input=${parts.onInput ?? nothing}>`;
    return html`<div class="field">
        <label for=${id}>${label}${parts.required ? nothing : html` <span class="optional">optional</span>`}</label>
        ${type === "password" ? html`<div class="input-with-button">${input}<button type="button" class="button-bare" aria-pressed="false"
            aria-label="Show the password" @click=${reveal}>${icon("eye")}</button></div>` : input}
        ${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : nothing}
        ${error ? html`<p class="error" id="${id}-error">${icon("warning")}${error}</p>` : nothing}
        ${after ?? nothing}
    </div>`;
}

/** Shows or hides the password beside the button. @param {Event} event */
function reveal(event) {
    const button = /** @type {HTMLElement} */ (event.currentTarget);
    const input = /** @type {HTMLInputElement} */ (button.parentElement?.querySelector("input"));
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
}

/** A box to tick. @param {{ label: Content, name: string, checked?: boolean, hint?: Content, onChange?: (event: Event) => void }} parts */
export function checkbox({ label, name, checked = false, hint, onChange }) {
    return html`<label class="check"><input type="checkbox" name=${name} ?checked=${checked} @change=${onChange ?? nothing}>
        <span>${label}${hint ? html`<span class="hint">${hint}</span>` : nothing}</span></label>`;
}
