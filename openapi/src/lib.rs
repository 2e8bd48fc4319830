//! What the outside says: the wire types of Countersign's HTTP contract.
//!
//! One Rust type per JSON object. The service parses and answers with them,
//! the console and the tests send and read them, and `openapi.json` beside
//! this crate is generated from them. Nothing here knows a rule, a log or a
//! table.
//!
//! - JSON, snake_case, RFC 3339 times in UTC, UUIDs in lower case.
//! - Requests refuse unknown fields; answers may grow new ones.
//! - A field that is `Option` and documented as *left out* is absent when
//!   there is nothing to say; one documented as *null* is always there.
//! - Both serialisations of a type, by poem-openapi and by serde, give the
//!   same JSON. A test holds them together.

mod account;
mod admin;
mod attempt;
mod auth;
mod client;
mod display;
mod factor;
mod feed;
mod health;
mod key;
mod keys;
mod life;
mod mfa;
mod oauth2;
mod page;
mod past;
mod problem;
mod projection;
mod revocation;
mod secret;
mod session;
#[cfg(test)]
mod tests;
mod verifier;

pub use account::{Account, AccountNote, AccountState, UpdateMe};
pub use admin::{Event, EventActor, Overview, ProjectionFault, ProjectionMode, ProjectionState};
pub use attempt::{Attempt, AttemptOutcome};
pub use auth::{
    Authenticated, Login, LoginAnswer, Logout, MfaMethod, MfaRequired, Refresh, Register,
    TokenType, Tokens, VerifyAnswer,
};
pub use client::{
    AddClientSecret, Client, ClientKeys, ClientProfile, ClientRegistered, ClientSecret,
    ClientState, NewClientSecret,
};
pub use display::{DISPLAY_CHARS_MAX, display_safe, display_safe_to, terminal_safe};
pub use factor::{
    ConfirmPasskey, ConfirmTotp, Factor, FactorConfirmed, FactorState, PasskeyOffer, RecoveryCodes,
    RenameFactor, TotpOffer,
};
pub use feed::{
    FeedBeat, FeedItem, FeedMessage, FeedPage, FeedRecord, ReportAnswer, VerifierReport,
};
pub use health::{Check, CheckState, Health, HealthStatus, Ready, ReadyStatus};
pub use key::{KeyRevoked, RevokeKey, RotateKeys, SigningKey, SigningKeyState};
pub use keys::{Jwk, Jwks};
pub use life::{
    ChangePassword, ConfirmToken, Export, ForgotPassword, Reason, RequestEmailChange,
    ResetPassword, SecurityEvent, SetRoles,
};
pub use mfa::{
    AccessToken, CsrfToken, Mfa, PasskeyLogin, PasskeyOptions, PasskeyOptionsRequest, StepUp,
    StepUpMethod, SteppedUp,
};
pub use oauth2::{
    AuthorizationServer, Introspection, OAuthError, OAuthErrorCode, ServiceToken, TokenActor,
    TokenQuestion, TokenRequest,
};
pub use page::Page;
pub use past::{AS_OF_HEADER, Cause};
pub use problem::{FieldError, PROBLEM_CONTENT_TYPE, ProblemCode, ProblemDetails, ProblemFacts};
pub use projection::{ProjectionsRepaired, RepairProjections};
pub use revocation::{
    Revocation, RevocationItem, RevocationItemState, RevocationPredicate, RevocationPreview,
    RevocationState, StartRevocation,
};
pub use secret::Secret;
pub use session::{Acr, Ended, RevokeSession, Session, SessionState};
pub use verifier::{
    Applied, RevokeReason, Revoked, Verifier, VerifierBehind, VerifierState, Verifiers,
};

/// The header in which every answer to a write says where it stands in the
/// log: `<shard>.<sequence>`, for example `3.8412`.
pub const POSITION_HEADER: &str = "Countersign-Position";

/// The header by which a read asks to see at least that position.
pub const MIN_POSITION_HEADER: &str = "Countersign-Min-Position";

/// The header by which a device says that it logged in before.
pub const DEVICE_HEADER: &str = "Countersign-Device";

/// The header by which a page asks for the refresh token in a cookie.
pub const TRANSPORT_HEADER: &str = "Countersign-Transport";

/// The header that names the request, in every answer: a UUID.
pub const REQUEST_ID_HEADER: &str = "Countersign-Request-Id";
