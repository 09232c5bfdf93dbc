// Live values: server-sent events and polling, both with a mark that says when the values are stale.

import { rest } from "./rest.js";
import { Problem } from "./errors.js";

/** @typedef {"connecting" | "live" | "stale" | "ended"} State */

/** The pauses between attempts to open a stream again, in milliseconds. */
const PAUSES = [500, 1000, 2000, 5000, 10_000];

/**
 * Follows a stream of server-sent events. A stream that breaks is opened again, from the last event on; an expired access token
 * is renewed first.
 * @param {string} url
 * @param {{ onEvent: (event: MessageEvent) => void, onState?: (state: State) => void, events?: string[], staleAfter?: number,
 *   resume?: (last: string) => [string, string] }} options
 *   `events`: names of events beside `message`; `staleAfter`: milliseconds of silence after which the values are stale, for streams
 *   that send a sign of life; `resume`: the parameter with which a new request goes on after the event with this id
 * @returns {{ close(): void }}
 */
export function follow(url, { onEvent, onState = () => {}, events = [], staleAfter = Infinity, resume = (id) => ["last_event_id", id] }) {
    /** @type {EventSource | null} */
    let source = null;
    let failures = 0;
    let closed = false;
    let last = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let silence;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let again;

    function sign() {
        onState("live");
        clearTimeout(silence);
        if (staleAfter !== Infinity) silence = setTimeout(() => onState("stale"), staleAfter);
    }

    /** @param {MessageEvent} event */
    function take(event) {
        last = event.lastEventId || last;
        sign();
        onEvent(event);
    }

    function open() {
        onState(failures ? "stale" : "connecting");
        const from = last ? `${url.includes("?") ? "&" : "?"}${new URLSearchParams([resume(last)])}` : "";
        source = new EventSource(failures && last ? url + from : url);
        source.onopen = () => { failures = 0; sign(); };
        for (const name of ["message", ...events]) source.addEventListener(name, take);
        source.onerror = () => {
            onState("stale");
            // The browser opens a broken stream itself, with `Last-Event-ID`. A refusal closes it for good.
            if (source?.readyState === EventSource.CLOSED) retry();
        };
    }

    async function retry() {
        source?.close();
        const wait = PAUSES[Math.min(failures++, PAUSES.length - 1)];
        const renewed = await rest.renew().catch((error) => !(error instanceof Problem && error.status === 401));
        if (closed) return;
        if (!renewed) return onState("ended");
        again = setTimeout(open, wait);
    }

    open();
    return {
        close() {
            closed = true;
            source?.close();
            clearTimeout(silence);
            clearTimeout(again);
        },
    };
}

/**
 * Reads a value again and again, and marks it stale when that fails. A hidden page does not read; it reads at once when it is
 * shown again.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} read
 * @param {{ every: number, onValue: (value: T) => void, onState?: (state: State, error?: unknown) => void }} options `every`: milliseconds
 * @returns {{ now(): Promise<void>, close(): void }}
 */
export function poll(read, { every, onValue, onState = () => {} }) {
    const ended = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** @type {Promise<void> | null} */
    let reading = null;

    async function round() {
        clearTimeout(timer);
        try {
            const value = await read(ended.signal);
            if (ended.signal.aborted) return;
            onValue(value);
            onState("live");
        } catch (error) {
            if (ended.signal.aborted) return;
            onState(error instanceof Problem && error.status === 401 ? "ended" : "stale", error);
            if (error instanceof Problem && error.status === 401) return;
        }
        if (document.visibilityState === "visible") timer = setTimeout(now, every);
    }

    function now() {
        reading ??= round().finally(() => { reading = null; });
        return reading;
    }

    document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "visible") now();
        else clearTimeout(timer);
    }, { signal: ended.signal });
    onState("connecting");
    now();
    return {
        now,
        close() {
            ended.abort();
            clearTimeout(timer);
        },
    };
}
