// The sides of the room: the channels of this browser, and the people who are here.

import { counted } from "../lib/format.js";
import { html, nothing, repeat } from "../lib/html.js";
import { icon } from "../lib/ui.js";
import { addressOf } from "./names.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./room.js").Room} Room */

/** @param {Desk} desk */
export function channelsView(desk) {
    return html`<nav class="side side-channels" id="side-channels" aria-labelledby="channels-title" data-shown=${desk.side === "channels" ? "true" : "false"}>
        <header class="side-head"><h2 id="channels-title" tabindex="-1">Channels</h2>${closing(desk)}</header>
        <ul class="side-list">${repeat(desk.channels, (channel) => channel, (channel) => channelView(desk, channel))}</ul>
        <form class="side-form" novalidate @submit=${desk.onOpen}>
            <label for="channel-field">Open a channel</label>
            <div class="side-fields"><input class="input" id="channel-field" name="channel" placeholder="chat:garden" autocomplete="off" autocapitalize="off"
                spellcheck="false" maxlength="255" aria-invalid=${desk.nameProblem ? "true" : "false"} aria-describedby="channel-problem">
                <button type="submit" class="button" aria-label="Open">${icon("arrow-right")}</button></div>
            <p class="error" id="channel-problem" role="alert">${desk.nameProblem}</p>
        </form>
    </nav>`;
}

/** @param {Desk} desk @param {string} channel */
function channelView(desk, channel) {
    const room = desk.hall.rooms.get(channel);
    const current = desk.hall.room === room && room !== undefined;
    const unread = room?.unread ?? 0;
    return html`<li class="side-item"><a href=${addressOf(channel)} aria-current=${current ? "page" : nothing}>${icon("hash")}<span class="side-name">${channel}</span>
            ${unread > 0 ? html`<span class="unread">${unread}<span class="visually-hidden"> unread</span></span>` : nothing}</a>
        <button type="button" class="button-bare side-remove" aria-label="Leave ${channel}" @click=${() => desk.leave(channel)}>${icon("close")}</button></li>`;
}

/** @param {Desk} desk @param {Room | null} room */
export function peopleView(desk, room) {
    const known = room?.people.known ?? false;
    const people = room?.people.list ?? [];
    return html`<section class="side side-people" id="side-people" aria-labelledby="people-title" data-shown=${desk.side === "people" ? "true" : "false"}>
        <header class="side-head"><h2 id="people-title" tabindex="-1">People${known ? html` <span class="soft numbers">${people.length}</span>` : nothing}</h2>${closing(desk)}</header>
        ${known ? html`<ul class="side-list">${repeat(people, ({ user }) => user, ({ name, windows }) => html`<li class="side-person"><span class="side-dot" aria-hidden="true"></span>
            <bdi class="side-name">${name}</bdi>${windows > 1 ? html`<span class="soft small">${counted(windows, "window")}</span>` : nothing}</li>`)}</ul>`
            : html`<p class="soft small side-text">This channel does not show who is here.</p>`}
    </section>`;
}

/** @param {Desk} desk */
function closing(desk) {
    return html`<button type="button" class="button-bare side-close" aria-label="Close" @click=${() => desk.hideSide()}>${icon("close")}</button>`;
}
