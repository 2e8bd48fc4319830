//! The secrets of a deployment that seal what clients hold.

use countersign_log::{Log, LogError, SealError, patiently, random};
use zeroize::Zeroizing;

/// One secret for each purpose, made at first start, the same for all
/// services.
pub(crate) struct Secrets {
    pub(crate) email_index: Zeroizing<Vec<u8>>,
    pub(crate) refresh_token: Zeroizing<Vec<u8>>,
    pub(crate) mfa_token: Zeroizing<Vec<u8>>,
    pub(crate) device_token: Zeroizing<Vec<u8>>,
    pub(crate) action_token: Zeroizing<Vec<u8>>,
    pub(crate) challenge: Zeroizing<Vec<u8>>,
    pub(crate) csrf: Zeroizing<Vec<u8>>,
}

impl Secrets {
    /// Reads them all, making those that are missing.
    pub(crate) async fn load(log: &Log) -> Result<Self, LogError> {
        let make = || Ok::<_, SealError>(Zeroizing::new(random::<32>()?.to_vec()));
        let named = async |name| log.vault().named(name, make).await;
        let named = async |name| patiently("the vault", async || named(name).await).await;
        let (email_index, refresh_token, mfa_token, device_token, action_token, challenge, csrf) =
            tokio::try_join!(
                named("email-index-key"),
                named("refresh-token-key"),
                named("mfa-token-key"),
                named("device-token-key"),
                named("action-token-key"),
                named("challenge-key"),
                named("csrf-token-key"),
            )?;
        Ok(Self {
            email_index,
            refresh_token,
            mfa_token,
            device_token,
            action_token,
            challenge,
            csrf,
        })
    }
}
