//! The three pages that links in mails lead to.
//!
//! Scanners and previews open every link of a mail, so opening one may use
//! nothing up (AB-36). The token stands in the fragment, which no browser
//! sends; a script takes it from there and posts it when the person presses
//! the button.

use crate::http::Pages;

const PAGES: [(&str, &str); 3] = [
    ("/account/verify", include_str!("verify.html")),
    ("/account/email", include_str!("email.html")),
    ("/account/reset", include_str!("reset.html")),
];

/// Adds them, their script and their style.
pub(crate) fn add_to(pages: Pages) -> Pages {
    let pages = PAGES
        .into_iter()
        .fold(pages, |pages, (path, html)| pages.with_page(path, html));
    pages
        .with_script("/account/account.js", include_str!("account.js"))
        .with_style("/account/account.css", include_str!("account.css"))
}

#[cfg(test)]
mod tests;
