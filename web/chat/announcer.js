// What a screen reader says about new messages: each one if there are few, and a summary if there are many.

import { counted } from "../lib/format.js";
import { announce } from "../lib/ui.js";

/** @typedef {import("./messages.js").Message} Message */

/** The shortest time between two announcements, in milliseconds. */
const PAUSE = 2500;
/** More messages than this are counted, not read. */
const MOST_READ = 2;
/** The longest text that is read in full. */
const LONGEST = 240;

export class Announcer {
    /** @type {Message[]} */
    #heard = [];
    #last = -Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;

    /** A message of somebody else. @param {Message} message */
    heard(message) {
        this.#heard.push(message);
        const wait = Math.max(0, this.#last + PAUSE - performance.now());
        this.#timer ??= setTimeout(() => this.#tell(), wait);
    }

    #tell() {
        this.#timer = undefined;
        const heard = this.#heard.splice(0);
        const last = heard.at(-1);
        if (!last) return;
        const read = heard.map(({ name, text }) => `${name}: ${text.slice(0, LONGEST)}`);
        this.say(heard.length <= MOST_READ ? read.join(" ") : `${counted(heard.length, "new message")}, the last one from ${last.name}.`);
    }

    /** Something else that should be heard. @param {string} words */
    say(words) {
        this.#last = performance.now();
        announce(words);
    }

    /** Forgets what was not read out yet. */
    silence() {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#heard = [];
    }
}
