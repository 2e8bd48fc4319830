//! What an attacker tries. Names begin with the ids of the abuse battery.

mod body;
mod browser;
mod canary;
mod enumeration;
mod forged;
mod hostile;
mod jwt;
mod password;
mod recovery;
mod reset;
