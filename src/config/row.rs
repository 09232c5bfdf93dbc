//! The form of a row in the table of settings, and the usual kinds of rows. Only `table` uses it.

use super::setting::{Number, Text, Unit};

/// Makes one `static` from each row, and `SECTIONS` from all rows. A row that ends in `, reloadable` is applied by a reload.
macro_rules! table {
    ($($section:literal {
        $($(#[doc = $about:literal])+ $name:ident: $kind:ty = $value:expr $(, $reloadable:ident)?;)+
    })+) => {
        $($(
            $(#[doc = $about])+
            pub(super) static $name: Setting<$kind> = Setting {
                name: stringify!($name),
                about: concat!($($about),+),
                kind: $value,
                reloadable: false $(|| $crate::config::row::is(stringify!($reloadable)))?,
            };
        )+)+

        /// Every setting, by section.
        pub(super) static SECTIONS: &[(&str, &[&dyn Row])] = &[$(($section, &[$(&$name),+])),+];
    };
}

pub(super) use table;

/// Whether this is the mark of a setting that a reload applies. Another word is a mistake in the table.
pub(super) const fn is(mark: &str) -> bool {
    assert!(matches!(mark.as_bytes(), b"reloadable"), "the mark of a setting is `reloadable`");
    true
}

/// A number that has the same default under `portcullis serve` and `portcullis dev`.
pub(super) const fn number(unit: Unit, default: fn() -> u64, least: u64, most: u64) -> Number {
    Number { unit, default, dev: None, least, most }
}

/// Text without a default.
pub(super) const fn text(form: &'static str, without: &'static str) -> Text {
    Text { form, default: None, without, secret: false }
}

/// Text that may contain a password or a key.
pub(super) const fn secret_text(form: &'static str, without: &'static str) -> Text {
    Text { form, default: None, without, secret: true }
}
