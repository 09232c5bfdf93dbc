// The columns of lists of attempts.

import { html, nothing } from "../lib/html.js";
import { addressLink, clientOf, none, placeOf, precisely, riskOf, sessionLink, stateTag, userLink } from "./cells.js";
import { words } from "./words.js";

/** @typedef {import("../types/rest").Schema<"OperatorAttempt">} Attempt */

/** @param {{ withUser?: boolean }} [options] @returns {import("./list.js").Column<Attempt>[]} */
export function attemptColumns({ withUser = false } = {}) {
    /** @type {import("./list.js").Column<Attempt>[]} */
    const user = withUser ? [{ title: "User", cell: ({ user_id }) => userLink(user_id), value: ({ user_id }) => user_id }] : [];
    return [
        { title: "Time", kind: "main", cell: ({ at }) => precisely(at), value: ({ at }) => at },
        ...user,
        { title: "Outcome", cell: ({ outcome }) => stateTag(outcome), value: ({ outcome }) => outcome },
        { title: "By", cell: ({ method }) => words(method), value: ({ method }) => method },
        { title: "Address", cell: ({ address }) => addressLink(address), value: ({ address }) => address },
        { title: "Place", cell: ({ place, network }) => html`${placeOf(place)}${network ? html` <span class="soft small">AS ${network}</span>` : nothing}`, value: ({ place }) => place?.country },
        { title: "Client", cell: clientOf, value: ({ browser, system }) => [browser, system].filter(Boolean).join(", ") },
        { title: "Risk", cell: ({ risk }) => riskOf(risk), value: ({ risk }) => risk?.score },
        { title: "Session", cell: ({ session_id, user_id }) => (session_id ? sessionLink(session_id, user_id) : none), value: ({ session_id }) => session_id },
    ];
}
