// What a text that was typed into the search may be. Tokens are told from everything else, because they must get into no address.

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/;
const IPV6 = /^[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(\/\d{1,3})?$/i;

/** @typedef {{ uuid: boolean, number: boolean, address: boolean, network: boolean, email: boolean, text: boolean }} Term */

/** What this text may be. @param {string} text @returns {Term} */
export function termOf(text) {
    const uuid = UUID.test(text);
    const number = /^\d{1,18}$/.test(text);
    const net = IPV4.test(text) || IPV6.test(text);
    return {
        uuid, number,
        address: net && !text.includes("/"),
        network: net && text.includes("/"),
        email: text.includes("@"),
        text: !uuid && !number && !net,
    };
}

/** Whether this is a credential: an access token, a refresh token, an API key. @param {string} text */
export function looksLikeToken(text) {
    return /^(Bearer\s+)?[\w-]+\.[\w-]+\.[\w-]*$/.test(text) && text.length > 60
        || /^pck_[0-9a-f]{32}_/.test(text)
        || /^[\w-]{50,120}$/.test(text);
}

/** The address that searches for this text, which is not a token. @param {string} text */
export function searchAddress(text) {
    return looksLikeToken(text) ? "/console/incidents/token" : `/console/search?q=${encodeURIComponent(text)}`;
}
