// Words for the ways, outcomes and risks of sign-ins.

/** The icon of a device. @param {string | null | undefined} description its name or its user agent */
export function deviceIcon(description) {
    return /iphone|ipad|android|phone/i.test(description ?? "") ? "phone" : "device";
}

/** @type {Record<string, string>} */
export const METHODS = {
    password: "Password",
    second_factor: "Password and second factor",
    passkey: "Passkey",
    drill: "Drill of the server",
};

/** @type {Record<string, { words: string, kind: "good" | "warn" | "bad" | "" }>} */
export const OUTCOMES = {
    success: { words: "Signed in", kind: "good" },
    challenged: { words: "Password right, second proof asked for", kind: "" },
    unknown_account: { words: "Unknown account", kind: "warn" },
    wrong_password: { words: "Wrong password", kind: "warn" },
    wrong_factor: { words: "Wrong second proof", kind: "warn" },
    inactive_account: { words: "Refused: the account is not active", kind: "bad" },
    superseded: { words: "Replaced by another request", kind: "" },
    risk_refused: { words: "Refused: too unusual", kind: "bad" },
    credential_cloned: { words: "Refused: the passkey may have been copied", kind: "bad" },
    invalid_passkey: { words: "Wrong passkey", kind: "warn" },
};

/** @type {Record<string, string>} */
export const REASONS = {
    new_device: "a device that was never used before",
    fingerprint_changed: "a browser that looks different from before",
    new_network: "a network that was never used before",
    new_country: "a country that was never used before",
    impossible_travel: "too far from the last sign-in for the time in between",
    unusual_hour: "an unusual hour",
    recent_failures: "failed attempts shortly before",
    many_failures: "many failed attempts shortly before",
    many_accounts: "attempts on many accounts from the same address",
};
