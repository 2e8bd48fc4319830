//! A service that answers what it is told to, for tests.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use countersign_openapi::Secret;

use super::Remote;
use crate::{Context, Login};

/// A service that answers one request with these bytes and hangs up.
pub(super) fn answering(answer: &str) -> Remote {
    answering_each(vec![answer.to_owned()])
}

/// The same with one answer after the other, each on a connection of its own.
pub(super) fn answering_each(answers: Vec<String>) -> Remote {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    // It ends with its last answer, or with the test.
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a request");
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                assert_eq!(stream.read(&mut byte).expect("a byte"), 1);
                asked.extend(byte);
            }
            stream.write_all(answer.as_bytes()).expect("written");
        }
    });
    let login = Login::Token(Secret::new("t"));
    Remote::new(&Context { url, login }).expect("a client")
}
