//! What users do.

use std::sync::Arc;

use crate::http::{Answer, get, post};
use crate::load::User;
use crate::people::Person;

/// The beginning of every error.
fn refused(what: &str, answer: &Answer<'_>) -> String {
    let body = String::from_utf8_lossy(answer.body);
    format!("{what} was answered {}: {body}", answer.status)
}

/// Sends the same request again and again.
pub struct Repeating(Vec<u8>);

impl Repeating {
    pub fn alive() -> Self {
        Self(get("/healthz", ""))
    }

    pub fn verify(person: &Person) -> Self {
        let authorization = format!("authorization: Bearer {}\r\n", person.access_token);
        Self(get("/v1/auth/verify", &authorization))
    }
}

impl User for Repeating {
    fn request(&mut self) -> &[u8] {
        &self.0
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<(), String> {
        match answer.status {
            200 => Ok(()),
            _ => Err(refused("a request", answer)),
        }
    }
}

/// Always presents the newest refresh token of its session.
pub struct Refreshing(Vec<u8>);

impl Refreshing {
    pub fn new(person: &Person) -> Self {
        Self(refresh(&person.refresh_token))
    }
}

/// A refresh.
pub fn refresh(token: &str) -> Vec<u8> {
    post(
        "/v1/auth/refresh",
        &format!(r#"{{"refresh_token":"{token}"}}"#),
    )
}

impl User for Refreshing {
    fn request(&mut self) -> &[u8] {
        &self.0
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<(), String> {
        match (answer.status, answer.text(b"refresh_token")) {
            (200, Some(token)) => self.0 = refresh(token),
            _ => return Err(refused("a refresh", answer)),
        }
        Ok(())
    }
}

/// Logs in as one person after the other.
pub struct LoggingIn {
    requests: Arc<Vec<Vec<u8>>>,
    next: usize,
}

impl LoggingIn {
    /// This many users, each beginning with another person.
    pub fn crowd(people: &[Person], users: usize) -> Vec<Self> {
        let requests: Arc<Vec<_>> = Arc::new(people.iter().map(Person::login).collect());
        let step = people.len() / users.max(1);
        let user = |index| Self {
            requests: Arc::clone(&requests),
            next: index * step,
        };
        (0..users).map(user).collect()
    }
}

impl User for LoggingIn {
    fn request(&mut self) -> &[u8] {
        self.next = (self.next + 1) % self.requests.len();
        &self.requests[self.next]
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<(), String> {
        match answer.status {
            200 => Ok(()),
            _ => Err(refused("a login", answer)),
        }
    }
}
