// The frame of the pages before the sign-in: the form, and beside it a word about what this server is.

import { html, nothing, ref, svg } from "./html.js";
import { notice } from "./ui.js";

/** @typedef {import("./html.js").Content} Content */

/** @param {{ title: string, lead?: Content, form: Content, links?: Content, beside?: Content }} parts */
export function entry({ title, lead, form, links, beside }) {
    return html`<div class="entry ${beside ? "" : "entry-single"}">
        <div class="entry-form">
            <div><h1>${title}</h1>${lead ? html`<p class="lead">${lead}</p>` : nothing}</div>
            ${form}
            ${links ? html`<nav class="entry-links" aria-label="Other ways">${links}</nav>` : nothing}
        </div>
        ${beside ?? nothing}
    </div>`;
}

const BARS = [10, 30, 50, 70, 90, 110];

/** The gate, and what this server is. */
export function gate() {
    return html`<aside class="gate" aria-labelledby="gate-title">
        <svg class="gate-bars" aria-hidden="true" viewBox="0 0 120 88" preserveAspectRatio="xMinYMax slice">
            <path d="M0 8H120M0 32H120M0 56H120" fill="none" stroke="currentColor" stroke-width="0.6"></path>
            ${BARS.map((x) => svg`<path d="M${x} 0V79" fill="none" stroke="currentColor" stroke-width="1.2"></path>
                <path d="M${x - 1.6} 78h3.2l-1.6 6z" fill="currentColor"></path>`)}
        </svg>
        <div class="gate-text">
            <h2 id="gate-title">Every open door, and the way to shut them all.</h2>
            <p>Portcullis keeps your sessions and the connections that they hold. End one, and everything that it opened closes at once.</p>
        </div>
    </aside>`;
}

/**
 * The token of a mailed link. It stands behind the `#` of the address, which no server and no log sees; it is removed from the
 * address, so that it does not stay in the history.
 */
export function takeToken() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
    if (token) history.replaceState(null, "", location.pathname + location.search);
    return token;
}

/** Not written in the template, so that it runs once per result. @param {Element | undefined} element */
const focus = (element) => /** @type {HTMLElement | undefined} */ (element)?.focus();

/** The result of a page, read out at once. The focus moves to it. @param {"good" | "bad" | "info" | "warn"} kind @param {Content} content */
export function outcome(kind, content) {
    return html`<div tabindex="-1" data-problem ${ref(focus)}>${notice(kind, content, { alert: true })}</div>`;
}
