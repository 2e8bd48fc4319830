//! What a page of somebody else can have a browser do, and what opening a link
//! does.

use serde_json::{Value, json};

use crate::support::{Call, Client, InBrowser, World, email};

/// Every operation that changes something: method, path, an example of its
/// body.
fn changes() -> Vec<(String, String, Option<Value>)> {
    let document = countersign_api::document().expect("no gaps");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let mut changes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            if !["post", "put", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let example = "/requestBody/content/application~1json/example";
            let body = operation.pointer(example).cloned();
            changes.push((method.to_uppercase(), path.clone(), body));
        }
    }
    assert!(changes.len() >= 8, "only {}", changes.len());
    changes
}

/// A call of it that is right in form.
fn call(client: &Client, change: &(String, String, Option<Value>)) -> Call {
    let (method, path, body) = change;
    let id = "0190c7a2-5b1e-7a6e-9d5b-6b1f3e2d4c5a";
    let segments = path.split('/').map(|segment| {
        let is_parameter = segment.starts_with('{');
        if is_parameter { id } else { segment }
    });
    let call = client.call(method, &segments.collect::<Vec<_>>().join("/"));
    match body {
        Some(body) => call.json(body),
        None => call,
    }
}

/// What browsers say of a request that another page is behind.
const FOREIGN: [&[(&str, &str)]; 9] = [
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://id.people.example")],
    &[("origin", "https://id.people.example:8443")],
    &[("origin", "https://www.id.people.example")],
    &[
        ("origin", "https://id.people.example"),
        ("origin", "https://evil.example"),
    ],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("host", "evil.example"),
    ],
];

#[tokio::test]
async fn ab_06_a_page_of_another_site_changes_nothing_at_all() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    world.register(&address).await;
    let ada = world.in_browser(&address).await;
    let before = world.ends().await;
    for change in &changes() {
        for headers in FOREIGN {
            let with = |call: Call| {
                let all = headers.iter();
                all.fold(call, |call, (name, value)| call.header(name, value))
            };
            // Not with a token of the highest rank, nor with a cookie and the
            // CSRF token that fits.
            let by_token = with(call(&world, change).by(&operator.access));
            let by_cookie = with(call(&world, change).in_page(&ada));
            for call in [by_token, by_cookie] {
                let answer = call.send_once().await;
                let told = (answer.status, answer.code());
                let expected = (403, "csrf_invalid".to_owned());
                assert_eq!(told, expected, "{change:?} {headers:?}");
                assert_eq!(answer.cookies(), [""; 0]);
                assert_eq!(answer.header("access-control-allow-origin"), "");
            }
        }
    }
    assert_eq!(world.ends().await, before, "nothing was written");
    world.verify(&operator.access).await.expect(200);
    world.verify(&ada.access).await.expect(200);
}

/// The other half of the test above: it is the headers that were refused.
#[tokio::test]
async fn our_own_pages_named_origins_and_programs_are_let_through() {
    let named = "https://app.people.example";
    let world = World::with(&[("allowed_origins", named)]).await;
    for headers in [
        &[][..],
        &[("origin", "https://id.people.example")],
        &[
            ("origin", "https://id.people.example"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("origin", named), ("sec-fetch-site", "same-site")],
    ] {
        for change in &changes() {
            let all = headers.iter();
            let call = all.fold(call(&world, change), |call, (name, value)| {
                call.header(name, value)
            });
            let answer = call.send_once().await;
            assert_ne!(answer.code(), "csrf_invalid", "{change:?} {headers:?}");
        }
    }
}

#[tokio::test]
async fn ab_07_a_cookie_needs_the_csrf_token_of_its_own_session() {
    let world = World::start().await;
    let foreign = world.foreign().await;
    let (ada, eve) = (email("ada"), email("eve"));
    world.register(&ada).await;
    world.register(&eve).await;
    foreign.register(&ada).await;
    let person = world.in_browser(&ada).await;
    let other_session = world.in_browser(&ada).await;
    let other_user = world.in_browser(&eve).await;
    let other_keys = foreign.in_browser(&ada).await;
    let good = person.csrf.as_str();
    let mut flipped = good.to_owned();
    let last = flipped.pop().expect("a letter");
    flipped.push(if last == 'A' { 'B' } else { 'A' });
    let bad = [
        other_session.csrf.clone(),
        other_user.csrf.clone(),
        other_keys.csrf.clone(),
        flipped,
        good[..good.len() - 1].to_owned(),
        good.to_uppercase(),
        "csx_".to_owned(),
        String::new(),
        // Naive double submit: the cookie's value is no CSRF token.
        person.cookie.clone(),
    ];
    let before = world.ends().await;
    for path in ["/v1/auth/refresh", "/v1/auth/logout"] {
        for csrf in &bad {
            let forged = InBrowser {
                csrf: csrf.clone(),
                ..person.clone()
            };
            let call = world.post(path, &json!({})).in_page(&forged);
            let answer = call.send().await.refused(403, "csrf_invalid");
            // The cookie stays: it would be a way to sign people out.
            assert_eq!(answer.cookies(), [""; 0], "{path}");
        }
        let none = world.post(path, &json!({})).for_cookie();
        let none = none.with_cookie(&person.cookie).send().await;
        none.refused(403, "csrf_invalid");
        let twice = world.post(path, &json!({})).in_page(&person);
        let twice = twice.header("x-csrf-token", good).send().await;
        twice.refused(403, "csrf_invalid");
    }
    assert_eq!(world.ends().await, before, "nothing was written");
    let call = world.post("/v1/auth/refresh", &json!({})).in_page(&person);
    call.send().await.expect(200);
}

#[tokio::test]
async fn ab_07_a_csrf_token_is_given_to_nobody_without_the_cookie() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let csrf = || world.get("/v1/auth/csrf");
    for call in [
        csrf(),
        csrf().with_cookie("x"),
        csrf().with_cookie(""),
        csrf().by(&ada.access),
    ] {
        let answer = call.send().await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(!answer.text().contains("csx_"));
    }
}

#[tokio::test]
async fn ab_36_scanners_may_open_a_link_as_often_as_they_like() {
    let world = World::start().await;
    let before = world.ends().await;
    for page in ["verify", "email", "reset"] {
        // A fragment is never sent; a scanner that moves it to the query
        // changes nothing either.
        for path in [
            format!("/account/{page}"),
            format!("/account/{page}?token=x"),
        ] {
            for method in ["GET", "HEAD"] {
                let answer = world.call(method, &path).send().await.expect(200);
                assert_eq!(answer.body.is_empty(), method == "HEAD", "{path}");
                assert_eq!(answer.header("cache-control"), "no-store");
                assert_eq!(answer.header("referrer-policy"), "no-referrer");
                assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
            }
        }
        let posted = world.post(&format!("/account/{page}"), &json!({}));
        posted.send().await.refused(405, "method_not_allowed");
    }
    for path in ["/v1/auth/email/verify", "/v1/auth/password/reset"] {
        for method in ["GET", "HEAD"] {
            let answer = world.call(method, &format!("{path}?token=x")).send().await;
            assert_eq!(answer.status, 405, "{method} {path}");
        }
    }
    assert_eq!(world.ends().await, before, "nothing was written");
}
