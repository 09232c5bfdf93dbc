// The colour scheme that the user has chosen for this browser: that of the system, light, or dark.

const KEY = "portcullis.scheme";

/** @returns {string} "auto", "light" or "dark" */
export function colourScheme() {
    try { return localStorage.getItem(KEY) ?? "auto"; } catch { return "auto"; }
}

/** @param {string} scheme */
export function setColourScheme(scheme) {
    try { localStorage.setItem(KEY, scheme); } catch { /* The choice then holds for this page alone. */ }
    show(scheme);
}

/** @param {string} scheme */
function show(scheme) {
    if (scheme === "light" || scheme === "dark") document.documentElement.dataset.theme = scheme;
    else delete document.documentElement.dataset.theme;
}

show(colourScheme());
