//! What people and operators do, from beginning to end.

mod clock;
mod events;
mod expiry;
mod life;
mod operator;
mod position;
mod registration;
mod rotation;
mod token;
mod two_services;
