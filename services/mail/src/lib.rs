//! The mail reactor: what an account's owner is told by mail.
//!
//! It reads account events from the log, with a durable consumer of its own
//! that all instances share, and sends mails over SMTP or puts them into a
//! folder. Nothing of a request waits for it, and nothing in a request can
//! influence where a link points: links are made from the configuration and an
//! [`ActionTokens`] token, which follows from the event alone.
//!
//! # Once, at most
//!
//! An event is delivered at least once, so before a mail is handed over, a
//! claim on it (message, kind, recipient) is written beside the log. It is
//! taken back only when the mail was certainly not accepted: the server said
//! no, or the connection failed before the content was sent. When the outcome
//! is unknown (the process died, or the connection broke after the content was
//! sent) the claim stays and **the mail is not sent again**. So a mail can get
//! lost in a crash, and is never sent twice for one event. A second mail of
//! the same kind is a person's request away; a link that arrives twice, or a
//! warning that comes again, teaches people to ignore warnings.
//!
//! # For how long
//!
//! A deployment that turns mail on does not mail the past: the consumer begins
//! where the log ends. A mail that cannot be delivered is tried for about a
//! day ([`Retry`]) and then given up loudly. Mails whose request has expired or
//! was replaced meanwhile are not sent, and nothing is sent to people who were
//! erased.

mod compose;
mod config;
mod folder;
mod health;
mod kind;
mod letter;
mod mailer;
mod plain;
mod plan;
mod post;
mod reading;
mod smtp;
mod token;
mod transport;
mod trouble;
mod words;

pub use config::{MailConfig, MailConfigError, Retry, Security, Transport};
pub use folder::{FolderMail, list};
pub use health::Health;
pub use mailer::{MailError, Mailer};
pub use token::{ActionTokens, BadToken, Purpose};
