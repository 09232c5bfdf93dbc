//! Names of authenticators by their AAGUID (the id of an authenticator's model), for lists that people read.
//!
//! The vendors publish the AAGUIDs. An unknown authenticator is shown without a name. Nothing else depends on these names.

use uuid::Uuid;

const KNOWN: [(u128, &str); 13] = [
    (0xea9b_8d66_4d01_1d21_3ce4_b6b4_8cb5_75d4, "Google Password Manager"),
    (0xadce_0002_35bc_c60a_648b_0b25_f1f0_5503, "Chrome on Mac"),
    (0xfbfc_3007_154e_4ecc_8c0b_6e02_0557_d7bd, "iCloud Keychain"),
    (0xdd4e_c289_e01d_41c9_bb89_70fa_845d_4bf2, "iCloud Keychain (managed)"),
    (0x0898_7058_cadc_4b81_b6e1_30de_50dc_be96, "Windows Hello"),
    (0x9ddd_1817_af5a_4672_a2b9_3e3d_d950_00a9, "Windows Hello"),
    (0x6028_b017_b1d4_4c02_b4b3_afcd_afc9_6bb2, "Windows Hello"),
    (0xbada_5566_a7aa_401f_bd96_4561_9a55_120d, "1Password"),
    (0xd548_826e_79b4_db40_a3d8_1111_6f7e_8349, "Bitwarden"),
    (0x5311_26d6_e717_415c_9320_3d9a_a698_1239, "Dashlane"),
    (0x5341_4d53_554e_4700_0000_0000_0000_0000, "Samsung Pass"),
    (0xfdb1_41b2_5d84_443e_8a35_4698_c205_a502, "KeePassXC"),
    (0x0102_0304_0506_0708_0102_0304_0506_0708, "Chromium's virtual authenticator"),
];

/// The name of the authenticator with this AAGUID, if it is known.
#[must_use]
pub fn authenticator(aaguid: Uuid) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == aaguid.as_u128()).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_authenticator_has_a_name_and_an_unknown_one_has_no_name() {
        let known = Uuid::parse_str("bada5566-a7aa-401f-bd96-45619a55120d").unwrap();
        assert_eq!(authenticator(known), Some("1Password"));
        assert_eq!(authenticator(Uuid::nil()), None);
    }
}
