// Words for values: moments, periods, numbers, browsers. The language is that of the page; the time zone is that of the user.

const language = () => document.documentElement.lang || "en";

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** A moment with its date and time. @param {string | number | Date} moment */
export function dateTime(moment) {
    return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(moment));
}

/** The date of a moment. @param {string | number | Date} moment */
export function date(moment) {
    return new Intl.DateTimeFormat(language(), { dateStyle: "long" }).format(new Date(moment));
}

/** The time of day, with seconds. @param {string | number | Date} moment */
export function time(moment) {
    return new Intl.DateTimeFormat(language(), { timeStyle: "medium" }).format(new Date(moment));
}

/** How long ago, or in how long. @param {string | number | Date} moment @param {number} [now] */
export function relative(moment, now = Date.now()) {
    const seconds = (new Date(moment).getTime() - now) / 1000;
    const words = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
    for (const [unit, length] of UNITS) {
        if (Math.abs(seconds) >= length) return words.format(Math.trunc(seconds / length), unit);
    }
    return Math.abs(seconds) < 10 ? "just now" : words.format(Math.trunc(seconds), "second");
}

/** A number with the separators of the language. @param {number} value */
export function number(value) {
    return new Intl.NumberFormat(language()).format(value);
}

/** A number and its noun. @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
    return `${number(count)} ${count === 1 ? one : many}`;
}

/** A place: city and country, as far as known. @param {{ city?: string | null, country?: string | null } | null | undefined} place */
export function placeName(place) {
    if (!place) return "";
    let country = place.country ?? "";
    try {
        country = country && (new Intl.DisplayNames([language()], { type: "region" }).of(country) ?? country);
    } catch { /* Not a code of a country. */ }
    return [place.city, country].filter(Boolean).join(", ");
}

/** What a revocation ended. @param {{ sessions?: number | null, sockets_closed: number }} ended */
export function endedWords({ sessions, sockets_closed }) {
    const what = sessions === null || sessions === undefined ? "Sessions" : counted(sessions, "session");
    return `${what} ended, ${counted(sockets_closed, "connection")} closed.`;
}
