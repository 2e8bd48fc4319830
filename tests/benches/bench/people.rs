//! People with an account and a session, made through the service.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::http::{Connection, post};
use crate::statistics::pass;

/// Somebody who has registered.
#[derive(Clone)]
pub struct Person {
    email: String,
    pub access_token: String,
    pub refresh_token: String,
    pub session: uuid::Uuid,
}

pub const PASSWORD: &str = "violet otters juggle 9 lanterns";
const WRONG_PASSWORD: &str = "violet otters juggle 8 lanterns";

/// How long a service may take until it lets people register.
const PATIENCE: Duration = Duration::from_secs(20);

impl Person {
    pub fn login(&self) -> Vec<u8> {
        login(&self.email, PASSWORD)
    }

    /// A login with a wrong password.
    pub fn guess(&self) -> Vec<u8> {
        login(&self.email, WRONG_PASSWORD)
    }

    /// The login of somebody who has no account.
    pub fn stranger(number: usize) -> Vec<u8> {
        let email = format!("stranger{number}@bench.example.com");
        login(&email, WRONG_PASSWORD)
    }
}

fn login(email: &str, password: &str) -> Vec<u8> {
    let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
    post("/v1/auth/login", &body)
}

/// Signs somebody in who has no second factor; the access token.
pub async fn login_as(address: SocketAddr, email: &str) -> Outcome<String> {
    let mut connection = Connection::open(address).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = connection.exchange(&login(email, PASSWORD)).await?;
        match answer.status {
            200 => {
                let token = answer.text(b"access_token").map(str::to_owned);
                return Ok(token.ok_or("a login without a token")?);
            }
            503 if Instant::now() < deadline => pass(Duration::from_millis(50)).await,
            status => return Err(format!("a login was answered {status}").into()),
        }
    }
}

/// Registers people, one after the other.
pub async fn register(address: SocketAddr, count: usize) -> Outcome<Vec<Person>> {
    let mut connection = Connection::open(address).await?;
    let mut people = Vec::with_capacity(count);
    let deadline = Instant::now() + PATIENCE;
    while people.len() < count {
        let email = format!("person{}@bench.example.com", people.len());
        let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
        let answer = connection
            .exchange(&post("/v1/auth/register", &body))
            .await?;
        let text = |member| answer.text(member).map(str::to_owned);
        let member = |member| text(member).ok_or("a registration without tokens");
        match answer.status {
            201 => people.push(Person {
                email,
                access_token: member(b"access_token")?,
                refresh_token: member(b"refresh_token")?,
                session: member(b"session_id")?.parse()?,
            }),
            // It has not compared the log with its anchor yet.
            503 if Instant::now() < deadline => pass(Duration::from_millis(50)).await,
            status => {
                let body = String::from_utf8_lossy(answer.body);
                return Err(format!("a registration was answered {status}: {body}").into());
            }
        }
    }
    Ok(people)
}
