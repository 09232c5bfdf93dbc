// The words for problems. One table per language; English is complete, and the fallback of every other table.
//
// A code that is in no table shows the title and the detail of the problem, which the server writes for people.

import { Cancelled, Problem, TimedOut, Unreachable } from "./errors.js";

/** @type {Record<string, string>} */
const EN = {
    account_inactive: "This account is not active. Ask the operators of this server.",
    admin_required: "Only admins may do this.",
    auditor_required: "This is for auditors and admins.",
    bad_request: "The server could not understand the request. Reload the page, and try again.",
    ceremony_expired: "The passkey request took too long. Try again.",
    changed_meanwhile: "This was changed in another place at the same time. Look at it again.",
    client_certificate_required: "This part of the server needs a client certificate.",
    connection_limit: "There are too many connections. Close some windows, and try again.",
    csrf_token_expired: "The page was open for too long. Reload it, and try again.",
    csrf_token_invalid: "The page belongs to an earlier session. Reload it, and try again.",
    csrf_token_mismatch: "The page belongs to an earlier session. Reload it, and try again.",
    csrf_token_missing: "The page belongs to an earlier session. Reload it, and try again.",
    drill_running: "A drill of this node is running already.",
    email_taken: "There is already an account with this address.",
    erasure_requested: "The erasure of this account is requested already.",
    factor_gone: "This factor does not exist any more.",
    insufficient_scope: "Your session does not permit this.",
    internal: "Something went wrong on the server. Try again; if it happens again, tell the operators the request's number.",
    invalid_body: "A field is missing or has a wrong value.",
    invalid_credentials: "The address or the password is wrong.",
    invalid_cursor: "This page of the list does not exist any more. Go to the first page.",
    invalid_display_name: "This name is too long or has characters that are not permitted.",
    invalid_email: "This is not an e-mail address.",
    invalid_label: "The name is empty or too long.",
    invalid_language: "There are no messages in this language.",
    invalid_link: "This link is not valid any more: it was used, has expired, or the account has changed since. Ask for a new one.",
    invalid_name: "The name is empty or too long.",
    invalid_network: "This is neither an address nor a network.",
    invalid_second_factor: "This code is wrong, expired or already used. Wait for the next code, and try again.",
    last_admin: "This is the last active admin, who stays one.",
    last_factor: "Without this you could not sign in any more. Add another way to sign in first.",
    mail_unavailable: "This server sends no messages. Ask its operators.",
    name_taken: "This name is taken.",
    network_too_wide: "This network is too wide.",
    no_history: "This channel keeps no history.",
    no_passkey: "This account has no passkey that can be used here.",
    no_receipt: "This revocation has no receipt: it was made by an older release.",
    no_second_factor: "Set up an authenticator app or a passkey first.",
    not_authenticated: "Sign in first.",
    not_found: "This does not exist, or not any more.",
    not_permitted: "Your role does not permit this.",
    operator_required: "This is for operators.",
    origin_not_allowed: "The server does not accept requests from this address. Open the page at the server's own address.",
    outcome_unknown: "The server does not know whether the change was made. Look before you try again.",
    own_account: "This is your own account. Another admin can change it.",
    own_address: "Your own address belongs to this network, so a ban would lock you out.",
    passkey_known: "This passkey is already added.",
    passkey_refused: "The server did not accept this passkey. It may have been removed from the account.",
    passkey_suspended: "This passkey may have been copied, and is suspended. Sign in another way, and remove it.",
    password_guessable: "This password is easy to guess. A few unrelated words make a good one.",
    password_too_long: "This password is too long.",
    password_too_short: "Use at least 8 characters.",
    refresh_reused: "Your session was used from two places, so it was ended to protect you. Sign in again.",
    registration_closed: "This server does not accept new accounts.",
    request_in_progress: "The same request is being carried out. Wait a moment.",
    session_ended: "Your session has ended. Sign in again.",
    session_expired: "Your session was unused for too long. Sign in again.",
    session_revoked: "Your session was revoked. Sign in again.",
    session_unknown: "Your session does not exist any more. Sign in again.",
    sign_in_required: "Sign in again to do this.",
    step_up_required: "Confirm first that it is you.",
    token_expired: "Your session has expired. Sign in again.",
    token_revoked: "Your session was revoked. Sign in again.",
    tokens_invalidated: "Your session was revoked. Sign in again.",
    tokens_renewed: "The change was made. Reload the page.",
    too_many_passkeys: "This account has as many passkeys as it may have. Remove one first.",
    totp_already_active: "There is already an authenticator app.",
    totp_not_begun: "The setup has expired. Begin again.",
    user_blocked: "This account is blocked.",
    user_verification_required: "The authenticator must check that it is you, by PIN or fingerprint.",
};

/** @type {Record<string, Record<string, string>>} */
const TABLES = { en: EN };

/** Adds a table for a language, such as `de`. @param {string} language @param {Record<string, string>} table */
export function addLanguage(language, table) {
    TABLES[language] = table;
}

function table() {
    const language = document.documentElement.lang.split("-")[0];
    return TABLES[language] ?? EN;
}

/**
 * What went wrong, in words for people.
 * @param {unknown} error
 * @returns {string}
 */
export function wordsFor(error) {
    if (error instanceof Problem) return wordsForProblem(error);
    if (error instanceof Unreachable) return "The server cannot be reached. Check your connection, and try again.";
    if (error instanceof TimedOut) return "The server did not answer in time. Try again.";
    if (error instanceof Cancelled) return error.message;
    if (error instanceof Error && error.name === "PasskeyError") return error.message;
    return "Something went wrong on this page. Reload it, and try again.";
}

/** @param {Problem} problem */
function wordsForProblem(problem) {
    if (problem.status === 429) return `Too many attempts. ${tryAgain(problem.retryAfter)}`;
    if (problem.status === 503) return `The server cannot answer at the moment. ${tryAgain(problem.retryAfter)}`;
    const known = table()[problem.code] ?? EN[problem.code];
    const words = known ?? [problem.title, problem.detail].filter(Boolean).join(": ");
    const number = problem.status >= 500 && problem.requestId ? ` (request ${problem.requestId})` : "";
    return (words || `The server answered ${problem.status}.`) + number;
}

/** @param {number | null} seconds */
function tryAgain(seconds) {
    if (seconds === null) return "Try again in a moment.";
    if (seconds < 90) return `Try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
    return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
}
