//! Channels, their subscribers and their messages: `/api/v1/admin/channels`.

use super::parts::{
    ADMIN_REQUIRED, INVALID_CHANNEL, INVALID_CURSOR, INVALID_SUBJECT, NO_HISTORY, NOT_FOUND, Operation, get,
    post,
};
use crate::http::resources::admin::channels::{
    ChannelPage, ChannelQuery, ChannelsQuery, ErasedPerson, ErasedView, MessagePage, RemovedMessage,
    SubscriberPage,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/channels", "adminListChannels", "The channels, in the order of their names.")
            .about("Occupied channels are those of the node that answers.")
            .operator()
            .page::<ChannelsQuery>()
            .answers::<ChannelPage>(200, "A page of channels."),
        get(
            "/api/v1/admin/channels/subscribers",
            "adminListSubscribers",
            "The subscribers of a channel on the node that answers.",
        )
        .operator()
        .page::<ChannelQuery>()
        .refuses(&[INVALID_CHANNEL, NOT_FOUND])
        .answers::<SubscriberPage<'_>>(200, "A page of subscribers."),
        get(
            "/api/v1/admin/channels/history",
            "adminListMessages",
            "The messages of a channel, newest first.",
        )
        .operator()
        .page::<ChannelQuery>()
        .refuses(&[INVALID_CHANNEL, NOT_FOUND, NO_HISTORY])
        .answers::<MessagePage<'_>>(200, "A page of messages."),
        post(
            "/api/v1/admin/channels/messages/remove",
            "adminRemoveMessage",
            "Erases one message. Its offset stays.",
        )
        .operator_change()
        .body::<RemovedMessage>()
        .refuses(&[INVALID_CHANNEL, INVALID_CURSOR, NOT_FOUND, NO_HISTORY])
        .answers::<ErasedView>(200, "What was erased."),
        post(
            "/api/v1/admin/channels/messages/erase",
            "adminEraseMessages",
            "Erases the messages of a person. Their offsets stay.",
        )
        .about("Only admins may do this. Messages that the person sends meanwhile may remain.")
        .operator_change()
        .body::<ErasedPerson>()
        .refuses(&[ADMIN_REQUIRED, INVALID_SUBJECT])
        .answers::<ErasedView>(200, "What was erased. With `more`, the request must be repeated."),
    ]
}
