use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::{Registered, World};

#[tokio::test]
async fn unknown_clients_and_wrong_secrets_are_one_answer() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &[], &["a"], &[]).await;
    let bare = world
        .register_client(&operator, &serde_json::json!({ "name": "bare" }))
        .await;
    let mut answers = Vec::new();
    for (id, secret) in [
        (client.id.as_str(), "csc_wrong"),
        (bare.as_str(), "csc_wrong"),
        (
            "019a2b3c-6d00-7a00-8b00-4c5d6e7f8007",
            client.secret.as_str(),
        ),
        ("nobody", "x"),
        ("first-party", "x"),
        (&client.id.to_uppercase(), client.secret.as_str()),
        (&format!("{{{}}}", client.id), client.secret.as_str()),
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
        ];
        let answer = world.form("/oauth2/token", &form).send().await;
        answers.push(answer.oauth_error(401, "invalid_client").text());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_client_proves_itself_by_one_method() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &[], &["a"], &[]).await;
    let other = world.client_of(&operator, &[], &["a"], &[]).await;
    let basic = |client: &Registered| {
        let pair = format!("{}:{}", client.id, client.secret);
        format!("Basic {}", STANDARD.encode(pair))
    };
    let grant = ("grant_type", "client_credentials");
    let post = client.post();
    for (form, header) in [
        ([&post[..], &[grant]].concat(), basic(&client)),
        (
            vec![grant, ("client_id", other.id.as_str())],
            basic(&client),
        ),
        ([&post[..], &[grant]].concat(), "Bearer x".to_owned()),
        (vec![grant], "Basic x".to_owned()),
    ] {
        let call = world
            .form("/oauth2/token", &form)
            .header("authorization", &header);
        call.send().await.oauth_error(401, "invalid_client");
    }
    let twice = world
        .form("/oauth2/token", &[grant])
        .header("authorization", &basic(&client))
        .header("authorization", &basic(&client));
    twice.send().await.oauth_error(401, "invalid_client");
    let named = world
        .form("/oauth2/token", &[grant, ("client_id", client.id.as_str())])
        .header("authorization", &basic(&client));
    named.send().await.expect(200);
}

#[tokio::test]
async fn a_request_is_a_form_with_each_parameter_once() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &[], &["a"], &["x", "y"]).await;
    let good = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        client.id, client.secret
    );
    let form = "application/x-www-form-urlencoded";
    let send = |kind: &'static str, body: String| {
        world.call("POST", "/oauth2/token").body(kind, body).send()
    };
    send(form, good.clone()).await.expect(200);
    send(form, format!("{good}&unknown=1&scope="))
        .await
        .expect(200);
    for more in [
        "&scope=x&scope=y",
        "&scope=x&scope=x",
        "&resource=a&resource=a",
        "&u=1&u=2",
    ] {
        let answer = send(form, format!("{good}{more}")).await;
        answer.oauth_error(400, "invalid_request");
    }
    for broken in ["&scope=%", "&scope=%zz", "&scope=%ff", "&scope=%00"] {
        let answer = send(form, format!("{good}{broken}")).await;
        answer.oauth_error(400, "invalid_request");
    }
    let many: Vec<String> = (0..40).map(|n| format!("p{n}=1")).collect();
    let answer = send(form, format!("{good}&{}", many.join("&"))).await;
    answer.oauth_error(400, "invalid_request");
    for kind in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
    ] {
        let answer = send(kind, good.clone()).await;
        answer.oauth_error(400, "invalid_request");
    }
    let json = serde_json::json!({ "grant_type": "client_credentials" });
    let answer = world.post("/oauth2/token", &json).send().await;
    answer.oauth_error(400, "invalid_request");
    send(form, format!("{good}&x={}", "y".repeat(70_000)))
        .await
        .refused(413, "payload_too_large");
    // Neither does a parameter of the URL count.
    let query = format!("/oauth2/token?{good}");
    let answer = world.form(&query, &[]).send().await;
    answer.oauth_error(401, "invalid_client");
}

#[tokio::test]
async fn grants_that_are_not_there_are_refused() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &[], &["a"], &[]).await;
    for grant in [
        "password",
        "refresh_token",
        "authorization_code",
        "CLIENT_CREDENTIALS",
    ] {
        let form = [&client.post()[..], &[("grant_type", grant)]].concat();
        let answer = world.form("/oauth2/token", &form).send().await;
        answer.oauth_error(400, "unsupported_grant_type");
    }
    let answer = world.form("/oauth2/token", &client.post()).send().await;
    answer.oauth_error(400, "invalid_request");
}

#[tokio::test]
async fn who_fails_often_is_told_to_wait_and_who_is_right_is_not() {
    let world = World::with(&[("failed_logins_per_minute", "5")]).await;
    let second = world.second_service().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &[], &["a"], &[]).await;
    let other = world.client_of(&operator, &[], &["a"], &[]).await;
    let wrong = client.with_secret("csc_wrong");
    // All services count together.
    for n in 0..5 {
        let service = if n % 2 == 0 {
            &*world.service
        } else {
            &*second
        };
        let answer = service.ask_token(&wrong, &[]).await;
        answer.oauth_error(401, "invalid_client");
    }
    let answer = world.ask_token(&wrong, &[]).await;
    answer.oauth_error(429, "temporarily_unavailable");
    world.ask_token(&client, &[]).await.expect(200);
    let answer = world.ask_token(&other.with_secret("x"), &[]).await;
    answer.oauth_error(401, "invalid_client");
    world.later(std::time::Duration::from_secs(61));
    let answer = world.ask_token(&wrong, &[]).await;
    answer.oauth_error(401, "invalid_client");
    second.stop().await;
}
