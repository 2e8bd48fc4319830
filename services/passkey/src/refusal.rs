//! What can be wrong: with the service, or with what a client sent.

use webauthn_rs::prelude::WebauthnError;

/// This side cannot do its part. Not the fault of whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// The public URL is not an http or https URL with a host.
    #[error("the public URL is not an http or https URL with a host")]
    PublicUrl,
    /// The public URL names an IP address other than loopback, and no browser
    /// takes an address for a relying party.
    #[error("passkeys need a domain: the public URL names an IP address")]
    Address,
    /// A name to show in the authenticator is empty.
    #[error("a name to show is empty")]
    EmptyName,
    /// There is no key to authenticate with.
    #[error("no passkey to authenticate with")]
    NoKeys,
    /// The keys belong to more than one account.
    #[error("the passkeys belong to more than one account")]
    MixedAccounts,
    /// The stored bytes are not a passkey of a version known here.
    #[error("the stored bytes are not a passkey")]
    Stored,
    /// A state does not fit its serialised form.
    #[error("a state could not be written")]
    Encoding,
    /// The secret for challenges has fewer than 32 bytes.
    #[error("the secret for challenges is shorter than 32 bytes")]
    ShortSecret,
    /// The challenge is too large to be carried by a client.
    #[error("the challenge is too large")]
    LargeChallenge,
    /// The operating system gave no random bytes, or the cipher failed.
    #[error("a challenge could not be sealed")]
    Sealing,
    /// The library under this one failed.
    #[error("the passkey library failed")]
    Library,
}

/// Why a registration or an assertion is not accepted.
///
/// The texts say nothing of the credential, so they may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PasskeyRefusal {
    /// Not the JSON of a public key credential.
    #[error("the response is malformed")]
    Malformed,
    /// More than [`MAX_CREDENTIAL_BYTES`](crate::MAX_CREDENTIAL_BYTES).
    #[error("the response is too large")]
    TooLarge,
    /// A registration where an assertion belongs, or the other way round.
    #[error("the response belongs to another ceremony")]
    WrongCeremony,
    /// Another challenge was signed than the one that was given.
    #[error("another challenge was signed")]
    Challenge,
    /// The state is of another kind of ceremony, or of another version.
    #[error("the state is not of this ceremony")]
    State,
    /// The response was made for another origin: another site or port.
    #[error("the response was made for another origin")]
    Origin,
    /// The ceremony ran in a frame of another site.
    #[error("the ceremony ran inside another site")]
    CrossOrigin,
    /// The hash of another relying party was signed.
    #[error("the response was made for another relying party")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("the authenticator saw no user")]
    UserPresence,
    /// The authenticator did not verify who touched it.
    #[error("the authenticator did not verify the user")]
    UserVerification,
    /// The signature is not one of this credential over this response.
    #[error("the signature is wrong")]
    Signature,
    /// The counter did not rise: there may be a copy of the authenticator.
    #[error("the authenticator's counter went back")]
    CounterWentBack,
    /// None of the known credentials has this id.
    #[error("the credential is not known")]
    UnknownCredential,
    /// The user handle names nobody, or not the owner of the credential.
    #[error("the credential belongs to another account")]
    OtherAccount,
    /// The account has this credential already.
    #[error("the credential is registered already")]
    AlreadyRegistered,
    /// A kind of key that was not asked for or is not supported.
    #[error("the kind of key is not supported")]
    Algorithm,
    /// The attestation contradicts itself or is of an unknown format.
    #[error("the attestation is not valid")]
    Attestation,
    /// The backup flags contradict each other or what was registered.
    #[error("the backup state of the credential changed")]
    Backup,
}

/// The library's errors carry pieces of the input, hence only their kind
/// passes on.
impl From<WebauthnError> for PasskeyRefusal {
    fn from(error: WebauthnError) -> Self {
        use WebauthnError as E;
        match error {
            E::InvalidClientDataType => Self::WrongCeremony,
            E::MismatchedChallenge | E::ChallengeNotFound => Self::Challenge,
            E::InvalidRPOrigin => Self::Origin,
            E::CredentialCrossOrigin => Self::CrossOrigin,
            E::InvalidRPIDHash => Self::RelyingParty,
            E::UserNotPresent => Self::UserPresence,
            E::UserNotVerified | E::InconsistentUserVerificationPolicy => Self::UserVerification,
            E::AuthenticationFailure | E::SignatureInvalid => Self::Signature,
            E::CredentialPossibleCompromise => Self::CounterWentBack,
            E::CredentialNotFound => Self::UnknownCredential,
            E::InvalidUserUniqueId => Self::OtherAccount,
            E::CredentialAlreadyExists | E::CredentialExcludedFromRequest => {
                Self::AlreadyRegistered
            }
            E::CredentialBackupEligibilityInconsistent | E::CredentialMayNotBeHardwareBound => {
                Self::Backup
            }
            E::COSEKeyInvalidType
            | E::COSEKeyEDUnsupported
            | E::COSEKeyECDSAXYInvalid
            | E::COSEKeyRSANEInvalid
            | E::COSEKeyECDSAInvalidCurve
            | E::COSEKeyEDDSAXInvalid
            | E::COSEKeyEDDSAInvalidCurve
            | E::COSEKeyInvalidAlgorithm
            | E::CredentialInsecureCryptography
            | E::CredentialAlteredAlgFromRequest
            | E::EcdsaPointInvalid
            | E::RsaParametersInvalid => Self::Algorithm,
            E::ParseBase64Failure(_)
            | E::ParseCBORFailure(_)
            | E::ParseJSONFailure(_)
            | E::ParseNOMFailure
            | E::ParseInsufficientBytesAvailable
            | E::COSEKeyInvalidCBORValue
            | E::MissingAttestationCredentialData
            | E::AuthenticatorDataMissingExtension
            | E::InvalidExtensions => Self::Malformed,
            // What is left are the many ways an attestation can be wrong, and
            // errors of parts of the library that are not used here.
            _ => Self::Attestation,
        }
    }
}
