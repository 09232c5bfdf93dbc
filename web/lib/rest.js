// The client of REST: everything that a request of a page needs.
//
// - Cookies carry the session; the CSRF token is kept here, and renewed once when the server refuses it.
// - An expired access token is renewed once, by one tab at a time (a Web Lock); the other tabs hear of it.
// - A request that the server cannot answer now is repeated after `Retry-After`, if repeating it is harmless.
// - A request that needs a step-up opens the dialog of the page, and then goes on.
// - Every failure is one of the errors of `errors.js`.
//
// A page of this server uses `rest`. A page of another allowed origin makes its own: `createRest({ origin: "https://…" })`.

import { Cancelled, Problem, TimedOut, Unreachable } from "./errors.js";

/** @typedef {import("../types/rest").Rest} Rest */
/** @typedef {import("../types/rest").News} News */
/** @typedef {import("../types/rest").CommonOptions} CommonOptions */
/** @typedef {CommonOptions & { path?: object, query?: object, body?: unknown }} AnyOptions */
/** @typedef {{ body: any, headers: Headers }} Answer */

const TIMEOUT = 15_000;
/** The longest `Retry-After` that is waited for, in seconds. A longer one is for the user. */
const LONGEST_WAIT = 5;
const MOST_REPEATS = 2;
const CSRF_CODES = ["csrf_token_missing", "csrf_token_mismatch", "csrf_token_expired", "csrf_token_invalid"];
/** The refusals that a new access token may end. */
const RENEWABLE = ["not_authenticated", "token_expired", "invalid_token"];
/** The refusals that mean that the session is over. Other refusals with 401 are about a password, a code or a passkey. */
const OVER = ["token_revoked", "tokens_invalidated", "session_unknown", "session_expired", "session_revoked", "session_ended"];
const AUTH = "/api/v1/auth/";
/** The moment of the last renewal by any tab, in the storage that tabs share. */
const STAMP = "portcullis.renewed";
/** Whether there is a session in this browser: "in" or "out". Only saves requests; the server decides. */
export const HINT = "portcullis.session";

/** @param {number} ms @param {AbortSignal} [signal] */
function pause(ms, signal) {
    return new Promise((done, failed) => {
        const timer = setTimeout(done, ms);
        signal?.addEventListener("abort", () => { clearTimeout(timer); failed(signal.reason); }, { once: true });
    });
}

/** The storage that tabs share; a browser may forbid it. */
const shared = {
    /** @param {string} key */
    get(key) {
        try { return localStorage.getItem(key); } catch { return null; }
    },
    /** @param {string} key @param {string} value */
    set(key, value) {
        try { localStorage.setItem(key, value); } catch { /* The tabs then renew one after the other. */ }
    },
};

/** @param {string} name @param {() => Promise<any>} work */
function alone(name, work) {
    return navigator.locks ? navigator.locks.request(name, work) : work();
}

/**
 * Fills in `{name}` in the path, and adds the query. Values that are `undefined`, `null` or empty are left out of the query.
 * @param {string} path
 * @param {AnyOptions} options
 */
export function address(path, { path: values = {}, query = {} } = {}) {
    const filled = path.replace(/\{(\w+)\}/g, (_, name) => {
        const value = /** @type {Record<string, unknown>} */ (values)[name];
        if (value === undefined) throw new TypeError(`${path}: ${name} is missing`);
        return encodeURIComponent(String(value));
    });
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== undefined && value !== null && value !== "") search.append(name, String(value));
    }
    const text = search.toString();
    return text ? `${filled}?${text}` : filled;
}

/**
 * A client for the server at this origin: without one, the page's own server.
 * @param {{ origin?: string }} [settings]
 * @returns {Rest}
 */
export function createRest({ origin = "" } = {}) {
    /** @type {string | null} */
    let csrf = null;
    /** @type {(problem: Problem) => Promise<boolean>} */
    let stepUp = async () => false;
    /** @type {(problem: Problem) => void} */
    let signedOut = () => {};
    /** @type {Promise<boolean> | null} */
    let steppingUp = null;
    const channel = new BroadcastChannel(`portcullis${origin}`);
    /** @type {Set<(news: News) => void>} */
    const listeners = new Set();

    channel.addEventListener("message", ({ data }) => {
        if (data.kind !== "renewed") csrf = null;
        for (const listener of listeners) listener(data);
    });

    /** @param {News["kind"]} kind */
    function tell(kind) {
        if (kind !== "renewed") csrf = null;
        shared.set(HINT, kind === "signed-out" ? "out" : "in");
        channel.postMessage({ kind });
    }

    /**
     * One request, without repeating anything.
     * @param {string} method @param {string} url @param {AnyOptions} options @param {Record<string, string>} [headers]
     * @returns {Promise<Answer>}
     */
    async function once(method, url, options, headers = {}) {
        /** @type {RequestInit & { headers: Record<string, string> }} */
        const init = { method, credentials: origin ? "include" : "same-origin", headers: { Accept: "application/json", ...headers } };
        if (options.body !== undefined) {
            init.headers["Content-Type"] = "application/json";
            init.body = JSON.stringify(options.body);
        }
        const limit = AbortSignal.timeout(options.timeout ?? TIMEOUT);
        init.signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
        try {
            const response = await fetch(origin + url, init);
            const text = await response.text();
            return read(response, text);
        } catch (error) {
            if (error instanceof Problem || options.signal?.aborted) throw error;
            throw limit.aborted ? new TimedOut() : new Unreachable(error);
        }
    }

    /** @param {Response} response @param {string} text @returns {Answer} */
    function read(response, text) {
        csrf = response.headers.get("X-CSRF-Token") ?? csrf;
        const isJson = /[/+]json\b/.test(response.headers.get("Content-Type") ?? "");
        const body = isJson && text ? JSON.parse(text) : undefined;
        if (!response.ok) {
            const seconds = Number(response.headers.get("Retry-After") ?? NaN);
            throw new Problem(response.status, body ?? {}, Number.isFinite(seconds) ? seconds : null);
        }
        if (typeof body?.csrf_token === "string") csrf = body.csrf_token;
        return { body: body ?? (text || undefined), headers: response.headers };
    }

    /** Waits and repeats while the server cannot answer. @param {string} method @param {string} url @param {AnyOptions} options @param {Record<string, string>} headers */
    async function patiently(method, url, options, headers) {
        const harmless = method === "GET" || "Idempotency-Key" in headers;
        for (let repeats = 0; ; repeats++) {
            try {
                return await once(method, url, options, headers);
            } catch (error) {
                const wait = waitAfter(error, repeats);
                if (!harmless || wait === null || repeats === MOST_REPEATS) throw error;
                await pause(wait, options.signal);
            }
        }
    }

    /** Milliseconds until the request may be repeated; `null` if it should not. @param {unknown} error @param {number} repeats */
    function waitAfter(error, repeats) {
        if (error instanceof Unreachable) return 300 * 2 ** repeats;
        if (!(error instanceof Problem) || ![429, 503].includes(error.status)) return null;
        const seconds = error.retryAfter ?? 1;
        return seconds <= LONGEST_WAIT ? seconds * 1000 : null;
    }

    /** A request with the CSRF token, which is renewed once. @param {string} method @param {string} url @param {AnyOptions} options @param {Record<string, string>} headers */
    async function protectedly(method, url, options, headers) {
        if (method === "GET" || method === "HEAD") return patiently(method, url, options, headers);
        if (csrf === null) await fetchCsrf();
        const sent = csrf;
        try {
            return await patiently(method, url, options, { ...headers, "X-CSRF-Token": sent ?? "" });
        } catch (error) {
            if (!(error instanceof Problem) || !CSRF_CODES.includes(error.code)) throw error;
            // The refusal carries a token that fits. If it does not, a new one is fetched.
            if (csrf === sent) await fetchCsrf();
            return await patiently(method, url, options, { ...headers, "X-CSRF-Token": csrf ?? "" });
        }
    }

    async function fetchCsrf() {
        csrf = null;
        await patiently("GET", `${AUTH}csrf-token`, {}, {});
    }

    /** @param {string} method @param {string} path @param {AnyOptions} [options] */
    async function request(method, path, options = {}) {
        const url = address(path, options);
        /** @type {Record<string, string>} */
        const headers = options.idempotent ? { "Idempotency-Key": crypto.randomUUID() } : {};
        const began = Date.now();
        const send = async () => (await protectedly(method, url, options, headers)).body;
        try {
            return await withStepUp(send, options);
        } catch (error) {
            if (!(error instanceof Problem) || error.status !== 401 || options.renew === false) throw error;
            const renewable = RENEWABLE.includes(error.code);
            if (!renewable && !OVER.includes(error.code)) throw error;
            const renewed = renewable && await renewSince(began);
            if (!renewed) {
                tell("signed-out");
                signedOut(error);
                throw error;
            }
            return await withStepUp(send, options);
        }
    }

    /** Sends, and sends again after the step-up that the server asks for. @param {() => Promise<any>} send @param {AnyOptions} options */
    async function withStepUp(send, options) {
        try {
            return await send();
        } catch (error) {
            if (!(error instanceof Problem) || error.code !== "step_up_required" || options.stepUp === false) throw error;
            steppingUp ??= stepUp(error).finally(() => { steppingUp = null; });
            if (!await steppingUp) throw new Cancelled();
            return send();
        }
    }

    /** Renews the access token, unless a tab has done so since this moment. `false` without a session. @param {number} moment @returns {Promise<boolean>} */
    async function renewSince(moment) {
        return alone(`portcullis.renew${origin}`, async () => {
            if (Number(shared.get(STAMP) ?? 0) > moment) return true;
            return (await exchange()) !== null;
        });
    }

    /** Exchanges the refresh token. `null` without a session. @returns {Promise<string | null>} the access token */
    async function exchange() {
        try {
            const { body } = await protectedly("POST", `${AUTH}refresh`, {}, {});
            shared.set(STAMP, String(Date.now()));
            tell("renewed");
            return body.access_token;
        } catch (error) {
            if (!(error instanceof Problem) || error.status !== 401) throw error;
            // Another tab may have replaced the token by a step-up while this request was on its way.
            if (error.code === "refresh_superseded") return (await protectedly("POST", `${AUTH}refresh`, {}, {})).body.access_token;
            return null;
        }
    }

    /** @param {string} method */
    const by = (method) => /** @type {any} */ ((/** @type {string} */ path, /** @type {AnyOptions} */ options) => request(method, path, options));
    return {
        get: by("GET"),
        post: by("POST"),
        put: by("PUT"),
        patch: by("PATCH"),
        delete: by("DELETE"),
        request,
        renew: () => renewSince(Date.now()),
        freshToken: async () => {
            const token = await alone(`portcullis.renew${origin}`, exchange);
            if (token === null) throw new Problem(401, { code: "session_ended", detail: "The session has ended. Sign in again." });
            return token;
        },
        onStepUp: (hook) => { stepUp = hook; },
        onSignedOut: (hook) => { signedOut = hook; },
        forgetCsrf: () => { csrf = null; },
        tell,
        listen: (listener) => {
            listeners.add(listener);
            return () => listeners.delete(listener);
        },
    };
}

/** The client of the pages of this server. */
export const rest = createRest();
