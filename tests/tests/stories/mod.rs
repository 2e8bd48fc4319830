//! What people and operators do, from beginning to end.

mod account_life;
mod address;
mod clients;
mod clock;
mod command_line;
mod cookies;
mod erasure;
mod events;
mod examples;
mod expiry;
mod feed;
mod gateway;
mod keys;
mod life;
mod mail;
mod operator;
mod own_history;
mod pages;
mod passkey;
mod password;
mod position;
mod registration;
mod revocation;
mod rotation;
mod token;
mod two_services;
