//! A mail's words, before they become a message.

use askama::Template;
use countersign_events::Timestamp;
use zeroize::Zeroizing;

use crate::trouble::Trouble;

/// What a mail says, in plain words.
#[derive(Debug, Default)]
pub(crate) struct Letter {
    pub(crate) subject: String,
    /// What has happened.
    pub(crate) before: Vec<String>,
    /// What can be done about it.
    pub(crate) action: Option<Action>,
    /// The circumstances.
    pub(crate) facts: Vec<Fact>,
    /// What to do if it was somebody else.
    pub(crate) after: Vec<String>,
}

/// A link.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) label: &'static str,
    pub(crate) url: Zeroizing<String>,
    pub(crate) validity: String,
}

/// A circumstance.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

/// A letter as text and as HTML.
pub(crate) struct Written {
    pub(crate) subject: String,
    pub(crate) text: Zeroizing<String>,
    pub(crate) html: Zeroizing<String>,
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct Text<'a> {
    name: Option<&'a str>,
    before: &'a [String],
    action: Option<Shown<'a>>,
    facts: &'a [Fact],
    after: &'a [String],
    product: &'a str,
    home: &'a str,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    subject: &'a str,
    name: Option<&'a str>,
    before: &'a [String],
    action: Option<Shown<'a>>,
    facts: &'a [Fact],
    after: &'a [String],
    product: &'a str,
    home: &'a str,
}

#[derive(Clone, Copy)]
struct Shown<'a> {
    label: &'a str,
    url: &'a str,
    validity: &'a str,
}

impl Letter {
    pub(crate) fn write(
        &self,
        name: Option<&str>,
        product: &str,
        home: &str,
    ) -> Result<Written, Trouble> {
        let action = self.action.as_ref().map(|action| Shown {
            label: action.label,
            url: &action.url,
            validity: &action.validity,
        });
        let (before, facts, after) = (&self.before, &self.facts, &self.after);
        let text = Text {
            name,
            before,
            action,
            facts,
            after,
            product,
            home,
        };
        let html = Html {
            subject: &self.subject,
            name,
            before,
            action,
            facts,
            after,
            product,
            home,
        };
        Ok(Written {
            subject: self.subject.clone(),
            text: Zeroizing::new(text.render().map_err(|_| Trouble::Composing)?),
            html: Zeroizing::new(html.render().map_err(|_| Trouble::Composing)?),
        })
    }
}

/// A moment as people read it, in UTC.
pub(crate) fn readable(at: Timestamp) -> String {
    let moment = at.to_datetime();
    format!(
        "{} {} {}, {:02}:{:02} UTC",
        moment.day(),
        moment.month(),
        moment.year(),
        moment.hour(),
        moment.minute()
    )
}
