//! Devices of a user: `/api/v1/admin/users/{id}/devices`.

use super::parts::{Operation, get, post};
use crate::http::{
    extractors::page::Page,
    resources::{admin::users::OnlyReason, devices::DevicePage},
    views::{device::DeviceView, revocation::RevocationView},
};

const DEVICES: &str = "/api/v1/admin/users/{id}/devices";
const DEVICE: &str = "/api/v1/admin/users/{id}/devices/{device}";
const DISTRUST: &str = "/api/v1/admin/users/{id}/devices/{device}/distrust";
const FORGET: &str = "/api/v1/admin/users/{id}/devices/{device}/forget";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get(DEVICES, "adminListDevices", "The devices of a user, the most recently seen first.")
            .operator()
            .path_account("id")
            .page::<Page>()
            .answers::<DevicePage>(200, "A page of devices."),
        of_device(get(DEVICE, "adminReadDevice", "A device of a user.").operator())
            .answers::<DeviceView>(200, "The device."),
        of_device(post(DISTRUST, "adminDistrustDevice", "Ends the trust in a device.").operator_change())
            .about("Its sessions stay.")
            .body::<OnlyReason>()
            .answers::<DeviceView>(200, "The device."),
        of_device(post(FORGET, "adminForgetDevice", "Forgets a device.").operator_change())
            .about("The sessions of the user on the device end.")
            .body::<OnlyReason>()
            .answers::<RevocationView>(200, "What has ended."),
    ]
}

fn of_device(operation: Operation) -> Operation {
    operation.path_account("id").path_id("device", "The id of the device.")
}
