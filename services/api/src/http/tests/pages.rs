//! The documents about the service.

use super::support::{finished_spec, start_default};

#[tokio::test]
async fn the_document_is_served_and_revalidated() {
    let server = start_default();
    let answer = server.get("/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, finished_spec().into_bytes());
    let tag = answer.header("etag").expect("an entity tag");
    for known in [tag.to_owned(), format!("\"x\", W/{tag}")] {
        let again = server
            .ask(&format!(
                "GET /openapi.json HTTP/1.1\r\nhost: x\r\nif-none-match: {known}\r\n\r\n"
            ))
            .await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), Some(tag));
    }
    let other = "GET /openapi.json HTTP/1.1\r\nhost: x\r\nif-none-match: \"x\"\r\n\r\n";
    assert_eq!(server.ask(other).await.status, 200);
    let post = server.post("/openapi.json", "{}").await;
    assert_eq!(
        (post.status, post.header("allow")),
        (405, Some("GET, HEAD"))
    );
    assert_eq!(post.problem(), "method_not_allowed");
}

#[tokio::test]
async fn the_docs_load_nothing_from_elsewhere_and_run_nothing_inline() {
    let server = start_default();
    let page = server.get("/docs").await;
    let html = String::from_utf8(page.body.clone()).expect("text");
    assert!(html.contains("<title>Test &lt;API></title>"), "{html}");
    assert!(!html.contains("://"), "{html}");
    let inline = html
        .split("<script")
        .skip(1)
        .any(|rest| !rest.starts_with(" src="));
    assert!(!inline && !html.contains("<style"));
    assert_eq!(
        page.header("content-security-policy"),
        Some(
            "default-src 'none'; script-src 'self'; style-src 'self'; \
             img-src 'self' data:; connect-src 'self' https://id.example.com; form-action 'none'; \
             frame-ancestors 'none'; base-uri 'none'"
        )
    );
    for (path, content_type, least) in [
        (
            "/docs/swagger-ui.js",
            "text/javascript; charset=utf-8",
            1_000_000,
        ),
        ("/docs/swagger-ui.css", "text/css; charset=utf-8", 100_000),
        ("/docs/start.js", "text/javascript; charset=utf-8", 100),
    ] {
        assert!(html.contains(&path[1..]));
        let file = server.get(path).await;
        assert_eq!(file.header("content-type"), Some(content_type));
        assert!(file.body.len() >= least, "{path}: {}", file.body.len());
        let text = String::from_utf8(file.body).expect("text");
        assert!(
            !text.contains("@import") && !text.contains("url(http"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_type_of_a_problem_can_be_looked_up() {
    let server = start_default();
    let problem = server.get("/none").await.json();
    let page = server.get(problem["type"].as_str().expect("a type")).await;
    assert_eq!((page.status, &page.json()["code"]), (200, &problem["code"]));
    assert_eq!(page.json()["title"], problem["title"]);
}
