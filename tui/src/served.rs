//! A service that answers what it is told to, for tests.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

/// Answers one request after the other with these bytes, each on a connection
/// of its own that it then hangs up. Its URL, and what it was asked, which
/// comes back after the last answer.
pub(crate) fn serve(answers: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    // It ends with its last answer, or with the test.
    let asked = thread::spawn(move || {
        let answered = answers.into_iter().map(|answer| {
            let (mut stream, _) = listener.accept().expect("a request");
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                assert_eq!(stream.read(&mut byte).expect("a byte"), 1);
                asked.extend(byte);
            }
            stream.write_all(answer.as_bytes()).expect("written");
            String::from_utf8(asked).expect("text")
        });
        answered.collect()
    });
    (url, asked)
}
