//! The chapters of the documentation.

#[derive(poem_openapi::Tags)]
pub(super) enum Tags {
    /// Coming and going: registration, tokens, their end.
    #[oai(rename = "auth")]
    Auth,
    /// One's own account and sessions.
    #[oai(rename = "me")]
    Me,
    /// What operators see and do. Needs a role that permits it.
    #[oai(rename = "admin")]
    Admin,
    /// What verifiers in other services are told, and what they report.
    #[oai(rename = "feed")]
    Feed,
    /// Tokens for services, which sign in as themselves.
    #[oai(rename = "oauth2")]
    OAuth,
    /// Keys for those who verify tokens, and the state of the service.
    #[oai(rename = "operations")]
    Operations,
}
