//! Many at once.

mod command;
mod ending;
mod factor;
mod founding;
mod refresh;
mod registration;
mod throttle;
mod together;
mod vault;
