//! What keeps a mail from leaving, told without saying whose mail it is.

/// What went wrong. A server's words are left out: they may quote the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the mail server cannot be reached")]
    Unreachable,
    #[error("the mail server took too long")]
    Timeout,
    #[error("the connection to the mail server broke")]
    Broken,
    #[error("TLS with the mail server failed")]
    Tls,
    #[error("the mail server does not support what is needed")]
    Unsupported,
    #[error("the mail server refused to talk to us: {0}")]
    Unwelcome(String),
    #[error("the mail server answered {0}")]
    Answered(String),
    #[error("the mail folder cannot be written: {0}")]
    Folder(std::io::ErrorKind),
    #[error("the address cannot be written to")]
    Address,
    #[error("the mail cannot be put together")]
    Composing,
    #[error("the event or its account cannot be read")]
    Unreadable,
    #[error("the log is unavailable")]
    Log,
    #[error("somebody else has begun with it")]
    Claimed,
}

/// How a delivery failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It was certainly not accepted, and may be later.
    NotYet(Trouble),
    /// It was certainly not accepted, and never will be.
    Never(Trouble),
    /// It may have been accepted.
    Unknown(Trouble),
}
