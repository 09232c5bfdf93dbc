// Activity: the attempts to sign in to the account, with place and reasons in words.

import { html, nothing, repeat } from "../lib/html.js";
import { rest } from "../lib/rest.js";
import { dateTime, placeName } from "../lib/format.js";
import { card, empty, icon, tag } from "../lib/ui.js";
import { Loaded, attempt } from "./loaded.js";
import { METHODS, OUTCOMES, REASONS } from "./words.js";

/** @typedef {import("../types/rest").Schema<"Attempt">} Attempt */
/** @typedef {{ attempts: Attempt[], next: string | null }} Listed */

export class Activity {
    /** @param {import("../lib/page.js").Page} page */
    constructor({ redraw }) {
        /** @type {Loaded<Listed>} */
        this.list = new Loaded(() => read(), redraw);
    }

    begin() {
        this.list.load();
    }

    draw() {
        return card({
            title: "Attempts to sign in",
            about: html`Also those that failed. If one of them was not you, <a href="/account/security">change your password</a> and
                <a href="/account/sessions">end the session</a>.`,
            body: this.list.show(({ attempts, next }) => (attempts.length === 0
                ? empty({ icon: "history", title: "No attempts" })
                : html`<ul class="list">${repeat(attempts, (one) => one.id, item)}</ul>
                    ${next ? html`<p class="list-more"><button type="button" class="button" @click=${() => this.#more(next)}>Show more</button></p>` : nothing}`), 6),
        });
    }

    /** @param {string} cursor */
    async #more(cursor) {
        await attempt(async () => {
            const more = await read(cursor);
            this.list.value = { attempts: [...this.list.value?.attempts ?? [], ...more.attempts], next: more.next };
        });
        this.list.redraw();
    }
}

/** @param {Attempt} one */
function item(one) {
    const outcome = OUTCOMES[one.outcome] ?? { words: one.outcome, kind: "" };
    const reasons = one.risk?.reasons ?? [];
    const where = [placeName(one.place), one.address].filter(Boolean).join(" · ");
    const what = [[one.browser, one.system].filter(Boolean).join(" on "), METHODS[one.method]].filter(Boolean).join(" · ");
    return html`<li class="item">${icon(outcome.kind === "good" ? "check" : outcome.kind ? "warning" : "info")}
        <div><div class="item-title"><time datetime=${one.at}>${dateTime(one.at)}</time>${tag(outcome.words, outcome.kind)}</div>
            <div class="item-facts">${what}</div>
            ${where ? html`<div class="item-facts">${icon("place")} ${where}</div>` : nothing}
            ${reasons.length > 0 ? html`<div class="item-facts">Unusual: ${reasons.map((reason) => REASONS[reason] ?? reason).join("; ")}.</div>` : nothing}</div></li>`;
}

/** @param {string} [cursor] @returns {Promise<Listed>} */
async function read(cursor) {
    const page = await rest.get("/api/v1/profile/attempts", { query: { cursor } });
    return { attempts: page.attempts, next: page.next_cursor ?? null };
}
