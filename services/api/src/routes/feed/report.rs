//! `POST /v1/revocations/report`

use std::sync::Arc;

use countersign_openapi as wire;
use countersign_verifier::feed::Report;
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::app::App;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::routes::tags::Tags;

pub(crate) struct ReportVerifier;

#[OpenApi]
impl ReportVerifier {
    /// Report how far a verifier has come
    ///
    /// About once a second. The answer says where the feed has to be read to
    /// in order to be complete, and how long ago that was known; nothing else
    /// proves that no revocation is missing. Needs a service token with the
    /// scope `revocations:read`, or `verifiers:read`.
    #[oai(
        path = "/v1/revocations/report",
        method = "post",
        operation_id = "report_verifier",
        tag = "Tags::Feed"
    )]
    async fn report_verifier(
        &self,
        app: Data<&Arc<App>>,
        caller: SignedIn,
        body: Json<wire::VerifierReport>,
    ) -> poem::Result<Json<wire::ReportAnswer>> {
        let body = body.0;
        let report = Report {
            v: body.v,
            id: body.id,
            name: body.name,
            seq: body.seq,
            cursor: body.cursor,
            kids: body.kids,
            staleness_ms: body.staleness_ms,
            max_staleness_ms: body.max_staleness_ms,
            leaving: body.leaving,
        };
        let client = &caller.0.claims().client_id;
        let answer = app.0.feed.report(report, client).await;
        let answer = answer.ok_or(Denied::Blind)?;
        Ok(Json(wire::ReportAnswer {
            v: answer.v,
            stream: answer.stream.to_string(),
            seq: answer.seq,
            cursor: answer.cursor,
            age_ms: answer.age_ms,
            since: answer.since,
        }))
    }
}
