//! A service that answers what it is told to, for tests.

use countersign_openapi::Secret;

use super::Remote;
use crate::served::serve;
use crate::{Context, Login};

/// A service that answers one request with these bytes and hangs up.
pub(super) fn answering(answer: &str) -> Remote {
    answering_each(vec![answer.to_owned()])
}

/// The same with one answer after the other, each on a connection of its own.
pub(super) fn answering_each(answers: Vec<String>) -> Remote {
    let (url, _) = serve(answers);
    let login = Login::Token(Secret::new("t"));
    Remote::new(&Context { url, login }).expect("a client")
}
