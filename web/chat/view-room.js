// The room: its head, the log of messages, and the field for a new one. Views of `room.js`; what they need to keep is in `desk.js`.

import { counted, date, dateTime, number, relative } from "../lib/format.js";
import { html, live, nothing, repeat } from "../lib/html.js";
import { empty, icon, notice, tag } from "../lib/ui.js";
import { trafficWords } from "./messages.js";
import { keepMark, keepWords, period, refusalWords } from "./words.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./room.js").Room} Room */
/** @typedef {import("./messages.js").Line} Line */
/** @typedef {import("./messages.js").Message} Message */

/** Messages of one person within this time stand under one name; in milliseconds. */
const TOGETHER = 300_000;
/** Longer texts are cut, until the reader asks for the rest. */
const LONGEST = 1500;
/** From this part of the limit on, the length is shown. */
const NEARLY = 0.8;

/** @param {Desk} desk @param {Room} room */
export function roomView(desk, room) {
    return html`<section class="room" aria-labelledby="room-title">
        ${head(desk, room)}${strip(desk, room)}
        ${room.state === "refused" ? refused(desk, room) : html`${log(desk, room)}${composer(desk, room)}`}
    </section>`;
}

// --- the head ----------------------------------------------------------------------------------------------------------

/** @param {Desk} desk @param {Room} room */
function head(desk, room) {
    const people = room.people.known ? room.people.list.length : null;
    return html`<header class="room-head">
        ${toggle(desk, "channels", "menu", "Channels", desk.unreadElsewhere > 0 ? html`<span class="unread">${desk.unreadElsewhere}</span>` : nothing)}
        <div class="room-name"><h1 id="room-title" class="break">${room.channel}</h1>
            <p class="room-keeps">${mark(desk, room)}${keepMark(room.terms) ? tag(keepMark(room.terms), room.terms?.durable ? "accent" : "") : nothing}
                <span class="room-promise" id="room-promise">${room.state === "opening" ? nothing : keepWords(room.terms, room.recoverable)}</span></p></div>
        ${toggle(desk, "people", "people", "People", people === null ? nothing : html`<span class="numbers">${people}</span>`)}
    </header>`;
}

/**
 * The button that shows a side in a narrow window.
 * @param {Desk} desk @param {"channels" | "people"} side @param {string} sign @param {string} name @param {import("../lib/html.js").Content} count
 */
function toggle(desk, side, sign, name, count) {
    return html`<button type="button" class="button button-small side-toggle side-toggle-${side}" id="toggle-${side}" aria-controls="side-${side}"
        aria-expanded=${desk.side === side ? "true" : "false"} @click=${() => desk.showSide(side)}>${icon(sign)}<span class="side-toggle-name">${name}</span>${count}</button>`;
}

/** @param {Desk} desk @param {Room} room */
function mark(desk, room) {
    const [state, words] = {
        opening: ["connecting", "Opening"],
        live: ["live", "Live"],
        held: ["stale", "Held back"],
        resuming: ["stale", desk.offline ? "Offline" : "Reconnecting"],
        refused: ["ended", "Closed"],
    }[room.state];
    return html`<span class="live live-${state}" data-state=${room.state}><span class="live-dot"></span>${words}</span>`;
}

/** What is the matter with the connection. The seconds are for the eye; a screen reader would read each of them. @param {Desk} desk @param {Room} room */
function strip(desk, room) {
    return html`<div role="status">${stripContent(desk, room)}</div>`;
}

/** @param {Desk} desk @param {Room} room */
function stripContent(desk, room) {
    if (room.state === "held") {
        return html`<div class="strip">${icon("warning")}<p>The server holds messages back until it is sure again who may read them. Nothing is lost.</p></div>`;
    }
    if (room.state === "opening" && room.trouble) {
        return html`<div class="strip"><span class="spinner" aria-hidden="true"></span><p>${room.trouble} This window tries again by itself.</p></div>`;
    }
    if (room.state !== "resuming") return nothing;
    return html`<div class="strip"><span class="spinner" aria-hidden="true"></span><p>${desk.hall.lossWords} Reconnecting
        <span class="numbers" aria-hidden="true">for ${period(desk.awayFor)}</span>. Messages that you write now are sent when the connection is back.</p></div>`;
}

/** @param {Desk} desk @param {Room} room */
function refused(desk, room) {
    return html`<div class="room-refused">${empty({
        icon: "lock",
        title: "This channel does not open",
        text: room.refusal,
        action: html`<div class="actions"><button type="button" class="button" @click=${() => room.open(false)}>Try again</button>
            <button type="button" class="button" @click=${() => desk.leave(room.channel)}>Remove it from the list</button></div>`,
    })}</div>`;
}

// --- the log -----------------------------------------------------------------------------------------------------------

/** @param {Desk} desk @param {Room} room */
function log(desk, room) {
    const rows = rowsOf([...room.lines.all, ...room.outbox]);
    return html`<div class="log-frame">
        <div class="log" id="log" role="log" aria-live="off" aria-label="Messages in ${room.channel}" aria-busy=${room.loading ? "true" : "false"} tabindex="0"
            @scroll=${() => desk.scrolled()}>
            <div class="log-top">${top(room)}</div>
            ${room.loaded && rows.length === 0 ? empty({ icon: "chat", title: "Nothing was said here yet", text: "The first message is yours." }) : nothing}
            ${repeat(rows, ({ line }) => line.key, ({ line, day, together }) => html`${day ? html`<p class="log-day"><span>${day}</span></p>` : nothing}
                ${lineView(line, { together, desk, room })}`)}
        </div>
        ${room.atEnd ? nothing : html`<button type="button" class="button button-small log-newest" @click=${() => desk.toNewest()}>
            ${room.unread > 0 ? counted(room.unread, "new message") : "Newest messages"} <span aria-hidden="true">↓</span></button>`}
    </div>`;
}

/** @param {Room} room */
function top(room) {
    if (room.historyError) {
        return notice("warn", html`<p>Earlier messages cannot be loaded. ${refusalWords(room.historyError)}</p>
            <button type="button" class="button button-small" @click=${() => room.loadOlder()}>Try again</button>`);
    }
    if (room.loading) return html`<p class="soft small"><span class="spinner" aria-hidden="true"></span> Loading messages</p>`;
    if (!room.loaded) return nothing;
    if (!room.complete) return html`<button type="button" class="button button-small" @click=${() => room.loadOlder()}>Earlier messages</button>`;
    return room.lines.oldest === undefined ? nothing : html`<p class="soft small">This is the first message that is kept.</p>`;
}

/** The lines, with what the line before makes of them. @param {Line[]} lines */
function rowsOf(lines) {
    let dayBefore = "";
    /** @type {Line | undefined} */
    let before;
    return lines.map((line) => {
        const day = line.kind === "message" && line.at > 0 ? date(line.at) : dayBefore;
        const row = { line, day: day !== dayBefore ? day : "", together: day === dayBefore && isTogether(before, line) };
        dayBefore = day;
        before = line;
        return row;
    });
}

/** @param {Line | undefined} before @param {Line} line */
function isTogether(before, line) {
    return before?.kind === "message" && line.kind === "message" && before.author === line.author && before.name === line.name
        && Math.abs(line.at - before.at) < TOGETHER;
}

/** @param {Line} line @param {{ together?: boolean, desk?: Desk, room?: Room }} [context] */
export function lineView(line, { together = false, desk, room } = {}) {
    if (line.kind === "note") return html`<p class="log-note log-note-${line.tone}">${icon(line.tone === "good" ? "check" : line.tone === "warn" ? "warning" : "info")}<span>${line.text}</span></p>`;
    if (line.kind === "traffic") return html`<p class="log-traffic"><bdi>${trafficWords(line)}</bdi> <time>${clock(line.at)}</time></p>`;
    return messageView(line, together, desk, room);
}

/** @param {number} at */
function clock(at) {
    return at > 0 ? new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short" }).format(at) : "";
}

/** @param {Message} message @param {boolean} together @param {Desk} [desk] @param {Room} [room] */
function messageView(message, together, desk, room) {
    const { name, mine, at, raw, state } = message;
    const failed = state === "failed" || state === "unknown";
    return html`<div class="message ${mine ? "message-mine" : ""} ${together ? "message-together" : ""} ${failed ? "message-failed" : ""}"
        data-state=${state ?? nothing} data-offset=${message.offset ?? nothing}>
        <p class="${together ? "visually-hidden" : "message-head"}"><bdi class="message-name">${name}</bdi>
            ${at > 0 ? html`<time datetime=${new Date(at).toISOString()} title="${dateTime(at)} (${relative(at)})">${clock(at)}</time>` : nothing}</p>
        <div class="message-text ${raw ? "mono" : ""}" dir="auto">${textView(message, desk)}</div>
        ${state === "waiting" ? html`<p class="message-state">${icon("history")}Waits for the connection</p>` : nothing}
        ${state === "sending" ? html`<p class="message-state"><span class="spinner" aria-hidden="true"></span>Sending</p>` : nothing}
        ${failed && room ? html`<div class="message-state message-state-bad">
            <span class="message-reason">${icon("warning")}${state === "failed" ? "Not sent. " : ""}${message.reason}</span>
            <button type="button" class="button-link" @click=${() => room.sendAgain(message)}>Send again</button>
            <button type="button" class="button-link" @click=${() => room.discard(message)}>Discard</button></div>` : nothing}
    </div>`;
}

/** @param {Message} message @param {Desk} [desk] */
function textView({ key, text }, desk) {
    if (text.length <= LONGEST || !desk || desk.opened.has(key)) return text;
    return html`${text.slice(0, LONGEST)}… <button type="button" class="button-link" @click=${() => desk.openText(key)}>Show all ${number(text.length)} characters</button>`;
}

// --- the field ---------------------------------------------------------------------------------------------------------

/** @param {Desk} desk @param {Room} room */
function composer(desk, room) {
    if (!room.mayPublish) return html`<p class="composer-closed soft">${icon("lock")} You can read here, and only the server or others may write.</p>`;
    const text = room.draft.text;
    const size = room.size(text);
    const nearly = size > room.limit * NEARLY;
    const tooLong = size > room.limit;
    const problem = desk.problem || (tooLong ? `Too long: ${number(size)} of ${number(room.limit)} bytes.` : "");
    return html`<form class="composer" @submit=${desk.onSubmit}>
        <label class="visually-hidden" for="message-field">Message to ${room.channel}</label>
        <textarea class="textarea" id="message-field" name="message" rows="1" placeholder="Write a message" .value=${live(text)} autocomplete="off"
            aria-invalid=${problem ? "true" : "false"} aria-describedby="message-hint message-problem" enterkeyhint="send"
            @input=${desk.onInput} @keydown=${desk.onKey}></textarea>
        <button type="submit" class="button button-primary" aria-label="Send">${icon("send")}<span class="composer-send">Send</span></button>
        <p class="composer-hint hint" id="message-hint">${desk.entersSend ? html`<kbd>Enter</kbd> sends, <kbd>Shift</kbd> <kbd>Enter</kbd> begins a new line.` : "Enter begins a new line."}
            ${nearly && !tooLong ? html`<span class="numbers">${number(size)} of ${number(room.limit)} bytes.</span>` : nothing}</p>
        <p class="error composer-error" id="message-problem" role="alert">${problem ? html`${icon("warning")}${problem}` : nothing}</p>
    </form>`;
}
