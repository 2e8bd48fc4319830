//! From words to a message (RFC 5322).

use std::time::{Duration, SystemTime};

use countersign_events::Timestamp;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use zeroize::Zeroizing;

use crate::config::Sender;
use crate::letter::Written;
use crate::trouble::Trouble;

/// A message on its way.
pub(crate) struct Mail {
    /// A name for it that is a file's, too, and names nobody.
    pub(crate) id: String,
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) at: Timestamp,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// How a message has to be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// So that every server takes it.
    Wire,
    /// So that a person can read it in the file.
    File,
}

/// Puts a message together. Its id follows from the event it is about, so that
/// whoever receives it a second time can tell.
pub(crate) fn compose(
    sender: &Sender,
    to: &Address,
    id: String,
    written: &Written,
    at: Timestamp,
    form: Form,
) -> Result<Mail, Trouble> {
    let from = &sender.from;
    let millis = u64::try_from(at.as_millis()).unwrap_or_default();
    let mut builder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(written.subject.as_str())
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        // RFC 3834: nobody's holiday notice shall answer.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".into(),
        ));
    if let Some(reply_to) = &sender.reply_to {
        builder = builder.reply_to(reply_to.clone());
    }
    let part = |kind: ContentType, text: &str| {
        let body = match form {
            Form::Wire => Body::new(text.to_owned()),
            // Long lines stay whole: no server is asked to take them.
            Form::File => Body::dangerous_pre_encoded(
                text.replace('\n', "\r\n").into_bytes(),
                ContentTransferEncoding::EightBit,
            ),
        };
        SinglePart::builder().header(kind).body(body)
    };
    let parts = MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, &written.text))
        .singlepart(part(ContentType::TEXT_HTML, &written.html));
    let message = builder.multipart(parts).map_err(|_| Trouble::Composing)?;
    Ok(Mail {
        id,
        from: from.email.clone(),
        to: to.clone(),
        at,
        bytes: Zeroizing::new(message.formatted()),
    })
}
