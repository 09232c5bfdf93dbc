//! The settings in effect: `/api/v1/admin/settings`.

use serde_json::{Value, json};

use super::parts::{Operation, get};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/admin/settings",
            "adminListSettings",
            "The settings in effect on the node that answers.",
        )
        .operator()
        .answers_with(
            200,
            "The settings, without secrets. There is always one page.",
            "application/json",
            |_| {
                let settings = json!({"type": "array", "items": setting()});
                json!({
                    "type": "object",
                    "required": ["settings", "next_cursor"],
                    "properties": {"settings": settings, "next_cursor": {"type": "null"}},
                })
            },
        ),
    ]
}

/// A setting, as `ShownSetting::to_json` of `config` writes it, with `reloadable`.
fn setting() -> Value {
    let (text, optional, truth) =
        (json!({"type": "string"}), json!({"type": ["string", "null"]}), json!({"type": "boolean"}));
    let kinds = ["default", "environment", "env_file", "file", "systemd_credential"];
    let source = json!({
        "type": "object", "required": ["kind"], "properties": {"kind": {"enum": kinds}},
        "description": "Where the value comes from.",
    });
    let properties = json!({
        "name": text, "section": text, "value": optional, "default": optional, "source": source,
        "redacted": {"type": "boolean", "description": "Whether the value is a secret, which is not shown."},
        "changed": {"type": "boolean", "description": "Whether the value is not the default."},
        "problem": {"type": ["string", "null"], "description": "Why the value cannot be read."},
        "reloadable": truth,
    });
    let required: Vec<_> = properties.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
    json!({"type": "object", "required": required, "properties": properties})
}
