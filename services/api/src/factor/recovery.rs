//! Recovery codes: for whoever has lost the second factor.
//!
//! Ten of 100 bits each. The vault holds Argon2id hashes under one salt for
//! the set, so that looking for a code costs one hash, not ten (OWASP ASVS
//! 6.5.2).

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_log::{SealError, random};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::denied::Denied;
use crate::password::{HashPool, Password, SaltedHash};

/// How many there are in a set.
pub(crate) const CODES: u8 = 10;

/// Letters that cannot be taken for one another: 5 bits each.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// Letters in a code, and in each group of it.
const LENGTH: usize = 20;
const GROUP: usize = 5;

/// A set of codes, as they are shown once.
pub(crate) fn draw() -> Result<Vec<Zeroizing<String>>, SealError> {
    (0..CODES).map(|_| draw_one()).collect()
}

fn draw_one() -> Result<Zeroizing<String>, SealError> {
    let bytes = Zeroizing::new(random::<LENGTH>()?);
    let mut code = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / GROUP));
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % GROUP == 0 {
            code.push('-');
        }
        code.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    Ok(code)
}

/// A typed code as it was drawn: without what only helps reading.
fn normal(typed: &str) -> Option<Password> {
    let code: Zeroizing<String> = Zeroizing::new(
        typed
            .chars()
            .filter(|c| !matches!(c, '-' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect(),
    );
    let sound = code.len() == LENGTH && code.bytes().all(|byte| LETTERS.contains(&byte));
    sound.then(|| Password::new(&code))
}

/// What the vault keeps of a set.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hashes {
    salt: String,
    memory_kib: u32,
    iterations: u32,
    codes: Vec<String>,
}

impl Hashes {
    /// Hashes a set.
    pub(crate) async fn of(codes: &[Zeroizing<String>], pool: &HashPool) -> Result<Self, Denied> {
        let salt = random::<16>()?;
        let mut hashes = Vec::with_capacity(codes.len());
        let mut cost = (0, 0);
        for code in codes {
            let code =
                normal(code).ok_or_else(|| Denied::Broken("a drawn code is not one".into()))?;
            let salted = pool.derive(code, &salt, None).await?;
            cost = (salted.memory_kib, salted.iterations);
            hashes.push(STANDARD_NO_PAD.encode(&salted.hash[..]));
        }
        Ok(Self {
            salt: STANDARD_NO_PAD.encode(salt),
            memory_kib: cost.0,
            iterations: cost.1,
            codes: hashes,
        })
    }

    /// Which code of the set was typed, if any. What cannot be one is not
    /// hashed.
    pub(crate) async fn find(&self, typed: &str, pool: &HashPool) -> Result<Option<u8>, Denied> {
        let broken = |_| Denied::Broken("stored recovery codes cannot be read".into());
        let Some(code) = normal(typed) else {
            return Ok(None);
        };
        let salt = STANDARD_NO_PAD.decode(&self.salt).map_err(broken)?;
        let cost = Some((self.memory_kib, self.iterations));
        let SaltedHash { hash, .. } = pool.derive(code, &salt, cost).await?;
        let mut found = None;
        for (index, stored) in (0u8..).zip(&self.codes) {
            let stored = STANDARD_NO_PAD.decode(stored).map_err(broken)?;
            if constant_time::verify_slices_are_equal(&hash[..], &stored).is_ok() {
                found = Some(index);
            }
        }
        Ok(found)
    }

    /// From the vault.
    pub(crate) fn parse(stored: &[u8]) -> Result<Self, Denied> {
        serde_json::from_slice(stored)
            .map_err(|_| Denied::Broken("stored recovery codes cannot be read".into()))
    }

    /// To the vault.
    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Denied> {
        serde_json::to_vec(self)
            .map(Zeroizing::new)
            .map_err(|error| Denied::Broken(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PasswordConfig;

    #[tokio::test]
    async fn a_code_is_found_however_it_is_typed() {
        let pool = HashPool::start(&PasswordConfig::default()).expect("a pool");
        let codes = draw().expect("codes");
        assert_eq!(codes.len(), usize::from(CODES));
        let hashes = Hashes::of(&codes, &pool).await.expect("hashes");
        let hashes = Hashes::parse(&hashes.to_bytes().expect("bytes")).expect("reads back");
        for typed in [
            codes[3].to_string(),
            codes[3].to_uppercase(),
            codes[3].replace('-', ""),
            codes[3].replace('-', " "),
        ] {
            assert_eq!(
                hashes.find(&typed, &pool).await.expect("looked for"),
                Some(3)
            );
        }
        let other = draw().expect("codes");
        for typed in [other[0].as_str(), "", "aaaaa", "١٢٣٤٥-67890-abcde-fghjk"] {
            assert_eq!(hashes.find(typed, &pool).await.expect("looked for"), None);
        }
    }

    #[test]
    fn codes_have_a_hundred_bits_and_are_all_different() {
        let mut all: Vec<String> = (0..20)
            .flat_map(|_| draw().expect("codes"))
            .map(|code| code.to_string())
            .collect();
        assert!(all.iter().all(|code| code.len() == 23));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 200);
    }
}
