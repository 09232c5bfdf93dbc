// The panel at the end: this door is shut. A pure view of `door.js`.

import { counted, time } from "../lib/format.js";
import { html, nothing, repeat, svg } from "../lib/html.js";
import { signInAddress } from "../lib/session.js";
import { icon, tag } from "../lib/ui.js";
import { offset } from "./words.js";
import { lineView } from "./view-room.js";

/** @typedef {import("./door.js").Door} Door */
/** @typedef {import("./door.js").Moment} Moment */
/** @typedef {import("./room.js").Room} Room */
/** @typedef {import("../lib/html.js").Content} Content */

/** What may be behind a close code, and what to do. */
const BEHIND = /** @type {Record<number, string>} */ ({
    3503: "The session itself may still be good: the doors below tell.",
    3504: "Close other windows, and connect again.",
    3505: "Leave some channels, and connect again.",
    4500: "An operator or an application ended it, it was too old, or the ways to sign in to your account have changed.",
    4501: "It was done here, in another window, or in the list of your sessions.",
    4502: "A new password ends every other session of the account. If it was not you who changed it, reset it now.",
    4503: "Signing in works again when the operators have opened the account.",
    4504: "If you have not restored an old copy of this browser's data, change your password.",
    4505: "A device that is removed from the account takes its sessions with it.",
});

/** @param {Door} door @returns {{ title: string, lead: string }} */
function heading(door) {
    const { code, words } = door;
    if (door.sessionIsGood) return { title: "This connection was ended", lead: `${words} ${BEHIND[code] ?? ""}` };
    return { title: "This door is shut", lead: `${words} ${BEHIND[code] ?? ""}` };
}

/**
 * @param {object} parts
 * @param {Door} parts.door
 * @param {Room | null} parts.room the room that was shown
 * @param {() => void} parts.connect
 * @param {() => void} parts.clear removes what was delivered from the screen
 */
export function doorView({ door, room, connect, clear }) {
    const { title, lead } = heading(door);
    return html`<div class="door" data-code=${door.code} data-done=${door.done ? "true" : "false"}>
        ${bars()}
        <div class="door-body">
            <header class="door-head">
                <p class="door-when">${time(door.ended)}${door.code >= 3000 ? html` · close code <strong>${door.code}</strong>` : nothing}</p>
                <h1 id="door-title" tabindex="-1">${title}</h1>
                <p class="door-lead">${lead}</p>
                <div class="actions">${door.sessionIsGood
                    ? html`<button type="button" class="button button-primary" @click=${connect}>${icon("refresh")}Connect again</button>`
                    : html`<a class="button button-primary" href=${signInAddress()}>Sign in again</a>`}</div>
            </header>
            ${figures(door)}
            <section class="door-part" aria-labelledby="timeline-title">
                <div class="spread"><h2 id="timeline-title">What happened, in milliseconds</h2>
                    <button type="button" class="button button-small" aria-disabled=${door.done ? "false" : "true"}
                        @click=${() => door.done && door.knockEverywhere()}>Knock again</button></div>
                <p class="soft small">After the end, this page knocked at every door that the session had opened, with the same cookies and the same token.</p>
                <ol class="moments">${repeat(door.moments, ({ name }) => name, momentView)}</ol>
            </section>
            ${door.done ? html`<div class="door-sides">${works(door, room)}</div>` : nothing}
            ${delivered(door, room, clear)}
        </div>
    </div>`;
}

const BARS = Array.from({ length: 40 }, (_, at) => 12 + at * 36);

/** The gate, which has come down. */
function bars() {
    return html`<svg class="door-bars" aria-hidden="true" viewBox="0 0 1440 72" preserveAspectRatio="xMidYMax slice">
        <g class="door-gate"><path d="M0 14H1440M0 42H1440" fill="none" stroke="currentColor" stroke-width="3"></path>
            ${BARS.map((x) => svg`<path d="M${x - 2.5} 0h5v60l-2.5 10l-2.5 -10z" fill="currentColor"></path>`)}</g>
    </svg>`;
}

/** @param {Door} door */
function figures(door) {
    const figure = (/** @type {string} */ name, /** @type {Content} */ value, /** @type {Content} */ about) =>
        html`<div class="figure"><dt>${name}</dt><dd class="figure-value">${value}</dd><dd class="figure-about">${about}</dd></div>`;
    return html`<dl class="figures">
        ${figure("Close code", door.code >= 3000 ? String(door.code) : "none", door.reason || "the socket was away")}
        ${figure("Doors that are shut", `${door.shut} of ${door.knocks.length}`, door.done ? "profile, renewal, connection" : "still knocking")}
        ${figure("Until the last answer", offset(door.lastAnswer).slice(1), door.done ? "after the end" : "and counting")}
    </dl>`;
}

const MARKS = /** @type {Record<Moment["outcome"], [string, "" | "good" | "warn" | "bad"]>} */ ({
    before: ["", ""],
    end: ["end", "bad"],
    asking: ["asking", ""],
    shut: ["shut", "bad"],
    open: ["answered", "good"],
    unknown: ["no answer", "warn"],
});

/** @param {Moment} moment */
function momentView({ name, what, how, at, took, outcome, code, words }) {
    const [mark, kind] = MARKS[outcome];
    return html`<li class="moment moment-${outcome}" data-door=${name} data-outcome=${outcome} data-answer=${code ?? nothing}>
        <span class="moment-at numbers">${name === "end" ? "0 ms" : offset(at + (took ?? 0))}</span>
        <span class="moment-dot" aria-hidden="true"></span>
        <div class="moment-what"><span>${what}</span>${how ? html`<code class="moment-how">${how}</code>` : nothing}</div>
        <div class="moment-answer">${mark ? tag(mark, kind) : nothing}
            ${code ? html`<strong class="numbers">${code}</strong>` : nothing} ${words ? html`<span class="break">${words}</span>` : nothing}
            ${took === undefined ? nothing : html`<span class="soft small numbers">took ${offset(took).slice(1)}</span>`}</div>
    </li>`;
}

/** @param {Door} door @param {Room | null} room */
function works(door, room) {
    const shut = new Set(door.knocks.filter(({ outcome }) => outcome === "shut").map(({ name }) => name));
    const answered = door.moments.some(({ name, outcome }) => name === "status" && outcome === "open");
    const draft = room?.draft.text ?? "";
    const good = [
        answered ? "The server itself: it answers, and the pages of the sign-in open." : "",
        door.sessionIsGood ? "Your session: your account and your other windows are as before." : "",
        draft ? html`What you were writing: <q class="break" dir="auto">${shortened(draft)}</q> is back in the field when you sign in again in this window.` : "",
        (room?.lines.all.length ?? 0) > 0 ? "Reading what was delivered before the end. It is on your screen; nothing can call it back." : "",
    ].filter(Boolean);
    const bad = [
        "New messages: nothing was delivered to this window after the end.",
        "Sending: no room takes a message from here.",
        shut.has("rest") ? "The interface: your profile, your devices, your sessions." : "",
        shut.has("refresh") ? "Renewing the access token." : "",
        shut.has("socket") ? "Coming back: the server closes each new connection at once." : "",
    ].filter(Boolean);
    const list = (/** @type {string} */ id, /** @type {string} */ title, /** @type {string} */ sign, /** @type {Content[]} */ items) => items.length === 0 ? nothing
        : html`<section class="door-part" aria-labelledby=${id}><h2 id=${id}>${title}</h2>
            <ul class="door-list door-list-${sign}">${items.map((item) => html`<li>${icon(sign)}<span>${item}</span></li>`)}</ul></section>`;
    return html`${list("works-title", "Still works", "check", good)}${list("shut-title", "Does not work any more", "close", bad)}`;
}

/** @param {string} text */
function shortened(text) {
    return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

/** What was on the screen at the end. @param {Door} door @param {Room | null} room @param {() => void} clear */
function delivered(door, room, clear) {
    const lines = room?.lines.all ?? [];
    if (!room || lines.length === 0 || !door.done) return nothing;
    return html`<details class="door-delivered"><summary>What was delivered before the end: ${counted(lines.length, "line")} of ${room.channel}</summary>
        <div class="door-lines">${lines.map((line) => lineView(line))}</div>
        <button type="button" class="button button-small" @click=${clear}>${icon("trash")}Remove them from this screen</button>
    </details>`;
}
