//! Who is asking.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use poem::http::{HeaderMap, HeaderValue};

use super::support::{Setup, start, start_default};
use crate::http::client::truncated;
use crate::http::{Network, TraceParent, TrustedProxies};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

fn trusted(list: &str) -> TrustedProxies {
    list.parse().expect("a list of proxies")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The client, as seen by a proxy list, for these `X-Forwarded-For` lines.
fn client(proxies: &str, peer: IpAddr, lines: &[&[u8]]) -> IpAddr {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(
            "x-forwarded-for",
            HeaderValue::from_bytes(line).expect("a header value"),
        );
    }
    trusted(proxies).client(peer, &headers)
}

#[test]
fn ab_71_without_trusted_proxies_only_the_peer_counts() {
    for line in [&b"1.2.3.4"[..], b"a", b"", b"\xff\xfe", b"10.0.0.1"] {
        assert_eq!(client("", PEER, &[line]), PEER);
        assert_eq!(client("192.0.2.0/24", PEER, &[line]), PEER);
    }
}

#[test]
fn ab_71_behind_a_proxy_the_right_most_stranger_counts() {
    let cases: &[(&[&[u8]], &str)] = &[
        (&[b"203.0.113.7"], "203.0.113.7"),
        (&[b"1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (&[b"1.1.1.1", b"203.0.113.7, 10.9.9.9"], "203.0.113.7"),
        (&[b"a, b, c,, 203.0.113.7 , 10.2.3.4"], "203.0.113.7"),
        (&[b"203.0.113.7:51000"], "203.0.113.7"),
        (&[b"2001:db8::7"], "2001:db8::7"),
        (&[b"[2001:db8::7]"], "2001:db8::7"),
        (&[b"[2001:db8::7]:443"], "2001:db8::7"),
        (&[b"::ffff:203.0.113.7"], "203.0.113.7"),
        // All of them ours: the furthest.
        (&[b"10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        // Nothing that can be used.
        (&[], "10.0.0.1"),
        (&[b"a"], "10.0.0.1"),
        (&[b"203.0.113.7, a"], "10.0.0.1"),
        (&[b"203.0.113.7, "], "10.0.0.1"),
        (&[b"unknown"], "10.0.0.1"),
        (&[b"203.0.113.7:99999"], "10.0.0.1"),
        (&[b"1.2.3"], "10.0.0.1"),
        (&[b"fe80::1%eth0"], "10.0.0.1"),
        (&[b"\xff"], "10.0.0.1"),
    ];
    for (lines, expected) in cases {
        let found = client("10.0.0.0/8", PEER, lines);
        assert_eq!(found, address(expected), "{lines:?}");
    }
}

#[test]
fn ab_71_a_thousand_hops_cost_nothing() {
    let many = vec!["10.0.0.1"; 1_000].join(",");
    assert_eq!(client("10.0.0.0/8", PEER, &[many.as_bytes()]), PEER);
    let long = "1".repeat(10_000);
    assert_eq!(client("10.0.0.0/8", PEER, &[long.as_bytes()]), PEER);
}

#[test]
fn a_mapped_peer_is_an_ipv4_peer() {
    let mapped = IpAddr::V6(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
    assert_eq!(
        client("10.0.0.0/8", mapped, &[b"203.0.113.7"]),
        address("203.0.113.7")
    );
    assert_eq!(client("", mapped, &[]), PEER);
}

#[test]
fn a_list_of_proxies_is_read_or_refused() {
    assert_eq!(trusted(" "), TrustedProxies::default());
    let both = trusted("10.0.0.0/8,fd00::/8 192.0.2.7");
    let seen = |peer: &str| {
        both.client(address(peer), &{
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.7"));
            headers
        })
    };
    for ours in ["10.255.0.1", "fd12::1", "192.0.2.7"] {
        assert_eq!(seen(ours), address("203.0.113.7"));
    }
    for stranger in ["11.0.0.1", "fe00::1", "192.0.2.8", "::1"] {
        assert_eq!(seen(stranger), address(stranger));
    }
    assert_eq!(client("0.0.0.0/0", PEER, &[b"9.9.9.9"]), address("9.9.9.9"));
    for bad in [
        "10.0.0.0/33",
        "::/129",
        "10.0.0/8",
        "proxy",
        "10.0.0.0/",
        "/8",
        "10.0.0.0/-1",
    ] {
        assert!(bad.parse::<TrustedProxies>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn ab_34_ab_71_headers_of_a_stranger_change_nothing() {
    let server = start_default();
    for header in [
        "x-forwarded-for: 203.0.113.7",
        "x-forwarded-for: a",
        "x-real-ip: 203.0.113.7",
        "forwarded: for=203.0.113.7;host=evil.example",
        "x-forwarded-host: evil.example",
        "x-forwarded-proto: https",
        "cf-connecting-ip: 203.0.113.7",
        "x-forwarded-for: \u{ff}",
    ] {
        let request = format!("GET /v1/whoami HTTP/1.1\r\nhost: evil.example\r\n{header}\r\n\r\n");
        let answer = server.ask(&request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["client"], "127.0.0.1", "{header}");
        assert!(!answer.text().contains("evil.example"));
    }
    let absolute = server
        .ask("GET http://evil.example/v1/whoami HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(absolute.json()["client"], "127.0.0.1");
}

#[tokio::test]
async fn a_trusted_proxy_tells_the_client() {
    let server = start(Setup {
        trusted_proxies: trusted("127.0.0.0/8"),
        ..Setup::default()
    });
    let request =
        "GET /v1/whoami HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 6.6.6.6, 2001:db8::1\r\n\r\n";
    assert_eq!(server.ask(request).await.json()["client"], "2001:db8::1");
}

#[tokio::test]
async fn a_request_has_an_id_a_trace_and_a_user_agent() {
    let server = start_default();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let request = format!(
            "GET /v1/whoami HTTP/1.1\r\nhost: x\r\ntraceparent: {trace}\r\nuser-agent: curl/8\r\n\r\n"
        );
        let answer = server.ask(&request).await;
        let json = answer.json();
        let id = answer
            .header("countersign-request-id")
            .expect("an id")
            .to_owned();
        assert_eq!(json["request_id"], id);
        let id: uuid::Uuid = id.parse().expect("a UUID");
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(
            id.get_timestamp().map(|t| t.to_unix().0),
            Some(1_780_000_000)
        );
        assert!(seen.insert(id));
        assert_eq!(json["trace_parent"], trace);
        assert_eq!(json["user_agent"], "curl/8");
    }
}

#[tokio::test]
async fn a_user_agent_is_cut_and_made_text() {
    let server = start_default();
    let mut client = server.connect().await;
    let cases: [(&[u8], String); 4] = [
        (&[b'x'; 10_000], "x".repeat(512)),
        (b"a\xff\xfeb", "a\u{fffd}\u{fffd}b".to_owned()),
        (&"é".repeat(300).into_bytes(), "é".repeat(256)),
        (
            &[[b'x'].as_slice(), "é".repeat(300).as_bytes()].concat(),
            format!("x{}", "é".repeat(255)),
        ),
    ];
    for (sent, kept) in cases {
        client
            .send("GET /v1/whoami HTTP/1.1\r\nhost: x\r\nuser-agent: ")
            .await;
        client.send(sent).await;
        client.send("\r\n\r\n").await;
        assert_eq!(client.answer().await.json()["user_agent"], kept);
    }
    let none = server.get("/v1/whoami").await;
    assert!(none.json()["user_agent"].is_null());
}

#[test]
fn a_trace_parent_is_valid_or_nothing() {
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let parsed = TraceParent::parse(good.as_bytes()).expect("valid");
    assert_eq!(parsed.to_string(), good);
    assert!(TraceParent::parse(format!("01{}-later", &good[2..]).as_bytes()).is_some());
    for bad in [
        "",
        "00",
        &good[..54],
        &format!("{good}-"),
        &format!("{good}x"),
        &format!("ff{}", &good[2..]),
        &format!("01{}x", &good[2..]),
        &good.to_uppercase(),
        &good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
        &good.replace("00f067aa0ba902b7", &"0".repeat(16)),
        &good.replace('-', "_"),
        &good.replace("4b", "4g"),
    ] {
        assert_eq!(TraceParent::parse(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn networks_group_what_one_subscriber_has() {
    let network = |text: &str| Network::of(address(text));
    assert_eq!(network("203.0.113.7").to_string(), "203.0.113.7/32");
    assert_eq!(
        network("2001:db8:1:2:3:4:5:6").to_string(),
        "2001:db8:1:2::/64"
    );
    assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
    assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    assert_eq!(network("::ffff:203.0.113.7"), network("203.0.113.7"));
    assert_eq!(truncated(address("203.0.113.7")), "203.0.113.0/24");
    assert_eq!(truncated(address("2001:db8:1:2::1")), "2001:db8:1::/48");
    assert_eq!(truncated(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), "::/48");
}
