// Backup codes: made, shown once, copied, downloaded, printed.

import { html } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { counted } from "../lib/format.js";
import { confirmed, icon, notice, openDialog, tag } from "../lib/ui.js";
import { copy } from "./authenticator-app.js";
import { attempt } from "./loaded.js";

/** @typedef {import("../types/rest").Schema<"Factors">} Factors */

/** With fewer codes than this, the page recommends new ones. */
const FEW = 3;

export class BackupCodes {
    /** @param {() => void} redraw @param {() => void} changed */
    constructor(redraw, changed) {
        this.redraw = redraw;
        this.changed = changed;
    }

    /** @param {Factors} factors */
    draw({ backup_codes, passkeys, totp }) {
        if (!totp && passkeys === 0) return html`<p class="soft">Set up an authenticator app or a passkey first.</p>`;
        return html`<div class="spread">
            <p>${backup_codes === 0 ? "You have no backup codes." : `${counted(backup_codes, "code")} left.`}
                ${backup_codes > 0 && backup_codes < FEW ? tag("Make new ones soon", "warn") : ""}</p>
            <button type="button" class="button button-small" @click=${() => this.#make(backup_codes > 0)}>${icon("codes")}Make new codes</button></div>`;
    }

    /** @param {boolean} replaces */
    async #make(replaces) {
        const sure = !replaces || await confirmed({
            title: "Make new codes?", text: "The codes that you have now stop working.", action: "Make new codes", danger: false,
        });
        if (!sure) return;
        /** @type {string[]} */
        let codes = [];
        if (await attempt(async () => { codes = (await rest.post("/api/v1/2fa/backup-codes")).codes; })) await show(codes);
        this.changed();
    }
}

/** @param {string[]} codes */
function show(codes) {
    const text = `${codes.join("\n")}\n`;
    return openDialog({
        title: "Your backup codes",
        body: (/** @type {() => void} */ close) => html`
            ${notice("warn", "This is the only time that they are shown. Keep them where you would keep a spare key.")}
            <ol class="codes printed" aria-label="Backup codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ol>
            <div class="row">
                <button type="button" class="button button-small" @click=${() => copy(text)}>${icon("copy")}Copy</button>
                <button type="button" class="button button-small" @click=${() => download(text)}>${icon("download")}Download</button>
                <button type="button" class="button button-small" @click=${() => print()}>${icon("print")}Print</button>
            </div>
            <div class="actions"><button type="button" class="button button-primary" @click=${() => close()}>I have kept them</button></div>`,
    });
}

/** @param {string} text */
function download(text) {
    save(new Blob([`Backup codes of ${location.host}\nEach works once.\n\n${text}`], { type: "text/plain" }), "backup-codes.txt");
}

/** Lets the browser save this. @param {Blob} content @param {string} name */
export function save(content, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
