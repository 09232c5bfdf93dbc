//! Receivers of events, and their deliveries: `/api/v1/admin/webhooks`.

use super::parts::{
    ADMIN_REQUIRED, CHANGED_MEANWHILE, INVALID_EVENTS, INVALID_NAME, INVALID_STATE, INVALID_STATUS,
    INVALID_URL, MISSING_FIELD, Operation, PRIVILEGED, RECEIVER_DISABLED, TOO_MANY_RECEIVERS, delete, get,
    patch, post,
};
use crate::http::{
    extractors::page::Page,
    resources::admin::webhooks::{
        Deletion, DeliveriesQuery, DeliveryPage, NewWebhook, Replay, ReplayedView, TestView, WebhookChange,
        WebhookPage, WebhookView,
    },
};

const WEBHOOK: &str = "/api/v1/admin/webhooks/{webhook}";
const TEST: &str = "/api/v1/admin/webhooks/{webhook}/test";
const DELIVERIES: &str = "/api/v1/admin/webhooks/{webhook}/deliveries";
const REPLAY: &str = "/api/v1/admin/webhooks/{webhook}/replay";

pub(super) fn operations() -> Vec<Operation> {
    [receivers(), deliveries()].into_iter().flatten().collect()
}

fn receivers() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/admin/webhooks",
            "adminListWebhooks",
            "The webhooks and the streams of security events, newest first.",
        )
        .operator()
        .page::<Page>()
        .answers::<WebhookPage>(200, "A page of receivers."),
        post("/api/v1/admin/webhooks", "adminCreateWebhook", "Creates a webhook.")
            .about("Only admins may do this.")
            .operator_change()
            .body::<NewWebhook>()
            .refuses(&[
                ADMIN_REQUIRED,
                MISSING_FIELD,
                INVALID_NAME,
                INVALID_URL,
                INVALID_EVENTS,
                TOO_MANY_RECEIVERS,
            ])
            .answers::<WebhookView<'_>>(201, "The webhook and its secret. Only this answer shows the secret.")
            .idempotent(),
        of_webhook(get(WEBHOOK, "adminReadWebhook", "A webhook or a stream.").operator())
            .answers::<WebhookView<'_>>(200, "The receiver."),
        of_webhook(patch(WEBHOOK, "adminChangeWebhook", "Changes a webhook.").operator_change())
            .about("Only admins may do this.")
            .body::<WebhookChange>()
            .refuses(&[
                ADMIN_REQUIRED,
                INVALID_NAME,
                INVALID_URL,
                INVALID_EVENTS,
                INVALID_STATUS,
                CHANGED_MEANWHILE,
            ])
            .answers::<WebhookView<'_>>(200, "The webhook, and its secret if that is new."),
        of_webhook(
            delete(WEBHOOK, "adminDeleteWebhook", "Deletes a webhook with its events.").operator_change(),
        )
        .about("Only admins may do this.")
        .body::<Deletion>()
        .refuses(&[ADMIN_REQUIRED])
        .answers_nothing(204, "The webhook is deleted."),
    ]
}

fn deliveries() -> Vec<Operation> {
    vec![
        of_webhook(post(TEST, "adminTestWebhook", "Sends a test event.").operator())
            .about("Only admins may do this.")
            .refuses(PRIVILEGED)
            .refuses(&[ADMIN_REQUIRED, RECEIVER_DISABLED])
            .answers::<TestView>(202, "The id of the event. Its delivery is in the list of deliveries."),
        of_webhook(
            get(DELIVERIES, "adminListDeliveries", "The deliveries to a receiver, newest first.").operator(),
        )
        .page::<DeliveriesQuery>()
        .refuses(&[INVALID_STATE])
        .answers::<DeliveryPage>(200, "A page of deliveries."),
        of_webhook(post(REPLAY, "adminReplayDeliveries", "Sends dead letters again.").operator_change())
            .about("Only admins may do this.")
            .body::<Replay>()
            .refuses(&[ADMIN_REQUIRED, INVALID_EVENTS])
            .answers::<ReplayedView>(200, "How many dead letters are sent again."),
    ]
}

fn of_webhook(operation: Operation) -> Operation {
    operation.path_id("webhook", "The id of the receiver.")
}
