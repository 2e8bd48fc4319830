//! The published keys, ready to send.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_openapi as wire;
use countersign_verifier::KeySet;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload as _;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;

use crate::http::Json;

/// A JSON Web Key Set (RFC 7517), written once.
pub(crate) struct Jwks {
    body: Bytes,
    /// RFC 9110 section 8.8.3. Equal sets have equal bytes, so every instance
    /// has the same.
    tag: String,
}

impl Jwks {
    pub(super) fn new(keys: &KeySet) -> Self {
        let body = Bytes::from(keys.to_jwks());
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body);
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest));
        Self { body, tag }
    }

    /// The answer to who knows the set by `known` (`If-None-Match`, RFC 9110
    /// section 13.1.2), to be kept for this long.
    pub(crate) fn answer(&self, known: Option<&str>, max_age_seconds: u64) -> JwksAnswer {
        let is_known = known.is_some_and(|known| {
            known.split(',').map(str::trim).any(|one| {
                // Who compressed it on the way has weakened its tag.
                one == "*" || one.strip_prefix("W/").unwrap_or(one) == self.tag
            })
        });
        JwksAnswer {
            body: (!is_known).then(|| self.body.clone()),
            tag: self.tag.clone(),
            cache: format!("public, max-age={max_age_seconds}"),
        }
    }
}

/// 200 with the set, or 304.
pub(crate) struct JwksAnswer {
    body: Option<Bytes>,
    tag: String,
    cache: String,
}

impl IntoResponse for JwksAnswer {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => {
                let mut response = Response::builder().body(Body::from_bytes(body));
                let json = HeaderValue::from_static(Json::<wire::Jwks>::CONTENT_TYPE);
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                response
            }
            None => StatusCode::NOT_MODIFIED.into_response(),
        };
        let headers = [
            (header::ETAG, self.tag),
            (header::CACHE_CONTROL, self.cache),
        ];
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl ApiResponse for JwksAnswer {
    fn meta() -> MetaResponses {
        let header = |name: &str, description: &str| MetaHeader {
            name: name.into(),
            description: Some(description.into()),
            required: true,
            deprecated: false,
            schema: <String as Type>::schema_ref(),
        };
        let headers = || {
            vec![
                header("Cache-Control", "How long the set may be kept."),
                header("ETag", "The set, for `If-None-Match`."),
            ]
        };
        let response = |status, description, schema: Option<MetaSchemaRef>| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: schema
                .map(|schema| MetaMediaType {
                    content_type: Json::<wire::Jwks>::CONTENT_TYPE,
                    schema,
                })
                .into_iter()
                .collect(),
            headers: headers(),
        };
        MetaResponses {
            responses: vec![
                response(200, "The set.", Some(wire::Jwks::schema_ref())),
                response(304, "The set is the one that is known.", None),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        <wire::Jwks as Type>::register(registry);
    }
}
