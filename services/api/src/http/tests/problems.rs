//! Every error is a problem, and every answer has its headers.

use serde_json::json;

use super::support::{Setup, start, start_default};

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let server = start_default();
    for path in [
        "/",
        "/v1",
        "/v1/ping/",
        "/v1/pong",
        "//",
        "/%00",
        "/v1/items/",
        "/..%2f",
        "/%ff",
    ] {
        let answer = server.get(path).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (404, "not_found"),
            "{path}"
        );
    }
    let log = server.log.lock().expect("no panic").clone();
    assert!(log.iter().all(|line| line == "- 404"), "{log:?}");
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = start_default();
    for method in ["PUT", "PATCH", "TRACE", "BREW", "get"] {
        let request = format!("{method} /v1/items/1 HTTP/1.1\r\nhost: x\r\n\r\n");
        let answer = server.ask(&request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (405, "method_not_allowed")
        );
        assert_eq!(
            answer.header("allow"),
            Some("DELETE, GET, HEAD, OPTIONS"),
            "{method}"
        );
        assert!(!answer.text().contains("BREW"));
    }
    let answer = server
        .ask("OPTIONS /v1/echo HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(
        (answer.status, answer.header("allow")),
        (204, Some("OPTIONS, POST"))
    );
    assert_eq!(answer.header("access-control-allow-origin"), None);
    for request in [
        "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
        "CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        assert_eq!(server.ask(request).await.problem(), "not_found");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = start_default();
    let mut client = server.connect().await;
    for (path, status) in [
        ("/v1/ping", 200),
        ("/openapi.json", 200),
        ("/none", 404),
        ("/v1/echo", 405),
    ] {
        let get = server.get(path).await;
        client
            .send(format!("HEAD {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        let head = client.answer_to(false).await;
        assert_eq!(head.status, status);
        assert_eq!(head.header("content-length"), get.header("content-length"));
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.header("etag"), get.header("etag"));
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_named_and_not_repeated() {
    let server = start_default();
    let item = "/v1/items/019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007";
    let cases = [
        ("/v1/items/hunter2", "", "id", "must be a UUID"),
        ("/v1/items/%ff", "", "id", "must be a UUID"),
        (
            &*format!("{item}?limit=hunter2"),
            "",
            "limit",
            "must be a whole number, 1 to 100",
        ),
        (
            &*format!("{item}?limit=101"),
            "",
            "limit",
            "must be a whole number, 1 to 100",
        ),
        (
            &*format!("{item}?limit="),
            "",
            "limit",
            "must be a whole number, 1 to 100",
        ),
        (
            item,
            "countersign-min-position: hunter2\r\n",
            "Countersign-Min-Position",
            "must be a whole number",
        ),
    ];
    for (path, header, name, message) in cases {
        let answer = server
            .ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n{header}\r\n"))
            .await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "validation_failed"),
            "{path}"
        );
        assert_eq!(
            answer.json()["errors"],
            json!([{ "parameter": name, "message": message }])
        );
        assert!(!answer.text().contains("hunter2"));
    }
    assert_eq!(server.get(item).await.status, 200);
    assert_eq!(
        server
            .get(&format!("{item}?limit=5&limit=7&x=%ff%00"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_handlers_problem_arrives_as_it_was_made() {
    let server = start_default();
    let answer = server
        .get("/v1/items/00000000-0000-0000-0000-000000000000")
        .await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (404, "not_found")
    );
    assert_eq!(answer.json()["detail"], "no such item");
    let answer = server
        .ask("DELETE /v1/items/019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header("www-authenticate"),
        Some(
            "Bearer error=\"insufficient_user_authentication\", acr_values=\"aal2\", max_age=\"300\""
        )
    );
    let log = server.log.lock().expect("no panic").clone();
    assert_eq!(log, ["/v1/items/{id} 404", "/v1/items/{id} 401"]);
}

#[tokio::test]
async fn a_foreign_error_becomes_a_problem_without_its_text() {
    let server = start_default();
    for (status, becomes, code) in [
        (402, 400, "validation_failed"),
        (403, 403, "insufficient_permissions"),
        (418, 400, "validation_failed"),
        (500, 500, "internal_error"),
        (502, 503, "unavailable"),
    ] {
        let answer = server.get(&format!("/v1/odd/{status}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (becomes, code));
        assert!(!answer.text().contains("canary"));
    }
    let oauth = server.get("/v1/odd/400").await;
    assert_eq!(oauth.status, 400);
    assert_eq!(oauth.json(), json!({ "error": "invalid_grant" }));
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let server = start_default();
    let mut client = server.connect().await;
    for _ in 0..3 {
        client
            .send("GET /v1/panic HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (500, "internal_error")
        );
        assert!(!answer.text().contains("canary"));
        client
            .send("GET /v1/ping HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        assert_eq!(client.answer().await.status, 200);
    }
}

#[tokio::test]
async fn ab_08_every_answer_has_the_security_headers() {
    let plain = start_default();
    let https = start(Setup {
        https: true,
        ..Setup::default()
    });
    for path in [
        "/v1/ping",
        "/none",
        "/v1/panic",
        "/docs",
        "/openapi.json",
        "/v1/odd/400",
    ] {
        let answer = plain.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("strict-transport-security"), None);
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(policy.contains("base-uri 'none'") && !policy.contains("script-src 'unsafe"));
        assert!(answer.header("cross-origin-resource-policy").is_some());
        assert!(answer.header("countersign-request-id").is_some());
        assert_eq!(answer.header("server"), None);
        let public = path == "/docs" || path == "/openapi.json";
        assert_eq!(answer.header("cache-control") == Some("no-store"), !public);
        let answer = https.get(path).await;
        assert_eq!(
            answer.header("strict-transport-security"),
            Some("max-age=31536000; includeSubDomains")
        );
    }
}
