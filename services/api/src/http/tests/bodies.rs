//! JSON that is not what it should be.

use serde_json::json;

use super::support::{post, start_default};

#[tokio::test]
async fn a_good_body_comes_back() {
    let server = start_default();
    let note = json!({ "title": "milk", "colour": "blue", "numbers": [1, 2] });
    let answer = server.post("/v1/echo", &note.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("countersign-position"), Some("3.8412"));
    assert_eq!(answer.json()["title"], "milk");
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named_and_none_repeated() {
    let server = start_default();
    let note = json!({
        "title": "x".repeat(21),
        "secret": 31_337,
        "colour": "hunter2",
        "numbers": [1, "hunter2", 3],
        "owner": "hunter2",
        "is/admin~": "hunter2",
    });
    let answer = server.post("/v1/echo", &note.to_string()).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (400, "validation_failed")
    );
    assert_eq!(
        answer.json()["errors"],
        json!([
            { "pointer": "/colour", "message": "must be one of red, blue" },
            { "pointer": "/numbers/1", "message": "must be a whole number" },
            { "pointer": "/owner", "message": "must be a UUID" },
            { "pointer": "/secret", "message": "must be a string, at most 64 characters" },
            { "pointer": "/title", "message": "must be a string, 1 to 20 characters" },
            { "pointer": "/is~1admin~0", "message": "is not a known field" },
        ])
    );
    assert!(!answer.text().contains("hunter2") && !answer.text().contains("31337"));
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let server = start_default();
    for body in ["{}", r#"{"title":null}"#] {
        let answer = server.post("/v1/echo", body).await;
        assert_eq!(answer.problem(), "validation_failed");
        assert_eq!(
            answer.json()["errors"],
            json!([{ "pointer": "/title", "message": "is required" }])
        );
    }
    let answer = server.post("/v1/echo", "[]").await;
    assert_eq!(
        answer.json()["errors"],
        json!([{ "pointer": "", "message": "must be an object" }])
    );
}

#[tokio::test]
async fn a_number_is_no_string() {
    let server = start_default();
    for title in ["5", "true", "1.5", "[]"] {
        let answer = server
            .post("/v1/echo", &format!(r#"{{"title":{title}}}"#))
            .await;
        assert_eq!(answer.problem(), "validation_failed", "{title}");
        assert_eq!(
            answer.json()["errors"],
            json!([{ "pointer": "/title", "message": "must be a string, 1 to 20 characters" }])
        );
    }
}

#[tokio::test]
async fn what_is_not_json_is_said_to_be_not_json() {
    let server = start_default();
    for body in [
        &b"{"[..],
        b"",
        b"hunter2",
        b"{\"title\":\"\xff\xfe\"}",
        b"{\"title\":\"hunter2\0\"}",
        b"{\"title\":\"hunter2\"}{}",
        b"\xef\xbb\xbf{\"title\":\"hunter2\"}",
        b"{\"title\":\"hunter2\",\"title\":\"hunter2\"}",
        b"{\"title\":\"\\ud800\"}",
        b"{\"numbers\":[1e999]}",
    ] {
        let mut client = server.connect().await;
        let head = post("/v1/echo", "content-type: application/json\r\n", "");
        let length = format!("content-length: {}", body.len());
        client
            .send(head.replace("content-length: 0", &length))
            .await;
        client.send(body).await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "validation_failed")
        );
        let message = answer.json()["errors"][0]["message"]
            .as_str()
            .map(str::to_owned);
        let message = message.expect("a message");
        assert!(message.starts_with("is not well-formed JSON") || message.starts_with("has a key"));
        assert!(!answer.text().contains("hunter2"));
    }
}

#[tokio::test]
async fn an_escaped_nul_is_a_character_like_others() {
    let server = start_default();
    let answer = server.post("/v1/echo", r#"{"title":"a\u0000b"}"#).await;
    assert_eq!(answer.json()["title"], "a\0b");
}

#[tokio::test]
async fn ab_65_depth_is_refused_whoever_parses() {
    let server = start_default();
    for path in ["/v1/echo", "/v1/foreign"] {
        for deep in ["[", "{\"a\":"] {
            // As deep as a body may be long, and just too deep.
            for depth in [64 * 1024 / deep.len(), 33] {
                let answer = server.post(path, &deep.repeat(depth)).await;
                assert_eq!(
                    (answer.status, answer.problem().as_str()),
                    (400, "validation_failed")
                );
                assert_eq!(answer.json()["detail"], "the body nests too deep");
            }
        }
        // Brackets in strings are not depth.
        let flat = json!({ "title": "[[[[{{{{\"", "secret": "[".repeat(64) });
        let answer = server.post(path, &flat.to_string()).await;
        assert!(
            answer.status == 201 || answer.status == 200,
            "{}",
            answer.text()
        );
    }
    let depth = "[".repeat(100_000);
    assert_eq!(
        server.post("/v1/echo", &depth).await.problem(),
        "payload_too_large"
    );
}

#[tokio::test]
async fn ab_65_an_array_as_long_as_a_body_may_be_is_read() {
    let server = start_default();
    let numbers = vec!["1"; 32_000].join(",");
    let answer = server
        .post(
            "/v1/echo",
            &format!(r#"{{"title":"a","numbers":[{numbers}]}}"#),
        )
        .await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.json()["numbers"].as_array().map(Vec::len),
        Some(32_000)
    );
    let numbers = vec!["1"; 1_000_000].join(",");
    let answer = server
        .post(
            "/v1/echo",
            &format!(r#"{{"title":"a","numbers":[{numbers}]}}"#),
        )
        .await;
    assert_eq!(answer.problem(), "payload_too_large");
}

#[tokio::test]
async fn ab_65_a_compressed_body_is_never_opened() {
    let server = start_default();
    for coding in ["gzip", "deflate", "br", "identity, gzip", "GZIP"] {
        let request = post(
            "/v1/echo",
            &format!("content-type: application/json\r\ncontent-encoding: {coding}\r\n"),
            "\u{1f}bomb",
        );
        let answer = server.ask(&request).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (415, "unsupported_media_type")
        );
    }
    let request = post(
        "/v1/echo",
        "content-type: application/json\r\ncontent-encoding: identity\r\n",
        r#"{"title":"a"}"#,
    );
    assert_eq!(server.ask(&request).await.status, 201);
}

#[tokio::test]
async fn another_content_type_is_415() {
    let server = start_default();
    for content_type in [
        "",
        "content-type: text/plain\r\n",
        "content-type: application/x-www-form-urlencoded\r\n",
        "content-type: application/jsonp\r\n",
        "content-type: multipart/form-data; boundary=x\r\n",
        "content-type: \u{ff}\r\n",
    ] {
        for path in ["/v1/echo", "/v1/maybe", "/v1/foreign"] {
            let answer = server
                .ask(&post(path, content_type, r#"{"title":"a"}"#))
                .await;
            assert_eq!(
                answer.problem(),
                "unsupported_media_type",
                "{content_type} {path}"
            );
            assert_eq!(answer.status, 415);
        }
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let header = format!("content-type: {content_type}\r\n");
        assert_eq!(
            server
                .ask(&post("/v1/echo", &header, r#"{"title":"a"}"#))
                .await
                .status,
            201
        );
    }
}

#[tokio::test]
async fn an_optional_body_may_be_left_out() {
    let server = start_default();
    let none = server
        .ask("POST /v1/maybe HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(none.json()["ok"], false);
    assert_eq!(server.post("/v1/maybe", "null").await.json()["ok"], false);
    assert_eq!(
        server.post("/v1/maybe", r#"{"title":"a"}"#).await.json()["ok"],
        true
    );
    assert_eq!(
        server.post("/v1/maybe", r#"{"titel":"a"}"#).await.status,
        400
    );
}

#[tokio::test]
async fn a_foreign_parser_repeats_nothing_either() {
    let server = start_default();
    for body in [
        r#"{"title":"a","secret":31337}"#,
        "{\"hunter2\"",
        r#"{"title":"a","hunter2":1}"#,
    ] {
        let answer = server.post("/v1/foreign", body).await;
        assert_eq!(answer.problem(), "validation_failed");
        assert!(!answer.text().contains("hunter2") && !answer.text().contains("31337"));
    }
}
