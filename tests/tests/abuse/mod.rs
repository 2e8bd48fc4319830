//! What an attacker tries. Names begin with the ids of the abuse battery.

mod body;
mod browser;
mod canary;
mod enumeration;
mod every;
mod forged;
mod hostile;
mod jwt;
mod links;
mod mfa;
mod oauth2;
mod outage;
mod passkey;
mod password;
mod recovery;
mod reset;
mod step_up;
mod throttle;
