//! Argon2id (RFC 9106) in memory that is used again.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

use super::Password;
use crate::config::PasswordConfig;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// A stored hash in PHC form.
#[derive(Clone)]
pub struct PasswordHash(phc::PasswordHash);

/// Hashing failed for a reason that is not the password's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// What is stored is no Argon2id hash.
    #[error("a stored password hash cannot be read")]
    Stored,
    /// No randomness, or parameters that Argon2 refuses.
    #[error("a password cannot be hashed")]
    Hash,
}

impl PasswordHash {
    /// Reads a stored hash.
    pub fn parse(phc: &[u8]) -> Result<Self, HashError> {
        let text = std::str::from_utf8(phc).map_err(|_| HashError::Stored)?;
        phc::PasswordHash::new(text)
            .map(Self)
            .map_err(|_| HashError::Stored)
    }

    /// The form to store.
    pub fn to_phc(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_string())
    }
}

/// A hash under a salt that several secrets share, and what it cost.
pub(crate) struct SaltedHash {
    /// The hash.
    pub(crate) hash: Zeroizing<[u8; HASH_BYTES]>,
    /// Argon2id memory, in KiB.
    pub(crate) memory_kib: u32,
    /// Argon2id passes.
    pub(crate) iterations: u32,
}

/// One worker's Argon2: its parameters and its memory.
pub(super) struct Hasher {
    params: Params,
    memory: Vec<Block>,
}

impl Hasher {
    pub(super) fn new(config: &PasswordConfig) -> Result<Self, HashError> {
        let params = Params::new(config.memory_kib, config.iterations, 1, Some(HASH_BYTES))
            .map_err(|_| HashError::Hash)?;
        Ok(Self {
            params,
            memory: Vec::new(),
        })
    }

    /// Hashes a new password with the configured parameters.
    pub(super) fn hash(&mut self, password: &Password) -> Result<PasswordHash, HashError> {
        let mut salt = [0; SALT_BYTES];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| HashError::Hash)?;
        let params = self.params.clone();
        let hash = self.compute(password, &salt, &params)?;
        let failed = |_| HashError::Hash;
        Ok(PasswordHash(phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: (&params).try_into().map_err(|_| HashError::Hash)?,
            salt: Some(phc::Salt::new(&salt).map_err(failed)?),
            hash: Some(phc::Output::new(&hash[..]).map_err(failed)?),
        }))
    }

    /// Compares with a stored hash, under the parameters stored in it.
    pub(super) fn verify(
        &mut self,
        password: &Password,
        stored: &PasswordHash,
    ) -> Result<bool, HashError> {
        let stored = &stored.0;
        let params = Params::try_from(stored).map_err(|_| HashError::Stored)?;
        let known = stored.algorithm == Algorithm::Argon2id.ident();
        let (Some(salt), Some(expected), true) = (stored.salt, stored.hash, known) else {
            return Err(HashError::Stored);
        };
        let hash = self.compute(password, salt.as_ref(), &params)?;
        Ok(constant_time::verify_slices_are_equal(&hash[..], expected.as_bytes()).is_ok())
    }

    /// Whether a stored hash is cheaper than what is configured now.
    pub(super) fn is_outdated(&self, stored: &PasswordHash) -> bool {
        Params::try_from(&stored.0).is_ok_and(|params| {
            params.m_cost() < self.params.m_cost() || params.t_cost() < self.params.t_cost()
        })
    }

    /// Hashes under a given salt, at a given cost (memory in KiB and passes)
    /// or the configured one.
    pub(super) fn derive(
        &mut self,
        secret: &Password,
        salt: &[u8],
        cost: Option<(u32, u32)>,
    ) -> Result<SaltedHash, HashError> {
        let params = match cost {
            None => self.params.clone(),
            Some((memory_kib, iterations)) => {
                Params::new(memory_kib, iterations, 1, Some(HASH_BYTES))
                    .map_err(|_| HashError::Stored)?
            }
        };
        Ok(SaltedHash {
            hash: self.compute(secret, salt, &params)?,
            memory_kib: params.m_cost(),
            iterations: params.t_cost(),
        })
    }

    fn compute(
        &mut self,
        password: &Password,
        salt: &[u8],
        params: &Params,
    ) -> Result<Zeroizing<[u8; HASH_BYTES]>, HashError> {
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::default());
        }
        let mut out = Zeroizing::new([0; HASH_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
            .hash_password_into_with_memory(
                password.as_bytes(),
                salt,
                &mut out[..],
                &mut self.memory[..blocks],
            )
            .map_err(|_| HashError::Hash)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> Hasher {
        Hasher::new(&PasswordConfig::default()).expect("parameters")
    }

    #[test]
    fn only_the_whole_password_verifies() {
        let mut hasher = hasher();
        let long: String = "correct horse battery staple ".repeat(8);
        let hash = hasher.hash(&Password::new(&long)).expect("hashes");
        let stored = PasswordHash::parse(hash.to_phc().as_bytes()).expect("reads back");
        assert_eq!(hasher.verify(&Password::new(&long), &stored), Ok(true));
        // A hash that looks at 64 or 72 bytes only would accept this.
        let mut changed = long.clone();
        changed.replace_range(100..101, "_");
        assert_eq!(hasher.verify(&Password::new(&changed), &stored), Ok(false));
        assert_eq!(
            hasher.verify(&Password::new(&long[..72]), &stored),
            Ok(false)
        );
    }

    #[test]
    fn a_hash_with_other_parameters_verifies_and_is_outdated() {
        let cheap = PasswordConfig {
            memory_kib: 8 * 1024,
            iterations: 1,
            ..PasswordConfig::default()
        };
        let hash = Hasher::new(&cheap)
            .expect("parameters")
            .hash(&Password::new("x"))
            .expect("hashes");
        let mut hasher = hasher();
        assert_eq!(hasher.verify(&Password::new("x"), &hash), Ok(true));
        assert!(hasher.is_outdated(&hash));
        let fresh = hasher.hash(&Password::new("x")).expect("hashes");
        assert!(!hasher.is_outdated(&fresh));
    }

    #[test]
    fn the_form_is_that_of_other_implementations() {
        // Made with the reference implementation's parameters: m=19456, t=2, p=1.
        let hash = hasher().hash(&Password::new("x")).expect("hashes");
        assert!(hash.to_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(PasswordHash::parse(b"$2b$12$xxxx").is_err());
    }
}
