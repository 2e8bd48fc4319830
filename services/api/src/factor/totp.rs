//! Time-based one-time passwords (RFC 6238): six digits, thirty seconds,
//! SHA-1, as every authenticator app reads them.

use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::{QRBuilder, QRCode};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use countersign_log::{SealError, random};

use crate::denied::Denied;

/// The seed: 160 bits, as RFC 4226 section 4 recommends.
pub(crate) const SEED_BYTES: usize = 20;

/// The seed of an authenticator app.
pub struct TotpSeed(Zeroizing<Vec<u8>>);

/// The text is no seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a seed of an authenticator app in base32")]
pub struct NoSeed;

impl TotpSeed {
    /// A new one.
    pub fn draw() -> Result<Self, SealError> {
        Ok(Self(Zeroizing::new(random::<SEED_BYTES>()?.to_vec())))
    }

    /// As authenticator apps write it.
    pub fn from_base32(text: &str) -> Result<Self, NoSeed> {
        let seed = Secret::try_from_base32(text).map_err(|_| NoSeed)?;
        let bytes = Zeroizing::new(seed.as_bytes().to_vec());
        if bytes.len() < 16 {
            return Err(NoSeed);
        }
        Ok(Self(bytes))
    }

    /// As authenticator apps read it.
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(Secret::from(self.0.to_vec()).to_base32())
    }

    /// The code that an authenticator app shows at this time.
    pub fn code_at(&self, unix_seconds: u64) -> Zeroizing<String> {
        let totp = Builder::new()
            .with_secret(self.0.to_vec())
            .build_noncompliant();
        Zeroizing::new(totp.generate(unix_seconds).to_string())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How many steps a clock may be off, before and after.
const DRIFT_STEPS: u16 = 1;

/// What a person needs to set up an authenticator app.
pub(crate) struct Enrolment {
    /// The seed in base32.
    pub(crate) secret: Zeroizing<String>,
    /// The `otpauth` URI.
    pub(crate) uri: Zeroizing<String>,
    /// The URI as a QR code, as an SVG image.
    pub(crate) qr_svg: Zeroizing<String>,
    /// The URI as a QR code, in half blocks for a terminal.
    pub(crate) qr_text: Zeroizing<String>,
}

/// How an authenticator app is set up with a seed.
pub(crate) fn enrolment(seed: &[u8], issuer: &str, account: &str) -> Result<Enrolment, Denied> {
    let broken = |error: &dyn std::fmt::Debug| Denied::Broken(format!("{error:?}"));
    // A colon separates the two in the URI's label and can be in neither.
    let plain = |text: &str| text.replace(':', " ");
    let totp = Builder::new()
        .with_secret(seed.to_vec())
        .with_issuer(Some(plain(issuer)))
        .with_account_name(plain(account))
        .build()
        .map_err(|_| Denied::Broken("an authenticator app cannot be set up".into()))?;
    let uri = totp
        .to_url()
        .map(Zeroizing::new)
        .map_err(|_| Denied::Broken("an authenticator app cannot be set up".into()))?;
    let code = QRBuilder::new(uri.as_str())
        .build()
        .map_err(|error| broken(&error))?;
    Ok(Enrolment {
        secret: Zeroizing::new(totp.secret().to_base32()),
        qr_svg: Zeroizing::new(SvgBuilder::default().to_str(&code)),
        qr_text: Zeroizing::new(half_blocks(&code)),
        uri,
    })
}

/// Two rows of the code in each line of text, with the quiet zone that
/// scanners need. Dark modules are drawn, so it reads on a light terminal and
/// scanners take it inverted on a dark one.
fn half_blocks(code: &QRCode) -> String {
    const QUIET: usize = 2;
    let size = code.size + 2 * QUIET;
    let dark = |row: usize, column: usize| {
        let inside = (QUIET..QUIET + code.size).contains(&row)
            && (QUIET..QUIET + code.size).contains(&column);
        inside && code[row - QUIET][column - QUIET].value()
    };
    let mut text = String::with_capacity(size * size * 2);
    for row in (0..size).step_by(2) {
        for column in 0..size {
            text.push(match (dark(row, column), dark(row + 1, column)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        text.push('\n');
    }
    text
}

/// The time step of a right code, seen at this time.
///
/// Spaces, which apps show in the middle, do not count; anything but six ASCII
/// digits is wrong. Whether the code was used before is not this function's to
/// know.
pub(crate) fn step_of(seed: &[u8], typed: &str, unix_seconds: u64) -> Result<Option<u64>, Denied> {
    let digits: Zeroizing<String> = Zeroizing::new(typed.chars().filter(|c| *c != ' ').collect());
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let totp: Totp = Builder::new()
        .with_secret(seed.to_vec())
        .with_skew(DRIFT_STEPS)
        .build()
        .map_err(|_| Denied::Broken("a stored seed is not one".into()))?;
    Ok(totp.check(&digits, unix_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";

    fn step(typed: &str, at: u64) -> Option<u64> {
        step_of(SEED, typed, at).expect("a seed")
    }

    /// RFC 6238 appendix B, SHA-1, the last six of the eight digits.
    #[test]
    fn the_vectors_of_rfc_6238_hold() {
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step(code, at), Some(at / 30), "{at}");
        }
    }

    #[test]
    fn ab_22_a_code_is_good_for_one_step_before_and_after_its_own() {
        let code = "050471";
        let own = 1_111_111_111 / 30;
        let start = own * 30;
        assert_eq!(step(code, start - 31), None);
        assert_eq!(step(code, start - 30), Some(own));
        assert_eq!(step(code, start + 59), Some(own));
        for age in [60, 61, 91, 180] {
            assert_eq!(step(code, start + age), None, "{age}");
        }
    }

    #[test]
    fn only_six_ascii_digits_are_a_code_and_spaces_do_not_count() {
        let at = 1_111_111_111;
        assert_eq!(step("050 471", at), step("050471", at));
        assert_eq!(step(" 050471 ", at), step("050471", at));
        for typed in [
            "",
            "05047",
            "0504711",
            "050471\n",
            "\t050471",
            "050-471",
            "٠٥٠٤٧١",
            "０５０４７１",
            "050471\u{a0}",
            "+50471",
            "abcdef",
        ] {
            assert_eq!(step(typed, at), None, "{typed:?}");
        }
    }

    #[test]
    fn an_app_is_set_up_with_what_the_uri_says() {
        let enrolment = enrolment(SEED, "Acme: Login", "ada@example.com").expect("an enrolment");
        assert_eq!(*enrolment.secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            *enrolment.uri,
            "otpauth://totp/Acme%20%20Login:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20%20Login"
        );
        assert!(enrolment.qr_svg.starts_with("<svg "));
        let widths: Vec<usize> = enrolment
            .qr_text
            .lines()
            .map(|line| line.chars().count())
            .collect();
        assert!(
            widths
                .iter()
                .all(|width| *width == widths[0] && *width <= 80)
        );
    }
}
