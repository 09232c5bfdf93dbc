// The page `/chat`: a room per channel, and the end of the session as it looks from inside.

import { html, nothing } from "../lib/html.js";
import { startPage } from "../lib/page.js";
import { createRouter } from "../lib/router.js";
import { empty } from "../lib/ui.js";
import { Desk } from "./desk.js";
import { Hall } from "./hall.js";
import { addressOf, problemOf } from "./names.js";
import { doorView } from "./view-door.js";
import { roomView } from "./view-room.js";
import { channelsView, peopleView } from "./view-sides.js";

/** @type {Hall | null} */
let hall = null;
/** @type {Desk | null} */
let desk = null;
/** What is wrong with the channel in the address. */
let wrongName = "";
let drawing = false;
let focusOnDoor = false;

/** Draws soon. Many changes at once are drawn once; a hidden window draws, too, because its title counts. */
function changed() {
    if (drawing) return;
    drawing = true;
    setTimeout(() => {
        drawing = false;
        drawNow();
    }, 0);
}

function drawNow() {
    if (!desk || !hall) return page.redraw();
    // Without a session there is nothing to sign out of, and no other part of the site to go to.
    if (hall.door?.sessionIsOver) page.session = null;
    desk.keepPlace(page.redraw);
    const unread = hall.unread > 0 ? `(${hall.unread}) ` : "";
    page.rename(hall.door ? "This door is shut" : `${unread}${hall.room?.channel ?? "Chat"}`);
    if (!hall.door) focusOnDoor = true;
    else if (focusOnDoor) {
        focusOnDoor = false;
        document.getElementById("door-title")?.focus();
    }
}

const page = startPage({
    title: "Chat",
    place: "chat",
    session: "required",
    width: "full",
    draw,
    begin({ session }) {
        if (!session) return;
        hall = new Hall(session, changed);
        desk = new Desk(hall, { changed, go: (channel) => router.go(channel === null ? "/chat" : addressOf(channel)) });
        hall.connect();
        router.apply();
        // The seconds of a wait, and the moment at which the window is shown again.
        setInterval(() => { if (hall?.room?.state === "resuming") changed(); }, 1000);
        addEventListener("resize", changed);
        addEventListener("online", changed);
        addEventListener("offline", changed);
        addEventListener("keydown", ({ key }) => { if (key === "Escape") desk?.hideSide(); });
        document.addEventListener("visibilitychange", seen);
    },
    end: (words) => hall?.sessionEnded(words),
});

const router = createRouter({ "/chat": showFirst, "/chat/{channel...}": show }, (view, { parameters }) => view(parameters.channel ?? ""));

function showFirst() {
    const first = desk?.channels[0];
    if (first) router.go(addressOf(first), { replace: true, keepFocus: true });
    else changed();
}

/** @param {string} channel */
function show(channel) {
    if (!hall || !desk) return;
    wrongName = problemOf(channel);
    desk.side = "";
    desk.problem = "";
    if (wrongName) hall.room = null;
    else {
        desk.remembered.add(channel);
        hall.enter(channel);
    }
    drawNow();
    // After the router has moved the focus to the content.
    if (desk.entersSend) setTimeout(() => document.getElementById("message-field")?.focus());
}

/** The window is shown again: what is in view is read. */
function seen() {
    const room = hall?.room;
    if (document.visibilityState !== "visible" || !room?.atEnd || room.unread === 0) return;
    room.unread = 0;
    changed();
}

function connectAgain() {
    hall?.connect();
    changed();
}

function draw() {
    if (!hall || !desk) return nothing;
    const { door, room } = hall;
    if (door) {
        const clear = () => {
            room?.lines.clear();
            changed();
        };
        return doorView({ door, room, connect: connectAgain, clear });
    }
    return html`<div class="hall" data-state=${room?.state ?? "none"}>${channelsView(desk)}${room ? roomView(desk, room) : noRoom()}${peopleView(desk, room)}</div>`;
}

function noRoom() {
    return html`<section class="room"><header class="room-head"><h1>Chat</h1></header>
        <div class="room-refused">${empty({ icon: "chat", title: wrongName ? "There can be no such channel" : "No channel is open", text: wrongName || "Open one by its name." })}</div></section>`;
}
