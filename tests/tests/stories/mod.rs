//! What people and operators do, from beginning to end.

mod account_life;
mod address;
mod clock;
mod cookies;
mod erasure;
mod events;
mod expiry;
mod life;
mod mail;
mod operator;
mod own_history;
mod pages;
mod passkey;
mod password;
mod position;
mod registration;
mod rotation;
mod token;
mod two_services;
