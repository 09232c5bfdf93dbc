// The data of the user: the export, and the erasure of the account.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { dateTime } from "../lib/format.js";
import { FormState, card, icon, openDialog } from "../lib/ui.js";
import { save } from "./backup-codes.js";
import { attempt } from "./loaded.js";

/** An export reads every table. @type {number} milliseconds */
const EXPORT_TIMEOUT = 120_000;

export class Data {
    busy = false;

    /** @param {import("../lib/page.js").Page} page */
    constructor(page) {
        this.page = page;
    }

    begin() {}

    draw() {
        return html`
            ${card({
                title: "Export",
                body: html`<div class="spread"><p>Everything that this server holds about you, as one JSON file.</p>
                    <button type="button" class="button" aria-disabled=${this.busy ? "true" : "false"} @click=${() => this.#export()}>
                        ${this.busy ? html`<span class="spinner" aria-hidden="true"></span>` : icon("download")}Download</button></div>`,
            })}
            ${card({
                title: "Erase the account",
                body: html`<div class="prose"><p>All sessions end at once. The account is erased after some days; signing in before then cancels it. After that,
                        nothing can bring it back.</p></div>
                    <div class="actions"><button type="button" class="button button-danger" @click=${() => this.#erase()}>Erase the account…</button></div>`,
            })}`;
    }

    async #export() {
        if (this.busy) return;
        this.busy = true;
        this.page.redraw();
        await attempt(async () => {
            const everything = await rest.get("/api/v1/profile/export", { timeout: EXPORT_TIMEOUT });
            save(new Blob([JSON.stringify(everything, null, 2)], { type: "application/json" }), `export-${new Date().toISOString().slice(0, 10)}.json`);
            return "The export is downloaded.";
        });
        this.busy = false;
        this.page.redraw();
    }

    async #erase() {
        const email = this.page.session?.user.email ?? "";
        const erasure = await askForErasure(email);
        if (erasure === undefined) return;
        rest.tell("signed-out");
        await openDialog({
            title: "The erasure is requested",
            body: () => html`<p>All of your sessions have ended. The account is erased on <strong>${dateTime(erasure.due_at)}</strong>. If you sign in before then, the erasure
                is cancelled.</p>
                <div class="actions"><a class="button button-primary" href="/">Close</a></div>`,
        });
        location.assign("/");
    }
}

/** Asks twice: the address must be typed. @param {string} email */
function askForErasure(email) {
    /** @type {FormState | null} */
    let form = null;
    return openDialog({
        title: "Erase the account?",
        body: (/** @type {(erasure?: import("../types/rest").Schema<"OwnErasure">) => void} */ close, redraw) => {
            form ??= new FormState(redraw);
            const own = form;
            return html`<p>Type <strong class="break">${email}</strong> to confirm.</p>
                <form novalidate @submit=${own.onSubmit(async (values) => {
                    if (values.email.trim().toLowerCase() !== email.toLowerCase()) return own.fail("email", "This is not the address of the account.");
                    const reason = values.reason.trim() || null;
                    close((await rest.delete("/api/v1/profile", { body: { reason } })).erasure);
                })}>
                ${own.summary()}
                ${own.field({ label: "E-mail address", name: "email", type: "email", autocomplete: "off", required: true })}
                ${own.field({ label: "Reason", name: "reason", autocomplete: "off", hint: "The operators see it." })}
                <div class="actions"><button type="button" class="button" @click=${() => close()}>Keep the account</button>${own.button("Erase the account", { danger: true })}</div>
            </form>`;
        },
    });
}
