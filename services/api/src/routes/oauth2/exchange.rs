//! Token exchange: the token of somebody a client was called by, for one with
//! which it calls on (RFC 8693).

use countersign_openapi as wire;
use countersign_verifier::{Actor, Audience, Claims, MAX_ACTORS};

use super::token::{ACCESS_TOKEN, audience, scopes};
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::client::{Authenticated, OAuthRefused, Scopes};
use crate::keys::token_id;

impl App {
    /// Makes a token for the subject of another, with the client as its actor.
    pub(super) async fn exchange(
        &self,
        request: &Circumstances,
        client: &Authenticated,
        form: &wire::TokenRequest,
    ) -> Result<wire::ServiceToken, OAuthRefused> {
        let subject_token = asked(form)?;
        let audience = audience(client, form)?;
        let asked = scopes(client, form)?;
        let served = client.profile.serves.iter();
        let subject = self
            .believed(request, subject_token.expose(), served)?
            .filter(|claims| !claims.is_service())
            .ok_or(NOT_GOOD)?;
        if !self.stands(request, &subject).await? {
            return Err(NOT_GOOD);
        }
        let scope = scope_of(&subject, asked, form.scope.is_some())?;
        let act = Actor {
            sub: client.id.uuid(),
            epoch: client.epoch,
            act: subject.act.map(Box::new),
        };
        if act.chain().count() > MAX_ACTORS {
            return Err(OAuthRefused::request("too many act for the subject"));
        }
        let issued = u64::try_from(request.now.as_seconds()).unwrap_or_default();
        let expires = subject
            .exp
            .min(issued + self.config.service_token.as_secs());
        // Clocks may differ, and the verifier allows for that.
        if expires <= issued {
            return Err(NOT_GOOD);
        }
        let claims = Claims {
            aud: Audience::from(audience),
            exp: expires,
            iat: issued,
            nbf: issued,
            jti: token_id()?,
            client_id: client.id.to_string(),
            scope: scope.clone(),
            act: Some(act),
            ..subject
        };
        Ok(wire::ServiceToken {
            access_token: wire::Secret::new(self.sign(&claims)?),
            issued_token_type: Some(ACCESS_TOKEN.to_owned()),
            token_type: wire::TokenType::Bearer,
            expires_in: expires - issued,
            scope,
        })
    }
}

/// Which of many reasons it is, the client need not know.
const NOT_GOOD: OAuthRefused = OAuthRefused::request("the subject token is no good here");

/// The subject token of a request that asks for what there is.
fn asked(form: &wire::TokenRequest) -> Result<&wire::Secret, OAuthRefused> {
    if form.actor_token.is_some() {
        return Err(OAuthRefused::request(
            "the client itself is the actor: no actor_token",
        ));
    }
    let is_access_token = |name: &String| name == ACCESS_TOKEN;
    if !form
        .subject_token_type
        .as_ref()
        .is_some_and(is_access_token)
    {
        return Err(OAuthRefused::request("subject_token_type is not known"));
    }
    if !form
        .requested_token_type
        .as_ref()
        .is_none_or(is_access_token)
    {
        return Err(OAuthRefused::request("requested_token_type is not known"));
    }
    let token = form.subject_token.as_ref();
    token.ok_or(OAuthRefused::request("subject_token is missing"))
}

/// The scope of the new token: never more than that of the subject's.
///
/// A person's first token has no scope and no bound. A token that was
/// exchanged before has: if it has no scope, what comes of it has none either.
fn scope_of(subject: &Claims, asked: Scopes, is_explicit: bool) -> Result<String, OAuthRefused> {
    if subject.scope.is_empty() && subject.act.is_none() {
        return Ok(asked.text());
    }
    let bound = Scopes::parse(&subject.scope).ok_or(NOT_GOOD)?;
    if bound.is_empty() {
        if is_explicit && !asked.is_empty() {
            return Err(OAuthRefused::scope("the subject token has no scope"));
        }
        return Ok(String::new());
    }
    let cut = asked.cut_to(&bound);
    if cut.is_empty() {
        // Whoever knows no bound would take it for a token without one.
        return Err(OAuthRefused::scope(
            "nothing is left of the scope of the subject token",
        ));
    }
    Ok(cut.text())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn subject(scope: &str, has_actor: bool) -> Claims {
        Claims {
            iss: String::new(),
            sub: Uuid::nil(),
            aud: Audience::from("a"),
            exp: 0,
            iat: 0,
            nbf: 0,
            jti: String::new(),
            client_id: String::new(),
            sid: Uuid::nil(),
            epoch: 0,
            scope: scope.into(),
            roles: Vec::new(),
            acr: None,
            amr: Vec::new(),
            auth_time: None,
            cnf: None,
            act: has_actor.then(|| Actor {
                sub: Uuid::nil(),
                epoch: 1,
                act: None,
            }),
        }
    }

    #[test]
    fn ab_57_the_scope_of_an_exchanged_token_never_grows() {
        let scope = |subject: &Claims, asked: &str, is_explicit: bool| {
            let asked = Scopes::parse(asked).expect("scopes");
            scope_of(subject, asked, is_explicit).ok()
        };
        let text = |text: &str| Some(text.to_owned());
        // What a person signed in for has no bound.
        assert_eq!(scope(&subject("", false), "a b", false), text("a b"));
        assert_eq!(scope(&subject("", false), "", false), text(""));
        for has_actor in [false, true] {
            let bound = subject("a b", has_actor);
            assert_eq!(scope(&bound, "b c", false), text("b"));
            assert_eq!(scope(&bound, "a b", true), text("a b"));
            assert_eq!(scope(&bound, "c", true), None);
            assert_eq!(scope(&bound, "c", false), None);
            assert_eq!(scope(&bound, "", false), None);
        }
        // Once exchanged, none is none.
        let none = subject("", true);
        assert_eq!(scope(&none, "a", true), None);
        assert_eq!(scope(&none, "a", false), text(""));
        assert_eq!(scope(&none, "", false), text(""));
    }
}
