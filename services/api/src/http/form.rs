//! Forms (`application/x-www-form-urlencoded`), as OAuth wants them.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The content type of a form, exactly.
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// A form has at most this many parameters.
const PARAMETERS_MAX: usize = 32;

/// A form in a request's body, or why there is none: what that is answered
/// with is the endpoint's business.
///
/// A parameter without a value counts as left out, one that is not known is
/// passed over, and one that comes twice, known or not, spoils the form
/// (RFC 6749 section 3.2).
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) std::result::Result<T, NoForm>);

/// Why a body is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoForm {
    /// It says to be something else.
    #[error("expected application/x-www-form-urlencoded")]
    ContentType,
    /// It is not encoded as forms are, or not in UTF-8.
    #[error("the form is malformed")]
    Malformed,
    /// A parameter comes twice.
    #[error("a parameter comes more than once")]
    Twice,
    /// There are too many parameters.
    #[error("there are too many parameters")]
    TooMany,
}

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for Form<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: CONTENT_TYPE,
                schema: T::schema_ref(),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let body = body.take()?.into_bytes().await?;
        if !request.content_type().is_some_and(is_form) {
            return Ok(Self(Err(NoForm::ContentType)));
        }
        Ok(Self(read(&body)))
    }
}

/// The one content type; of parameters only `charset=utf-8`, which some
/// clients send.
fn is_form(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case(CONTENT_TYPE)
        && parts.all(|parameter| parameter.eq_ignore_ascii_case("charset=utf-8"))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> std::result::Result<T, NoForm> {
    let mut members = Map::new();
    for pair in body.split(|byte| *byte == b'&') {
        if pair.is_empty() {
            continue;
        }
        let at = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = match at {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        let name = decoded(name).ok_or(NoForm::Malformed)?;
        let value = decoded(value).ok_or(NoForm::Malformed)?;
        if members.len() >= PARAMETERS_MAX {
            return Err(NoForm::TooMany);
        }
        if members.insert(name, Value::String(value)).is_some() {
            return Err(NoForm::Twice);
        }
    }
    members.retain(|_, value| value != "");
    serde_json::from_value(Value::Object(members)).map_err(|_| NoForm::Malformed)
}

/// The text of a form's name or value: `+` is a space, `%` begins two
/// hexadecimal digits, and the whole is UTF-8 without NUL.
pub(crate) fn decoded(encoded: &[u8]) -> Option<String> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                u8::try_from(value).ok()?
            }
            0 => return None,
            other => *other,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(default)]
    struct Asked {
        a: Option<String>,
        b: Option<String>,
    }

    fn asked(a: &str, b: Option<&str>) -> Asked {
        Asked {
            a: Some(a.to_owned()),
            b: b.map(str::to_owned),
        }
    }

    #[test]
    fn a_form_is_read_and_what_is_not_known_is_passed_over() {
        assert_eq!(
            read(b"a=1+%2b%C3%A9&x=y&b=2=3"),
            Ok(asked("1 +é", Some("2=3")))
        );
        assert_eq!(read(b"&a=1&"), Ok(asked("1", None)));
        assert_eq!(read(b""), Ok(Asked::default()));
        // Without a value it was not sent.
        assert_eq!(read(b"a=1&b="), Ok(asked("1", None)));
        assert_eq!(read(b"a=1&b"), Ok(asked("1", None)));
    }

    #[test]
    fn a_parameter_comes_once() {
        for twice in ["a=1&a=1", "a=1&%61=2", "a=&a=1", "x=1&a=1&x=2", "a&a"] {
            assert_eq!(
                read::<Asked>(twice.as_bytes()),
                Err(NoForm::Twice),
                "{twice}"
            );
        }
    }

    #[test]
    fn what_is_not_encoded_well_is_no_form() {
        for bad in [
            "a=%", "a=%4", "a=%zz", "a=%ff", "%=1", "a=%00", "a=\0", "a=%+1",
        ] {
            assert_eq!(
                read::<Asked>(bad.as_bytes()),
                Err(NoForm::Malformed),
                "{bad:?}"
            );
        }
        let many: Vec<String> = (0..=PARAMETERS_MAX).map(|n| format!("p{n}=1")).collect();
        assert_eq!(
            read::<Asked>(many.join("&").as_bytes()),
            Err(NoForm::TooMany)
        );
    }

    #[test]
    fn only_a_form_is_a_form() {
        assert!(is_form("application/x-www-form-urlencoded"));
        assert!(is_form("Application/X-WWW-Form-Urlencoded; charset=UTF-8"));
        for other in [
            "",
            "text/plain",
            "application/json",
            "multipart/form-data",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/x-www-form-urlencoded, text/plain",
        ] {
            assert!(!is_form(other), "{other}");
        }
    }
}
