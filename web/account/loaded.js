// A value that a part of the account loads: loading, there, or failed.

import { Cancelled } from "../lib/errors.js";
import { wordsFor } from "../lib/texts.js";
import { failure, skeleton, toast } from "../lib/ui.js";

/** @typedef {import("../lib/html.js").Content} Content */

/** @template T */
export class Loaded {
    /** @type {T | undefined} */
    value = undefined;
    /** @type {unknown} */
    error = null;

    /** @param {() => Promise<T>} read @param {() => void} redraw */
    constructor(read, redraw) {
        this.read = read;
        this.redraw = redraw;
    }

    /** Loads the value, or loads it again. The old value is shown until then. */
    load = async () => {
        try {
            this.value = await this.read();
            this.error = null;
        } catch (error) {
            this.error = error;
        }
        this.redraw();
    };

    /** @param {(value: T) => Content} draw @param {number} [lines] */
    show(draw, lines = 3) {
        if (this.error !== null) return failure(this.error, this.load);
        return this.value === undefined ? skeleton(lines) : draw(this.value);
    }
}

/**
 * Does something for the user and says how it went.
 * @param {() => Promise<string | void>} work returns the words of success
 * @returns {Promise<boolean>}
 */
export async function attempt(work) {
    try {
        const words = await work();
        if (words) toast(words);
        return true;
    } catch (error) {
        toast(wordsFor(error), error instanceof Cancelled ? "info" : "bad");
        return false;
    }
}
