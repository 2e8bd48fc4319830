//! Reading back what [`compose`](crate::compose) wrote into a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a listing shows of a mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// The parts of a mail of ours: of any other, whatever can be found.
pub(crate) fn read(mail: &str) -> Read {
    let mail = mail.replace("\r\n", "\n");
    let (head, body) = mail.split_once("\n\n").unwrap_or((&mail, ""));
    let head = head.replace("\n\t", " ").replace("\n ", " ");
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.next().map_or("", |(_, value)| value.trim())
    };
    Read {
        to: header("To").to_owned(),
        subject: decoded(header("Subject")),
        text: first_part(body, header("Content-Type")),
    }
}

/// The first part of a multipart body, which is the text.
fn first_part(body: &str, content_type: &str) -> String {
    let boundary = content_type
        .split_once("boundary=")
        .map(|(_, rest)| rest.trim_matches('"'));
    let Some(boundary) = boundary else {
        return body.to_owned();
    };
    let line = format!("--{boundary}");
    let part = body.split(line.as_str()).nth(1).unwrap_or_default();
    let text = part.split_once("\n\n").map_or(part, |(_, text)| text);
    text.trim_end().to_owned()
}

/// Undoes the encoded words of RFC 2047 as far as they are written here.
fn decoded(subject: &str) -> String {
    let mut shown = String::new();
    let mut after_encoded = false;
    for word in subject.split(' ') {
        let encoded = word
            .strip_prefix("=?utf-8?b?")
            .and_then(|word| word.strip_suffix("?="))
            .and_then(|word| STANDARD.decode(word).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        // Space between two encoded words is not part of the text.
        let joined = after_encoded && encoded.is_some();
        if !shown.is_empty() && !joined {
            shown.push(' ');
        }
        after_encoded = encoded.is_some();
        shown.push_str(encoded.as_deref().unwrap_or(word));
    }
    shown
}
