// The accounts.

import { html } from "../../lib/html.js";
import { rest } from "../../lib/rest.js";
import { act, actButton } from "../act.js";
import { choicesOf, lockBox, revoke } from "../acts.js";
import { none, roleTag, stateTag, when } from "../cells.js";
import { List } from "../list.js";
import { listView } from "../list-view.js";
import { secretFields } from "../secret.js";
import { reachOf } from "../reach.js";
import { counted } from "../../lib/format.js";

/** @typedef {import("../../types/rest").Schema<"User">} User */
/** @typedef {import("../desk.js").Desk} Desk */

/** @type {import("../desk.js").Open} */
export function open(desk, { query }) {
    /** @type {List<User>} */
    const list = new List(desk, {
        name: "users",
        path: "/api/v1/admin/users",
        key: ({ id }) => String(id),
        filters: [
            { name: "email", label: "Address begins with", placeholder: "ann@" },
            { name: "name", label: "Name begins with", placeholder: "Ann" },
            { name: "role", label: "Role", choices: [["", "all roles"], ["user", "user"], ["auditor", "auditor"], ["operator", "operator"], ["admin", "admin"]] },
            { name: "status", label: "Status", choices: choicesOf(["pending", "active", "suspended", "deactivated"], "all states") },
        ],
        orders: [["-created", "Newest first"], ["created", "Oldest first"], ["email", "Address, A to Z"], ["-email", "Address, Z to A"], ["name", "Name, A to Z"], ["-name", "Name, Z to A"]],
        columns: [
            { title: "Number", cell: ({ id }) => html`<span class="soft numbers">${id}</span>`, value: ({ id }) => id },
            { title: "Address", kind: "main", sort: ["email", "-email"], cell: ({ id, email }) => html`<a href="/console/users/${id}">${email}</a>`, value: ({ email }) => email },
            { title: "Name", sort: ["name", "-name"], cell: ({ display_name }) => display_name || none, value: ({ display_name }) => display_name },
            { title: "Role", cell: ({ role }) => roleTag(role), value: ({ role }) => role },
            { title: "Status", cell: ({ status }) => stateTag(status), value: ({ status }) => status },
            { title: "Last sign-in", cell: ({ last_login_at }) => when(last_login_at), value: ({ last_login_at }) => last_login_at },
            { title: "Created", sort: ["created", "-created"], cell: ({ created_at }) => when(created_at), value: ({ created_at }) => created_at },
        ],
        bulk: desk.may("operate") ? (users) => actButton("End their sessions", async () => { if (await endAll(desk, users)) list.reload(); }) : undefined,
    }, query);
    return listView("Users", list, {
        actions: () => actButton("Create a user", async () => { if (await create(desk)) list.reload(); }, { why: desk.whyNot("operate"), danger: false, symbol: "plus" }),
    });
}

/** @param {Desk} desk @param {User[]} users */
function endAll(desk, users) {
    return act(desk, {
        title: `End the sessions of ${counted(users.length, "user")}`,
        action: "End their sessions",
        text: html`<p class="break">${users.slice(0, 12).map(({ email }) => email).join(", ")}${users.length > 12 ? ` and ${users.length - 12} more` : ""}</p>`,
        will: async (signal) => {
            let [sessions, sockets] = [0, 0];
            for (const { id } of users) {
                const reach = await reachOf({ user: id }, signal);
                sessions += reach.sessions;
                sockets += reach.sockets;
            }
            return `This ends ${counted(sessions, "session")} of ${counted(users.length, "person", "people")}, with ${counted(sockets, "open socket")}.`;
        },
        optional: true,
        fields: () => (desk.may("administer") ? lockBox() : null),
        send: ({ reason, lock_password }) => revoke({ users: users.map(({ id }) => id), ...lock_password ? { lock_password: true } : {} }, reason),
    });
}

/** @param {Desk} desk */
function create(desk) {
    const roles = desk.may("administer") ? ["user", "auditor", "operator", "admin"] : ["user"];
    return act(desk, {
        title: "Create a user",
        action: "Create",
        danger: false,
        places: { invalid_email: "email", email_taken: "email", invalid_display_name: "display_name" },
        fields: (form) => html`
            ${form.field({ label: "E-mail address", name: "email", type: "email", required: true, autocomplete: "off" })}
            ${form.field({ label: "Name", name: "display_name", autocomplete: "off" })}
            <div class="field"><label for="new-role">Role</label><select class="select" id="new-role" name="role">${roles.map((role) => html`<option>${role}</option>`)}</select></div>
            <label class="check"><input type="checkbox" name="generated" checked><span>Generate a password<span class="hint">It is shown once. Without it, the user signs in after a password reset.</span></span></label>`,
        send: ({ email, display_name, role, generated, reason }) => rest.post("/api/v1/admin/users", {
            body: { email, display_name: display_name || undefined, role: /** @type {any} */ (role), password: generated ? "generated" : "none", reason }, idempotent: true,
        }),
        done: (/** @type {{ user: User, password?: string | null }} */ { user, password }) => html`<a href="/console/users/${user.id}">${user.email}</a> is user ${user.id}.
            ${secretFields("Password", password)}`,
    });
}
