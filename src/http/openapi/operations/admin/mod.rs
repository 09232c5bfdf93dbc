//! Operators: `/api/v1/admin`, one file per noun.

mod api_keys;
mod attempts;
mod audit;
mod bans;
mod channels;
mod connections;
mod devices;
mod drill;
mod erasures;
mod issuers;
mod mail;
mod node;
mod revocations;
mod sessions;
mod settings;
mod statistics;
mod users;
mod webhooks;

use super::super::{operation::Operation, section::Section};

/// The codes, and the functions that begin a description.
mod parts {
    pub(super) use super::super::super::{
        codes::*,
        operation::{Operation, delete, get, patch, post},
    };
}

pub(super) fn section() -> Section {
    let nouns: [Vec<Operation>; 18] = [
        users::operations(),
        devices::operations(),
        sessions::operations(),
        connections::operations(),
        revocations::operations(),
        attempts::operations(),
        bans::operations(),
        api_keys::operations(),
        issuers::operations(),
        channels::operations(),
        settings::operations(),
        statistics::operations(),
        drill::operations(),
        node::operations(),
        audit::operations(),
        webhooks::operations(),
        erasures::operations(),
        mail::operations(),
    ];
    Section {
        tag: "Operators",
        about: "For operators, auditors and admins. Auditors and admins read everything, and operators everything except the \
                audit log. Operators and admins make changes, which need a recent sign-in or step-up, and mostly a reason. An \
                operator cannot act on an admin. Each request is in the audit log, also if it was refused.",
        operations: nouns.into_iter().flatten().collect(),
    }
}
