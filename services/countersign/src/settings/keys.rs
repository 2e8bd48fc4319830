//! The one list of settings.

/// A setting.
#[derive(Debug)]
pub struct Key {
    /// Its name in the file; in the environment it is `COUNTERSIGN_` and this
    /// in capitals.
    pub name: &'static str,
    /// What it is unless said otherwise.
    pub default: Option<&'static str>,
    /// Whether its value is never shown and may come from a file named by
    /// `COUNTERSIGN_<NAME>_FILE`.
    pub secret: bool,
    /// What a value looks like.
    pub expected: &'static str,
    /// What it is for.
    pub about: &'static str,
}

const fn key(
    name: &'static str,
    default: Option<&'static str>,
    expected: &'static str,
    about: &'static str,
) -> Key {
    Key {
        name,
        default,
        secret: false,
        expected,
        about,
    }
}

const fn secret(name: &'static str, expected: &'static str, about: &'static str) -> Key {
    Key {
        name,
        default: None,
        secret: true,
        expected,
        about,
    }
}

/// Every setting there is.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("listen", Some("127.0.0.1:8080"), "an address and a port, for example 127.0.0.1:8080; port 0 picks one",
        "Where the service listens."),
    key("issuer", None, "the public URL, for example https://id.example.com, without a slash at its end",
        "The `iss` of every token. Unless set: http:// and the address that is listened on."),
    key("audience", Some("countersign"), "a name",
        "The `aud` of access tokens."),
    key("trusted_proxies", Some(""), "addresses and ranges, for example 10.0.0.0/8, 192.0.2.7",
        "The proxies whose X-Forwarded-For is believed. Nobody's, unless set."),
    secret("nats_url", "nats://user:password@host:4222, several separated by commas",
        "The NATS servers that hold the log."),
    secret("postgres_url", "postgres://user:password@host:5432/database",
        "The Postgres that holds the read models."),
    secret("kek", "32 bytes in base64, for example from `openssl rand -base64 32`",
        "The key-encryption key that seals the vault. Without it no password, key or personal data can be read again."),
    key("prefix", Some("cs"), "1 to 32 of a-z, A-Z, 0-9, _ and -",
        "Names the streams and subjects of this deployment."),
    key("shards", Some("8"), "1 to 64",
        "How many shards a log that is created now gets. An existing log keeps its number."),
    key("replicas", Some("1"), "1, 3 or 5",
        "JetStream replicas of what is created now."),
    key("log_deadline_millis", Some("600"), "100 to 10000",
        "How long one append or read of the log may take before a request is told 503. An append whose answer is missing is looked for once more, so a request may take half as long again."),
    key("access_token_seconds", Some("900"), "1 to 1800",
        "How long access tokens live."),
    key("service_token_seconds", Some("300"), "1 to 900",
        "How long the tokens of services live. A token that was exchanged never outlives the one it was made from."),
    key("session_idle_seconds", Some("604800"), "seconds, no more than session_absolute_seconds",
        "How long a session lives without a refresh."),
    key("session_absolute_seconds", Some("2592000"), "seconds",
        "How long a session lives at most."),
    key("session_retention_seconds", Some("7776000"), "86400 or more",
        "How long the log keeps a session after that."),
    key("refresh_grace_seconds", Some("10"), "0 to 30",
        "How long a rotated refresh token may ask for its successor again."),
    key("position_wait_millis", Some("2000"), "milliseconds",
        "How long a read waits for Countersign-Min-Position."),
    key("jwks_cache_seconds", Some("300"), "1 to 43200",
        "How long others may keep the published signing keys. A new key is published that long, and 10 seconds more, before it signs."),
    key("key_rotation_days", Some("30"), "1 to 3650; 0: never",
        "How long a signing key signs before another takes its place."),
    key("signing_algorithm", Some("ES256"), "ES256 or EdDSA",
        "What signing keys that are made from now on sign with."),
    key("product", Some("Countersign"), "1 to 60 characters",
        "What the product is called in authenticator apps and mails."),
    key("mfa_attempt_seconds", Some("300"), "1 to 600",
        "How long the second step of a login may take."),
    key("own_max_age_seconds", Some("300"), "0 to 3600",
        "How old an authentication may be for what changes one's own factors, address or account."),
    key("operator_max_age_seconds", Some("900"), "0 to 3600",
        "How old an operator's authentication with two factors may be for what changes something."),
    key("password_reset_seconds", Some("1800"), "1 to 3600",
        "How long the token in a mail for a forgotten password or another address is good."),
    key("email_verification_seconds", Some("86400"), "seconds",
        "How long the token in a mail that proves an address is good."),
    key("verify_email_first", Some("false"), "true or false",
        "Whether an address must be verified before the first login. Registrations are then answered 202 for every address."),
    key("session_binding", Some("off"), "off, observe or enforce",
        "Whether a session is tied to the network and the kind of device it was started on: its use from elsewhere is noted, or needs a step-up."),
    key("allowed_origins", Some(""), "origins, for example https://app.example.com, separated by commas",
        "The pages of other sites that may call with a person's cookie. None, unless set."),
    key("failed_logins_per_minute", Some("5"), "0 to 200; 0: no limit",
        "How many logins from one network may fail in a minute before it has to wait."),
    key("registrations_per_hour", Some("0"), "0 to 200; 0: no limit",
        "How many accounts may be registered from one network in an hour. Set it where anybody can register: each registration sends a mail."),
    key("mails_per_hour", Some("3"), "0 to 200; 0: no limit",
        "How many mails one account may be sent on demand in an hour."),
    key("password_blocklist", Some(""), "a path of a text file, one password to a line",
        "Passwords that nobody may choose, beside those that are known to be easy to guess."),
    key("mail_transport", Some("off"), "off, smtp or a path of a folder",
        "How mails leave."),
    key("mail_from", Some("Countersign <no-reply@localhost>"), "an address, or Name <address>",
        "Who mails are from."),
    key("mail_reply_to", Some(""), "an address, or Name <address>",
        "Where answers to mails go, if not to the sender."),
    key("mail_link_base", Some(""), "a URL without a slash at its end",
        "Where the pages are that links in mails lead to. Unless set: the issuer."),
    key("smtp_host", Some("localhost"), "a name",
        "The mail server."),
    key("smtp_port", Some("587"), "1 to 65535",
        "Its port."),
    key("smtp_security", Some("starttls"), "starttls, tls or none",
        "What protects the connection to it."),
    key("smtp_user", Some(""), "a name",
        "Who we are to it, if it asks."),
    secret("smtp_password", "the password of smtp_user",
        "And the password."),
    key("password_min_length", Some("8"), "8 to 64",
        "The fewest characters of a new password."),
    key("password_memory_kib", Some("19456"), "19456 or more",
        "Argon2id memory of a new password hash."),
    key("password_iterations", Some("2"), "2 or more",
        "Argon2id passes of a new password hash."),
    key("password_workers", Some("0"), "a number of threads; 0 stands for one for each processor",
        "How many passwords are hashed side by side."),
    key("checkpoint_file", Some(""), "a path",
        "Where the projector keeps its signed checkpoint of the log and the service looks for it. Put it on another disk than the log."),
    key("log", Some("info,countersign::access=off,async_nats=off,sqlx=warn"), "a filter as RUST_LOG takes it",
        "What is logged. `info` alone also writes a line for each request."),
    key("log_format", Some("text"), "text or json",
        "How it is logged."),
];
