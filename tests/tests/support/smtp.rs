//! A mail server for tests: real SMTP over real TCP, with orders to misbehave.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is done with one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// It is accepted.
    Accept,
    /// The recipient is answered with this code.
    RefuseRecipient(u16),
    /// The whole content is answered with this code.
    RefuseContent(u16),
    /// The connection is cut where the content should begin.
    CutBeforeContent,
    /// The connection is cut after the whole content, without an answer.
    CutAfterContent,
}

/// A mail whose content came in whole, whatever was said of it then.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Head and body as they were sent.
    pub(crate) content: String,
    /// What was ordered for it.
    pub(crate) order: Order,
}

#[derive(Default)]
struct State {
    orders: VecDeque<Order>,
    conversations: usize,
    received: Vec<Received>,
}

/// The server; it goes away when it is dropped.
pub(crate) struct SmtpServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

/// More than any mail here has.
const MOST_BYTES: u64 = 256 * 1024;

impl SmtpServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // A conversation that breaks is the client's to notice.
                tokio::spawn(async move {
                    let _ = converse(stream, &state).await;
                });
            }
        });
        Self {
            address,
            state,
            serving,
        }
    }

    /// What to do with the next mails, one order each; later ones are
    /// accepted.
    pub(crate) fn order(&self, orders: impl IntoIterator<Item = Order>) {
        lock(&self.state).orders.extend(orders);
    }

    /// All mails whose content came in.
    pub(crate) fn received(&self) -> Vec<Received> {
        lock(&self.state).received.clone()
    }

    /// Those that were accepted.
    pub(crate) fn accepted(&self) -> Vec<Received> {
        let mut received = self.received();
        received.retain(|mail| mail.order == Order::Accept);
        received
    }

    /// How often somebody began to hand over a mail.
    pub(crate) fn conversations(&self) -> usize {
        lock(&self.state).conversations
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Received {
    /// The value of a header, unfolded.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.content.split_once("\r\n\r\n")?;
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            let same = found.eq_ignore_ascii_case(name);
            same.then(|| value.trim().to_owned())
        })
    }

    /// The body with its transfer encoding undone.
    pub(crate) fn body(&self) -> String {
        let body = self.content.split_once("\r\n\r\n").map_or("", |(_, b)| b);
        if self.content.contains("quoted-printable") {
            unquoted(body)
        } else {
            body.to_owned()
        }
    }

    /// The token in the link of the text.
    pub(crate) fn token(&self) -> Option<String> {
        let body = self.body();
        let (_, rest) = body.split_once("#token=")?;
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)));
        Some(rest[..end.unwrap_or(rest.len())].to_owned())
    }
}

/// Undoes quoted-printable (RFC 2045 section 6.7).
fn unquoted(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = digits.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let (b'=', Some(escaped)) = (byte, escaped) {
            bytes.push(escaped);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn converse(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).take(MOST_BYTES);
    let (mut from, mut to) = (String::new(), String::new());
    let mut order = Order::Accept;
    writing.write_all(b"220 tests ESMTP\r\n").await?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let command = line.trim_end().to_owned();
        let answer = match command.get(..4).unwrap_or_default() {
            "EHLO" => "250-tests\r\n250 8BITMIME".to_owned(),
            "HELO" | "NOOP" | "RSET" => "250 well".to_owned(),
            "MAIL" => {
                let mut state = lock(state);
                state.conversations += 1;
                order = state.orders.pop_front().unwrap_or(Order::Accept);
                from = path(&command);
                "250 go on".to_owned()
            }
            "RCPT" => {
                to = path(&command);
                if let Order::RefuseRecipient(code) = order {
                    format!("{code} not for {to}")
                } else {
                    "250 go on".to_owned()
                }
            }
            "DATA" if order == Order::CutBeforeContent => return Ok(()),
            "DATA" => {
                writing.write_all(b"354 go on\r\n").await?;
                let Some(content) = content(&mut lines).await? else {
                    return Ok(());
                };
                lock(state).received.push(Received {
                    from: from.clone(),
                    to: to.clone(),
                    content,
                    order,
                });
                match order {
                    Order::CutAfterContent => return Ok(()),
                    Order::RefuseContent(code) => format!("{code} not this"),
                    _ => "250 taken".to_owned(),
                }
            }
            "QUIT" => {
                writing.write_all(b"221 farewell\r\n").await?;
                return Ok(());
            }
            _ => "502 what".to_owned(),
        };
        writing
            .write_all(format!("{answer}\r\n").as_bytes())
            .await?;
    }
}

/// Everything before the line with the single dot; none if the client went
/// away before.
async fn content(lines: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<String>> {
    let mut content = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line == ".\r\n" {
            return Ok(Some(content));
        }
        content.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// What stands between angle brackets.
fn path(command: &str) -> String {
    let inside = command
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(path, _)| path.to_owned())
}
