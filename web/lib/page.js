// The frame of every page: header, navigation, the end of the session, and the hooks of `rest`.

import { html, nothing, render } from "./html.js";
import { rest } from "./rest.js";
import { currentSession, seesConsole, signInAddress, signOut } from "./session.js";
import { stepUpDialog } from "./step-up.js";
import { failure, icon, openDialog, skeleton } from "./ui.js";
import { wordsFor } from "./texts.js";
import "./theme.js";

/** @typedef {import("./html.js").Content} Content */
/** @typedef {import("./session.js").Session} Session */
/**
 * @typedef {object} PageParts
 * @property {string} title
 * @property {"account" | "chat" | "console" | ""} [place] the part of the navigation that the page belongs to
 * @property {"required" | "optional" | "unused"} [session] `required`: without a session the sign-in is opened; `unused`: the page does
 *   not ask for one
 * @property {"column" | "wide" | "full"} [width]
 * @property {(page: Page) => Content} draw the content, drawn anew by `page.redraw()`
 * @property {(page: Page) => void | Promise<void>} [begin] runs once, when the session is known
 * @property {(words: string) => void} [end] shows the end of the session, in place of the dialog
 */

/** A page that is shown. */
export class Page {
    /** @type {Session | null} */
    session = null;
    /** @type {unknown} */
    error = null;
    ready = false;

    /** @param {PageParts} parts */
    constructor(parts) {
        this.parts = parts;
        this.root = /** @type {HTMLElement} */ (document.getElementById("app"));
        this.redraw = this.redraw.bind(this);
    }

    /** Draws the page. */
    redraw() {
        render(frame(this, this.#content()), this.root);
    }

    /** @returns {Content} */
    #content() {
        if (this.error !== null) return failure(this.error, () => location.reload());
        return this.ready ? this.parts.draw(this) : skeleton(4);
    }

    /** Changes the title of the window. @param {string} title */
    rename(title) {
        document.title = `${title} · Portcullis`;
    }

    async open() {
        this.rename(this.parts.title);
        this.redraw();
        // The rest of the page's script runs first.
        await null;
        try {
            if (this.parts.session !== "unused") this.session = await currentSession();
        } catch (error) {
            this.error = error;
        }
        if (this.parts.session === "required" && this.session === null && this.error === null) {
            location.replace(signInAddress());
            return;
        }
        this.ready = true;
        this.redraw();
        await this.parts.begin?.(this);
    }
}

/** Shows a page. @param {PageParts} parts @returns {Page} */
export function startPage(parts) {
    const page = new Page(parts);
    rest.onStepUp(stepUpDialog);
    rest.onSignedOut((problem) => showEnd(page, wordsFor(problem)));
    rest.listen(({ kind }) => {
        if (kind === "signed-out" && page.session) showEnd(page, "You signed out in another window.");
    });
    page.open();
    return page;
}

let ending = false;

/** Says that the session has ended. The page stays as it is, so nothing that was typed is lost. @param {Page} page @param {string} words */
async function showEnd(page, words) {
    if (ending || page.parts.session === "unused") return;
    if (page.parts.end) return page.parts.end(words);
    ending = true;
    await openDialog({
        title: "Signed out",
        body: () => html`<p>${words}</p><div class="actions">
            <a class="button button-primary" href=${signInAddress()} autofocus>Sign in</a></div>`,
    });
    ending = false;
}

/** @param {Page} page @param {Content} content */
function frame(page, content) {
    const { width = "column" } = page.parts;
    return html`
        <a class="skip" href="#content">Skip to the content</a>
        <header class="top">
            <a class="brand" href="/" aria-label="Portcullis: home">${icon("portcullis")}<span>Portcullis</span></a>
            ${page.session ? navigation(page, page.session) : nothing}
        </header>
        <main id="content" class="main main-${width}" tabindex="-1">${content}</main>`;
}

/** @param {Page} page @param {Session} session */
function navigation(page, session) {
    const link = (/** @type {string} */ place, /** @type {string} */ address, /** @type {string} */ text) =>
        html`<a href=${address} aria-current=${page.parts.place === place ? "page" : nothing}>${text}</a>`;
    const leave = async () => {
        await signOut();
        location.assign("/");
    };
    return html`<nav class="top-nav" aria-label="Parts of this site">
            ${link("account", "/account", "Account")}${link("chat", "/chat", "Chat")}
            ${seesConsole(session.user.role) ? link("console", "/console", "Console") : nothing}
        </nav>
        <div class="top-user"><span class="top-email" title=${session.user.email}>${session.user.email}</span>
            <button type="button" class="button button-small" @click=${leave}>${icon("leave")}<span>Sign out</span></button></div>`;
}
