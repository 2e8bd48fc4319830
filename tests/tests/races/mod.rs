//! Many at once.

mod command;
mod ending;
mod founding;
mod refresh;
mod registration;
mod throttle;
