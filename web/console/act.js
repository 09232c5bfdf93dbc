// The dialog of an act: what it will do, the reason, the step-up, and afterwards its receipt.

import { html, nothing } from "../lib/html.js";
import { wordsFor } from "../lib/texts.js";
import { FormState, announce, icon, notice, openDialog } from "../lib/ui.js";
import { Tracker } from "./tracker.js";

/** @typedef {import("../lib/html.js").Content} Content */
/** @typedef {import("./desk.js").Desk} Desk */
/**
 * @typedef {object} Act
 * @property {string} title
 * @property {string} action what the button says
 * @property {Content} [text] what the act is
 * @property {(signal: AbortSignal) => Promise<Content>} [will] what it will end, counted now
 * @property {(form: FormState) => Content} [fields] fields besides the reason
 * @property {boolean} [optional] whether the fields are optional, so that the reason gets the focus
 * @property {boolean} [danger] yes, unless `false`
 * @property {boolean} [reason] whether a reason is asked for: yes, unless `false`
 * @property {(values: Record<string, string>, form: HTMLFormElement) => Promise<any>} send
 * @property {(answer: any) => Content} [done] what the answer says, beside the receipt
 * @property {Record<string, string>} [places] the fields of problem codes
 */

/** The revocation that an answer names. @param {any} answer @returns {number | null} */
function revocationOf(answer) {
    return answer?.revocation_id ?? answer?.revocation?.revocation_id ?? null;
}

/**
 * Opens the dialog. Resolves, when the dialog is closed, to the answer; to `undefined` if the act was not carried out.
 * @param {Desk} desk @param {Act} parts
 * @returns {Promise<any>}
 */
export async function act(desk, parts) {
    const counting = new AbortController();
    /** @type {FormState | null} */
    let form = null;
    /** @type {Tracker | null} */
    let tracker = null;
    /** @type {{ answer: any } | null} */
    let done = null;
    /** @type {Content} */
    let effect = parts.will ? html`<p class="soft" role="status">Counting what this ends</p>` : nothing;
    /** @type {() => void} */
    let redrawDialog = () => {};

    parts.will?.(counting.signal).then(
        (words) => { effect = notice("warn", words); redrawDialog(); },
        (error) => { if (!counting.signal.aborted) { effect = notice("info", `What this ends could not be counted. ${wordsFor(error)}`); redrawDialog(); } },
    );

    await openDialog({
        title: parts.title,
        wide: true,
        body: (close, redraw) => {
            redrawDialog = redraw;
            form ??= new FormState(redraw, parts.places);
            const own = form;
            if (done) return outcome(done.answer, close);
            return html`
                ${parts.text ? html`<div class="prose">${parts.text}</div>` : nothing}
                ${effect}
                <form novalidate @submit=${own.onSubmit(async (values, element) => {
                    const answer = await parts.send(values, element);
                    done = { answer };
                    const revocation = revocationOf(answer);
                    if (revocation !== null) tracker = new Tracker(desk, revocation, redraw);
                    announce("Done.");
                    requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector("dialog[open] [data-done]"))?.focus());
                })}>
                    ${own.summary()}
                    ${parts.fields?.(own) ?? nothing}
                    ${parts.reason === false ? nothing : own.field({ label: "Reason", name: "reason", required: true, maxlength: 500, autofocus: !parts.fields || parts.optional, hint: "It is kept in the audit log. No passwords or tokens." })}
                    <div class="actions"><button type="button" class="button" @click=${() => close()}>Cancel</button>
                        ${own.button(parts.action, { danger: parts.danger !== false })}</div>
                </form>`;
        },
    });
    counting.abort();
    /** @type {Tracker | null} */ (tracker)?.close();
    return /** @type {{ answer: any } | null} */ (done)?.answer;

    /** @param {any} answer @param {() => void} close @returns {Content} */
    function outcome(answer, close) {
        return html`<div class="stack" tabindex="-1" data-done>
            <p class="act-done">${icon("check")}<strong>Done.</strong> ${parts.done?.(answer) ?? nothing}</p>
            ${tracker ? tracker.draw() : revocationOf(answer) === null && answer && "sockets_closed" in answer ? html`<p class="soft">There was no open session to end.</p>` : nothing}
            <div class="actions"><button type="button" class="button button-primary" @click=${() => close()}>Close</button></div>
        </div>`;
    }
}

/** A button of an act; without the right to it, the reason in its place. @param {string} text @param {() => void} run @param {{ why?: string, danger?: boolean, small?: boolean, symbol?: string }} [options] */
export function actButton(text, run, { why = "", danger = true, small = true, symbol } = {}) {
    if (why) return nothing;
    return html`<button type="button" class="button ${small ? "button-small" : ""} ${danger ? "button-danger" : ""}" @click=${run}>${symbol ? icon(symbol) : nothing}${text}</button>`;
}

/** Why there are no buttons here. @param {string} why */
export function whyNone(why) {
    return why ? html`<p class="why">${icon("lock")}${why}</p>` : nothing;
}
