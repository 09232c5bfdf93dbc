// The parts of one page: each has an address, and links between them do not load the page anew.

/** @typedef {{ path: string, query: URLSearchParams, parameters: Record<string, string> }} Route */

/**
 * Follows the address of a page with parts.
 *
 *     const router = createRouter({ "/account": showProfile, "/account/{section}": showSection });
 *
 * @template T
 * @param {Record<string, T>} table patterns with `{name}`, in the order in which they are tried; `{name...}` takes the rest of a path
 * @param {(view: T, route: Route) => void} onRoute called for the first address and for each change
 */
export function createRouter(table, onRoute) {
    const routes = Object.entries(table).map(([pattern, view]) => ({ view, expression: expressionOf(pattern) }));

    function apply() {
        for (const { view, expression } of routes) {
            const found = expression.exec(location.pathname);
            if (!found) continue;
            const parameters = Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, value]) => [name, decoded(value ?? "")]));
            onRoute(view, { path: location.pathname, query: new URLSearchParams(location.search), parameters });
            return true;
        }
        return false;
    }

    /** Goes to an address of this page. @param {string} address @param {{ replace?: boolean, keepFocus?: boolean }} [options] */
    function go(address, { replace = false, keepFocus = false } = {}) {
        history[replace ? "replaceState" : "pushState"](null, "", address);
        apply();
        if (keepFocus) return;
        scrollTo(0, 0);
        document.getElementById("content")?.focus({ preventScroll: true });
    }

    /** Changes parts of the query, such as a filter; empty values are removed. @param {Record<string, string | number | null | undefined>} changes @param {{ replace?: boolean }} [options] */
    function setQuery(changes, { replace = true } = {}) {
        const url = new URL(location.href);
        for (const [name, value] of Object.entries(changes)) {
            if (value === undefined || value === null || value === "") url.searchParams.delete(name);
            else url.searchParams.set(name, String(value));
        }
        go(url.pathname + url.search, { replace, keepFocus: true });
    }

    document.addEventListener("click", (event) => {
        const link = event.target instanceof Element ? event.target.closest("a") : null;
        const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
        if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
        if (link.origin !== location.origin || link.hash && link.pathname === location.pathname) return;
        if (!routes.some(({ expression }) => expression.test(link.pathname))) return;
        event.preventDefault();
        go(link.pathname + link.search);
    });
    addEventListener("popstate", apply);
    return { apply, go, setQuery };
}

/** @param {string} pattern */
function expressionOf(pattern) {
    const source = pattern
        .replace(/[.*+?^$()|[\]\\]/g, (character) => (character === "." ? "." : `\\${character}`))
        .replace(/\{(\w+)\.\.\.\}/g, "(?<$1>.*)")
        .replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    return new RegExp(`^${source}/?$`);
}

/** A part of a path in plain text. One with a malformed `%` stays as it is. @param {string} part */
function decoded(part) {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}
