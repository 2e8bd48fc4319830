//! HTTP/1.1 over one keep-alive connection, as little of it as a load
//! generator needs: it shares the cores with what it measures.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection to the service.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, with its body.
pub struct Answer<'a> {
    pub status: u16,
    head: &'a [u8],
    pub body: &'a [u8],
}

/// A request without a body.
pub fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n").into_bytes()
}

/// A request with a JSON body.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(8 * 1024),
        })
    }

    /// Sends a request and reads its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, length) = loop {
            self.more().await?;
            if let Some(head) = find(&self.buffer, b"\r\n\r\n") {
                let length = field(&self.buffer[..head], b"content-length");
                break (head, length.and_then(number).unwrap_or(0));
            }
        };
        let end = head + 4 + length;
        while self.buffer.len() < end {
            self.more().await?;
        }
        let status = self.buffer.get(9..12).and_then(number);
        let status = status.ok_or(ErrorKind::InvalidData)?;
        Ok(Answer {
            status: u16::try_from(status).map_err(Error::other)?,
            head: &self.buffer[..head],
            body: &self.buffer[head + 4..end],
        })
    }

    async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Answer<'_> {
    /// The value of a header, named in lower case.
    pub fn header(&self, name: &str) -> Option<String> {
        let value = field(self.head, name.as_bytes())?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The text of a member of the body that needs no unescaping.
    pub fn text(&self, member: &[u8]) -> Option<&str> {
        let mut rest = self.body;
        while let Some(at) = find(rest, member) {
            let after = &rest[at + member.len()..];
            if let Some(value) = after.strip_prefix(b"\":\"") {
                let end = value.iter().position(|byte| *byte == b'"')?;
                return std::str::from_utf8(&value[..end]).ok();
            }
            rest = after;
        }
        None
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (found, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
    })
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
