// What the views keep and do: the side that is open, the field, the place in the log. One per window.

import { meant, Remembered } from "./names.js";

/** @typedef {import("./hall.js").Hall} Hall */
/** @typedef {"" | "channels" | "people"} Side */

/** This near to an end of the log is at that end, in pixels. */
const NEAR = 48;
const NEAR_TOP = 240;

export class Desk {
    /** @type {Side} */
    side = "";
    /** The id of the element that gets the focus when it is drawn. */
    #focus = "";
    /** What is wrong with the message. */
    problem = "";
    /** What is wrong with the name of a channel. */
    nameProblem = "";
    /** The keys of long texts that are shown in full. @type {Set<string>} */
    opened = new Set();
    /** With a keyboard on glass there is no other way to begin a new line. */
    entersSend = !matchMedia("(pointer: coarse)").matches;

    /**
     * @param {Hall} hall
     * @param {{ changed: () => void, go: (channel: string | null) => void }} ways
     */
    constructor(hall, { changed, go }) {
        this.hall = hall;
        this.changed = changed;
        this.go = go;
        this.remembered = new Remembered(hall.session.user.id);
        this.onSubmit = this.onSubmit.bind(this);
        this.onInput = this.onInput.bind(this);
        this.onKey = this.onKey.bind(this);
        this.onOpen = this.onOpen.bind(this);
    }

    get channels() {
        const made = [...this.hall.byServer].filter((channel) => !this.remembered.channels.includes(channel));
        return [...this.remembered.channels, ...made];
    }

    get offline() {
        return !navigator.onLine;
    }

    /** Milliseconds since the connection was lost. */
    get awayFor() {
        return Math.max(1000, performance.now() - this.hall.since);
    }

    get unreadElsewhere() {
        return this.hall.unread - (this.hall.room?.unread ?? 0);
    }

    // --- the sides -----------------------------------------------------------------------------------------------------

    /** @param {Side} side */
    showSide(side) {
        if (this.side === side) return this.hideSide();
        this.side = side;
        this.#focus = `${side}-title`;
        this.changed();
    }

    hideSide() {
        if (this.side === "") return;
        this.#focus = `toggle-${this.side}`;
        this.side = "";
        this.changed();
    }

    /** @param {SubmitEvent} event */
    onOpen(event) {
        event.preventDefault();
        const field = /** @type {HTMLInputElement} */ (document.getElementById("channel-field"));
        const name = meant(field.value);
        this.nameProblem = "problem" in name ? name.problem : "";
        if ("channel" in name) {
            field.value = "";
            this.go(name.channel);
        } else {
            field.focus();
        }
        this.changed();
    }

    /** @param {string} channel */
    leave(channel) {
        const shown = this.hall.room?.channel === channel;
        this.remembered.remove(channel);
        this.hall.leave(channel);
        if (shown) this.go(this.channels[0] ?? null);
        this.changed();
    }

    // --- the field -----------------------------------------------------------------------------------------------------

    /** @param {Event} event */
    onInput(event) {
        const { room } = this.hall;
        if (!room) return;
        room.draft.text = /** @type {HTMLTextAreaElement} */ (event.target).value;
        this.problem = "";
        this.changed();
    }

    /** @param {KeyboardEvent} event */
    onKey(event) {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing || !this.entersSend) return;
        event.preventDefault();
        this.#send();
    }

    /** @param {SubmitEvent} event */
    onSubmit(event) {
        event.preventDefault();
        this.#send();
        document.getElementById("message-field")?.focus();
    }

    #send() {
        const { room } = this.hall;
        if (!room) return;
        const text = room.draft.text.trim();
        if (text === "") {
            this.problem = "Write a message first.";
        } else if (room.size(text) <= room.limit) {
            this.problem = "";
            room.draft.text = "";
            room.atEnd = true;
            room.send(text);
        }
        this.changed();
    }

    // --- the log -------------------------------------------------------------------------------------------------------

    get #log() {
        return document.getElementById("log");
    }

    /** The reader has scrolled. */
    scrolled() {
        const { room } = this.hall;
        const log = this.#log;
        if (!room || !log) return;
        const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
        if (log.scrollTop < NEAR_TOP && room.loaded && !room.historyError) room.loadOlder();
        if (atEnd === room.atEnd) return;
        room.atEnd = atEnd;
        if (atEnd) room.unread = 0;
        this.changed();
    }

    toNewest() {
        const { room } = this.hall;
        if (!room) return;
        room.atEnd = true;
        room.unread = 0;
        this.changed();
        this.#log?.focus();
    }

    /** @param {string} key */
    openText(key) {
        this.opened.add(key);
        this.changed();
    }

    /** Draws, and keeps the place of the reader: at the end, or at the message that was in view. @param {() => void} draw */
    keepPlace(draw) {
        const before = this.#log;
        const room = this.hall.room;
        const anchor = before && room && !room.atEnd ? anchorOf(before) : null;
        draw();
        if (this.#focus) document.getElementById(this.#focus)?.focus();
        this.#focus = "";
        const log = this.#log;
        if (!log || !room) return;
        if (room.atEnd) log.scrollTop = log.scrollHeight;
        else if (anchor) log.scrollTop += anchor.element.getBoundingClientRect().top - anchor.top;
    }
}

/** The first message in view, and where it is. @param {HTMLElement} log */
function anchorOf(log) {
    const edge = log.getBoundingClientRect().top;
    for (const element of log.querySelectorAll(".message, .log-note, .log-traffic")) {
        const { top, bottom } = element.getBoundingClientRect();
        if (bottom > edge) return { element, top };
    }
    return null;
}
