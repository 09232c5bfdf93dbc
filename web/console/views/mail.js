// The mails to users, if this server sends mails and has an interface for them.

import { html, nothing } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { isProblem } from "../../lib/errors.js";
import { empty, icon } from "../../lib/ui.js";
import { act, actButton } from "../act.js";
import { choicesOf } from "../acts.js";
import { exactly, heading, none, stateTag, userLink, when } from "../cells.js";
import { List } from "../list.js";
import { words } from "../words.js";

/**
 * @typedef {object} Mail
 * @property {string} id
 * @property {number} user
 * @property {string} kind
 * @property {string} address
 * @property {string | null} language
 * @property {string} state
 * @property {string | null} failure
 * @property {number} attempts
 * @property {number} repetitions
 * @property {string} created_at
 * @property {string} due_at
 * @property {string | null} settled_at
 * @property {string | null} link
 * @property {string | null} link_used_at
 */

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    const why = desk.whyNot("operate");
    /** @type {List<Mail>} */
    const list = new List(desk, {
        name: "mails",
        path: "/api/v1/admin/mail",
        key: ({ id }) => id,
        filters: [
            { name: "state", label: "State", choices: choicesOf(["waiting", "sending", "sent", "failed", "expired"], "all states") },
            { name: "user", label: "User number", kind: "number" },
            { name: "address", label: "To the address" },
            { name: "kind", label: "Kind", more: true },
        ],
        columns: [
            { title: "Written", kind: "main", cell: ({ created_at }) => exactly(created_at), value: ({ created_at }) => created_at },
            { title: "Kind", cell: ({ kind }) => words(kind), value: ({ kind }) => kind },
            { title: "To", cell: ({ address }) => html`<span class="break">${address}</span>`, value: ({ address }) => address },
            { title: "User", cell: ({ user }) => userLink(user), value: ({ user }) => user },
            { title: "State", cell: ({ state, failure }) => html`${stateTag(state)} ${failure ? html`<span class="soft small break">${failure}</span>` : nothing}`, value: ({ state }) => state },
            { title: "Attempts", kind: "right", cell: ({ attempts, repetitions }) => html`${attempts}${repetitions ? html` <span class="soft small">sent again ${repetitions}×</span>` : nothing}`, value: ({ attempts }) => attempts },
            { title: "Next attempt", cell: ({ state, due_at }) => (state === "waiting" ? when(due_at) : none), value: ({ due_at }) => due_at },
            { title: "Settled", cell: ({ settled_at }) => when(settled_at), value: ({ settled_at }) => settled_at },
            { title: "Link", cell: ({ link, link_used_at }) => (link ? html`${words(link)} <span class="soft small">${link_used_at ? "used" : "not used"}</span>` : none), value: ({ link }) => link },
            ...why ? [] : [/** @type {import("../list.js").Column<Mail>} */ ({ title: "Acts", kind: "acts", cell: (one) => (["failed", "expired", "sent"].includes(one.state) ? actButton("Send again", () => sendAgain(one), { danger: false }) : nothing) })],
        ],
        every: 10_000,
        nothing: { title: "No mail was written yet" },
    }, query);

    /** @param {Mail} mail */
    async function sendAgain(mail) {
        const sent = await act(desk, {
            title: "Send this mail again",
            action: "Send again",
            danger: false,
            text: html`<p>${words(mail.kind)}, to ${mail.address}.</p>`,
            send: ({ reason }) => rest.request("POST", `/api/v1/admin/mail/${encodeURIComponent(mail.id)}/send-again`, { body: { reason } }),
            done: () => "The mail waits to be sent.",
        });
        if (sent) list.reload();
    }

    return {
        title: "Mail",
        follow: (changed) => list.follow(changed),
        close: () => list.close(),
        draw: () => html`${heading("Mail", { about: "What was sent to users, and its state. Links in mails are never shown." })}
            ${isProblem(list.error, "not_found") ? empty({ icon: "mail", title: "This server offers no list of mails", text: "It sends none, or its release has no interface for them.", action: html`<button type="button" class="button button-small" @click=${() => list.reload()}>${icon("refresh")}Look again</button>` }) : list.draw()}`,
    };
}
