//! `GET /dev/mail`: the mails that `countersign dev` has put into a folder
//! instead of sending them. Not part of the contract, and not there otherwise.

use std::sync::Arc;

use poem::http::{Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response};
use serde_json::json;

use crate::app::App;
use crate::denied::Denied;

/// How many are shown.
const SHOWN: usize = 50;

/// Answers `/dev/mail` where there is such a folder, and lets all else pass.
pub(crate) async fn with_dev_mail<E>(endpoint: Arc<E>, request: Request) -> poem::Result<Response>
where
    E: Endpoint,
{
    let asked = request.uri().path() == "/dev/mail" && request.method() == Method::GET;
    let folder = request
        .data::<Arc<App>>()
        .and_then(|app| app.config.dev_mail.clone());
    let (true, Some(folder)) = (asked, folder) else {
        return endpoint
            .call(request)
            .await
            .map(IntoResponse::into_response);
    };
    let read = tokio::task::spawn_blocking(move || countersign_mail::list(&folder, SHOWN)).await;
    let broken = |error: &dyn std::fmt::Display| Denied::Broken(error.to_string());
    let mails = read
        .map_err(|error| broken(&error))?
        .map_err(|error| broken(&error))?;
    let items: Vec<_> = mails
        .iter()
        .map(|mail| {
            json!({
                "id": mail.id,
                "to": mail.to,
                "subject": mail.subject,
                "at": mail.at.to_string(),
                "text": mail.text,
            })
        })
        .collect();
    let body = serde_json::to_vec_pretty(&json!({ "items": items, "next": null }));
    let body = body.map_err(|error| broken(&error))?;
    Ok(Response::builder()
        .status(StatusCode::OK)
        .content_type("application/json")
        .header("Cache-Control", "no-store")
        .body(body))
}
