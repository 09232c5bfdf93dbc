//! Bans of addresses and networks: `/api/v1/admin/bans`.

use super::parts::{
    INVALID_NETWORK, INVALID_PERIOD, NETWORK_TOO_WIDE, NOT_FOUND, OWN_ADDRESS, Operation, get, post,
};
use crate::http::resources::admin::bans::{BanPage, BanView, BansQuery, LiftedBan, NewBan};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/bans", "adminListBans", "The bans in force, newest first.")
            .operator()
            .page::<BansQuery>()
            .answers::<BanPage<'_>>(200, "A page of bans."),
        post("/api/v1/admin/bans", "adminBan", "Bans an address or a network.")
            .about("A ban of the same network that ends later stays.")
            .operator_change()
            .body::<NewBan>()
            .refuses(&[INVALID_NETWORK, INVALID_PERIOD, NETWORK_TOO_WIDE, OWN_ADDRESS])
            .answers::<BanView<'_>>(201, "The ban.")
            .idempotent(),
        post("/api/v1/admin/bans/lift", "adminLiftBan", "Lifts the ban of exactly this address or network.")
            .operator_change()
            .body::<LiftedBan>()
            .refuses(&[INVALID_NETWORK, NOT_FOUND])
            .answers_nothing(204, "The ban is lifted."),
    ]
}
