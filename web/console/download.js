// Files that the console makes: exports of lists, receipts, proofs.

/** Saves a file. @param {string} name @param {string} content @param {string} type */
export function save(name, content, type) {
    const address = URL.createObjectURL(new Blob([content], { type }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    // The browser has taken the content when the click returns; a moment more does no harm.
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Saves a value as JSON. @param {string} name @param {unknown} value */
export function saveJson(name, value) {
    save(name, `${JSON.stringify(value, null, 2)}\n`, "application/json");
}

/** Saves rows as CSV (RFC 4180). @param {string} name @param {string[]} titles @param {unknown[][]} rows */
export function saveCsv(name, titles, rows) {
    save(name, [titles, ...rows].map((row) => row.map(csvField).join(",")).join("\r\n").concat("\r\n"), "text/csv");
}

/**
 * A field of CSV. Programs for tables take a text that begins with one of these signs for a formula, and the texts come from
 * strangers (names, browsers), so such a text gets an apostrophe in front.
 * @param {unknown} value
 */
export function csvField(value) {
    const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The name of a file, with the moment. @param {string} what @param {string} ending */
export function fileName(what, ending) {
    return `${what}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}Z.${ending}`;
}
