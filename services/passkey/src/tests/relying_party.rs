use crate::tests::{account, registered};
use crate::{PasskeyError, Passkeys};

fn party(public_url: &str) -> Result<(String, String), PasskeyError> {
    Passkeys::new(public_url, "Countersign")
        .map(|party| (party.rp_id().to_owned(), party.origin().to_owned()))
}

#[test]
fn the_relying_party_is_the_host_and_the_origin_has_its_port() {
    for (url, id, origin) in [
        (
            "https://id.example.com",
            "id.example.com",
            "https://id.example.com",
        ),
        (
            "https://ID.example.com:443/auth",
            "id.example.com",
            "https://id.example.com",
        ),
        (
            "https://id.example.com:8443/",
            "id.example.com",
            "https://id.example.com:8443",
        ),
        (
            "http://localhost:8080",
            "localhost",
            "http://localhost:8080",
        ),
    ] {
        assert_eq!(party(url), Ok((id.to_owned(), origin.to_owned())), "{url}");
    }
}

#[test]
fn a_loopback_address_stands_for_localhost() {
    for url in ["http://127.0.0.1:8080", "http://[::1]:8080/"] {
        let expected = ("localhost".to_owned(), "http://localhost:8080".to_owned());
        assert_eq!(party(url), Ok(expected), "{url}");
    }
    let passkeys = Passkeys::new("http://127.0.0.1:8080", "Countersign").unwrap();
    registered(&passkeys, account(1));
}

#[test]
fn what_no_browser_takes_is_refused_at_the_start() {
    assert_eq!(party("https://203.0.113.20"), Err(PasskeyError::Address));
    assert_eq!(party("https://[2001:db8::1]"), Err(PasskeyError::Address));
    for url in [
        "id.example.com",
        "ftp://id.example.com",
        "data:text/plain,x",
        "",
    ] {
        assert_eq!(party(url), Err(PasskeyError::PublicUrl), "{url}");
    }
}
