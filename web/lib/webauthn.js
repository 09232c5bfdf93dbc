// Passkeys: the three ceremonies, and the words for what goes wrong.
//
// A browser runs one ceremony at a time. The offer in the autofill of the user name waits for minutes, so every other ceremony
// ends it first, and the page may begin it again afterwards.

import { rest } from "./rest.js";
import { Problem } from "./errors.js";

/** @typedef {"cancelled" | "known" | "origin" | "unsupported" | "no-authenticator" | "none-here" | "failed"} Reason */
/** @typedef {import("../types/rest").Schema<"PasskeyAssertion">} Assertion */

/** @type {Record<Reason, string>} */
const WORDS = {
    cancelled: "The passkey request was cancelled, or it took too long. Nothing was changed.",
    known: "This device already has a passkey for your account. Use that one, or add a passkey on another device.",
    origin: "Passkeys do not work at this address. Open the page at the address of the server itself.",
    unsupported: "This browser cannot use passkeys.",
    "no-authenticator": "No authenticator is available here that can keep a passkey. Use a phone or a security key.",
    "none-here": "No passkey for this account was found on this device.",
    failed: "The passkey could not be used.",
};

/** A ceremony that did not succeed. The message is for people. */
export class PasskeyError extends Error {
    /** @param {Reason} reason @param {unknown} [cause] */
    constructor(reason, cause) {
        super(WORDS[reason], { cause });
        this.name = "PasskeyError";
        this.reason = reason;
    }
}

/** The end of an offer in the autofill: not an error for people. */
export class OfferEnded extends Error {
    /** @param {unknown} [cause] */
    constructor(cause) {
        super("The offer has ended.", { cause });
    }
}

/** How long an offer is good, in milliseconds: less than the five minutes of a ceremony. */
const OFFER_FOR = 240_000;

/** @type {AbortController | null} */
let offer = null;

/** Whether the browser knows passkeys. */
export function isSupported() {
    return typeof PublicKeyCredential === "function" && typeof navigator.credentials?.create === "function";
}

/** Whether the browser offers passkeys in the autofill of a user name. */
export async function offersInAutofill() {
    return isSupported() && await PublicKeyCredential.isConditionalMediationAvailable?.() === true;
}

/** Ends the offer in the autofill, if there is one. */
export function endOffer() {
    offer?.abort(new OfferEnded());
    offer = null;
}

/**
 * Adds a passkey to the account.
 * @param {{ name?: string, signal?: AbortSignal }} [options] the name by which the user knows it
 */
export async function register({ name, signal } = {}) {
    requireSupport();
    endOffer();
    const begun = await rest.post("/api/v1/webauthn/register/begin", { signal });
    const credential = await ceremony("create", () =>
        navigator.credentials.create({ publicKey: creationOptions(begun.publicKey), signal }));
    const body = { ceremony_id: begun.ceremony_id, credential: credential.toJSON(), name };
    return rest.post("/api/v1/webauthn/register/finish", { body, signal });
}

/**
 * Signs in with a passkey: with any of this server, with one of this user, or as the second factor of a challenge.
 * @param {{ username?: string, challengeId?: string, trustDevice?: boolean, signal?: AbortSignal }} [options]
 */
export async function signIn({ username, challengeId, trustDevice, signal } = {}) {
    requireSupport();
    endOffer();
    const begun = await begin(challengeId ? { challenge_id: challengeId } : { username: username || undefined }, signal);
    return finish(await prove(begun, { signal }), trustDevice, signal);
}

/**
 * Offers the passkeys of this device in the autofill of the user name. Waits until the user takes one; throws `OfferEnded` when
 * another ceremony begins, or if the server cannot begin one now: an offer that is not made is no error for people.
 */
export async function signInByAutofill() {
    requireSupport();
    endOffer();
    const own = offer = new AbortController();
    for (;;) {
        const begun = await begin({}, own.signal).catch((error) => { throw own.signal.aborted ? own.signal.reason : new OfferEnded(error); });
        const proof = await proofBefore(begun, own);
        if (proof === null) continue;
        if (offer === own) offer = null;
        return finish(proof);
    }
}

/**
 * The proof, or `null` when the ceremony has become too old and must begin anew.
 * @param {{ ceremony_id: string, publicKey: object }} begun @param {AbortController} whole
 * @returns {Promise<Assertion | null>}
 */
async function proofBefore(begun, whole) {
    const round = new AbortController();
    const timer = setTimeout(() => round.abort(), OFFER_FOR);
    try {
        return await prove(begun, { mediation: "conditional", signal: AbortSignal.any([whole.signal, round.signal]) });
    } catch (error) {
        if (whole.signal.aborted) throw whole.signal.reason;
        if (round.signal.aborted) return null;
        throw error;
    } finally {
        clearTimeout(timer);
    }
}

/** Proves presence for a step-up. @param {AbortSignal} [signal] @returns {Promise<Assertion>} */
export async function proveForStepUp(signal) {
    requireSupport();
    endOffer();
    return prove(await begin({ step_up: true }, signal), { signal });
}

function requireSupport() {
    if (!isSupported()) throw new PasskeyError("unsupported");
}

/** @param {import("../types/rest").Schema<"PasskeyBegin">} body @param {AbortSignal} [signal] */
function begin(body, signal) {
    return rest.post("/api/v1/webauthn/login/begin", { body, signal });
}

/** @param {Assertion} proof @param {boolean} [trustDevice] @param {AbortSignal} [signal] */
function finish(proof, trustDevice, signal) {
    const body = { ...proof, ...trustDevice ? { trust_device: true } : {} };
    return rest.post("/api/v1/webauthn/login/finish", { body, signal });
}

/** @param {{ ceremony_id: string, publicKey: object }} begun @param {CredentialRequestOptions} options @returns {Promise<Assertion>} */
async function prove(begun, options) {
    const credential = await ceremony("get", () =>
        navigator.credentials.get({ ...options, publicKey: requestOptions(begun.publicKey) }));
    return { ceremony_id: begun.ceremony_id, credential: /** @type {any} */ (credential.toJSON()) };
}

/** Runs the browser's part, and gives its errors words. @param {"create" | "get"} kind @param {() => Promise<Credential | null>} run */
async function ceremony(kind, run) {
    try {
        const credential = await run();
        if (credential instanceof PublicKeyCredential) return credential;
        throw new PasskeyError("failed");
    } catch (error) {
        if (error instanceof OfferEnded || error instanceof PasskeyError || error instanceof Problem) throw error;
        throw new PasskeyError(reasonOf(kind, error), error);
    }
}

/** @param {"create" | "get"} kind @param {unknown} error @returns {Reason} */
function reasonOf(kind, error) {
    switch (error instanceof DOMException ? error.name : "") {
        case "NotAllowedError":
        case "AbortError":
            return "cancelled";
        case "InvalidStateError":
            return kind === "create" ? "known" : "none-here";
        case "SecurityError":
            return "origin";
        case "NotSupportedError":
        case "ConstraintError":
            return "no-authenticator";
        default:
            return "failed";
    }
}

/** @param {any} json */
function creationOptions(json) {
    return PublicKeyCredential.parseCreationOptionsFromJSON?.(json) ?? {
        ...json,
        challenge: bytes(json.challenge),
        user: { ...json.user, id: bytes(json.user.id) },
        excludeCredentials: json.excludeCredentials?.map(withBytes),
    };
}

/** @param {any} json */
function requestOptions(json) {
    return PublicKeyCredential.parseRequestOptionsFromJSON?.(json) ?? {
        ...json,
        challenge: bytes(json.challenge),
        allowCredentials: json.allowCredentials?.map(withBytes),
    };
}

/** @param {any} descriptor */
function withBytes(descriptor) {
    return { ...descriptor, id: bytes(descriptor.id) };
}

/** Decodes base64url. @param {string} text */
function bytes(text) {
    const decoded = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
}
