//! `POST /v1/auth/step-up`

use std::sync::Arc;

use countersign_openapi as wire;
use countersign_passkey::Purpose;
use poem::web::Data;
use poem_openapi::OpenApi;

use super::login::presented;
use crate::app::App;
use crate::carrier::Carrier;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::grant::Proof;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::routes::answer::{Carried, carried};
use crate::routes::show;
use crate::routes::tags::Tags;

pub(crate) struct StepUp;

#[OpenApi]
impl StepUp {
    /// Step up
    ///
    /// Raises the caller's session: the answer is a new access token with the
    /// `acr` and `auth_time` that sensitive operations ask for (RFC 9470). The
    /// password is enough only where the account has no second factor.
    #[oai(
        path = "/v1/auth/step-up",
        method = "post",
        operation_id = "step_up",
        tag = "Tags::Auth"
    )]
    async fn step_up(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        carrier: Carrier,
        caller: SignedIn,
        body: Json<wire::StepUp>,
    ) -> poem::Result<Carried<wire::SteppedUp>> {
        let app = app.0;
        let (id, session) = (caller.0.account(), caller.0.session());
        let account = app.accounts.current(id).await.map_err(Denied::from)?;
        let proof = match method(body.0.method) {
            None => {
                let typed = body.0.code.as_ref().ok_or(Denied::Invalid {
                    field: "/code",
                    message: "expected the password",
                })?;
                app.prove_password(&request, id, &account, session, typed.expose())
                    .await?;
                Proof::PASSWORD
            }
            Some(method) => {
                let presented = presented(method, body.0.code.as_ref(), body.0.passkey.as_ref())?;
                let purpose = Purpose::StepUp;
                let proved = app
                    .prove_factor(
                        &request,
                        id,
                        &account.state,
                        &presented,
                        purpose,
                        Some(session),
                    )
                    .await?;
                let Some(proof) = proved else {
                    let method = presented.kind();
                    app.note_failure(&request, session, id, method).await?;
                    return Err(Denied::MfaInvalid.into());
                };
                proof
            }
        };
        // A recovery code that was just used up has changed the account.
        let account = app.accounts.recent(id).await.map_err(Denied::from)?;
        let by_cookie = carrier.holds(app, session);
        let mut granted = app
            .step_up(&request, session, id, &account.state, proof, by_cookie)
            .await?;
        let cookie = Carrier::carry(&mut granted, by_cookie)?;
        let answer = wire::SteppedUp {
            acr: show::acr(&granted.acr),
            access_token: granted.tokens.access_token,
            token_type: granted.tokens.token_type,
            expires_in: granted.tokens.expires_in,
        };
        Ok(carried(answer, granted.position, cookie))
    }
}

/// The second factor; none for the password.
fn method(method: wire::StepUpMethod) -> Option<wire::MfaMethod> {
    match method {
        wire::StepUpMethod::Password => None,
        wire::StepUpMethod::Totp => Some(wire::MfaMethod::Totp),
        wire::StepUpMethod::RecoveryCode => Some(wire::MfaMethod::RecoveryCode),
        wire::StepUpMethod::Passkey => Some(wire::MfaMethod::Passkey),
    }
}
