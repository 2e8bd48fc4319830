//! What account events say by mail: once, to the right address, and never
//! twice. No HTTP here: the log, the mailer, and a mail server.

mod once;
mod post;
mod telling;
