// The errors of requests. Every module that sends requests throws one of these; `texts.js` has their words for people.

/** @typedef {{ type?: string, title?: string, status?: number, detail?: string, code?: string, request_id?: string, methods?: string[] }} ProblemDocument */

/** The server refused the request: a problem document (RFC 9457). */
export class Problem extends Error {
    /**
     * @param {number} status
     * @param {ProblemDocument} document
     * @param {number | null} [retryAfter] seconds
     */
    constructor(status, document, retryAfter = null) {
        super(document.detail ?? document.title ?? `The server answered ${status}.`);
        this.name = "Problem";
        this.status = status;
        /** A stable name in snake case. */
        this.code = document.code ?? `status_${status}`;
        this.title = document.title ?? "";
        this.detail = document.detail ?? "";
        /** The id of the request, which the server's log has, too. */
        this.requestId = document.request_id ?? "";
        /** The ways of a step-up, for `step_up_required`. */
        this.methods = document.methods ?? [];
        this.retryAfter = retryAfter;
    }
}

/** The server was not reached. */
export class Unreachable extends Error {
    /** @param {unknown} [cause] */
    constructor(cause) {
        super("The server cannot be reached.", { cause });
        this.name = "Unreachable";
    }
}

/** The server did not answer in time. */
export class TimedOut extends Error {
    constructor() {
        super("The server did not answer in time.");
        this.name = "TimedOut";
    }
}

/** The user closed the dialog of a step-up. Nothing was done. */
export class Cancelled extends Error {
    constructor() {
        super("Cancelled. Nothing was changed.");
        this.name = "Cancelled";
    }
}

/**
 * Whether the error is a problem with one of these codes.
 * @param {unknown} error
 * @param {...string} codes
 * @returns {error is Problem}
 */
export function isProblem(error, ...codes) {
    return error instanceof Problem && (codes.length === 0 || codes.includes(error.code));
}
