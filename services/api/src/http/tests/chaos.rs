//! Requests that nobody would write.

use super::support::{post, start_default};

/// SplitMix64: the same requests in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).expect("below `sides`")
    }
}

#[tokio::test]
async fn mutated_requests_are_answered_or_closed_and_never_a_fault() {
    let server = start_default();
    let mut dice = Dice(7);
    let item = "GET /v1/items/019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007?limit=5&a=%41 HTTP/1.1\r\n\
        host: x\r\naccept: */*\r\ncountersign-min-position: 7\r\n\
        traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
        x-forwarded-for: 1.2.3.4, [::1]:5\r\n\r\n";
    let note = r#"{"title":"é","numbers":[1,2],"secret":null,"colour":"red"}"#;
    let chunked = "POST /v1/maybe HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n5\r\n{\"tit\r\n8;x=y\r\nle\":\"a\"}\r\n0\r\nx: y\r\n\r\n";
    let seeds = [
        item.to_owned(),
        post("/v1/echo", "content-type: application/json\r\n", note),
        chunked.to_owned(),
        "HEAD /docs HTTP/1.0\r\nif-none-match: \"a\"\r\n\r\n".to_owned(),
    ];
    for _ in 0..3_000 {
        let mut bytes = seeds[dice.roll(seeds.len())].clone().into_bytes();
        for _ in 0..=dice.roll(3) {
            let at = dice.roll(bytes.len());
            match dice.roll(5) {
                0 => bytes[at] = u8::try_from(dice.roll(256)).expect("a byte"),
                1 => bytes.truncate(at.max(1)),
                2 => {
                    bytes.remove(at);
                }
                3 => bytes.insert(at, b"\r\n \0:%/{\"\xff"[dice.roll(10)]),
                _ => {
                    let copied = bytes[at..(at + dice.roll(40)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, copied);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        let mut client = server.connect().await;
        let _ = client.try_send(&bytes).await;
        // No more will come: a request that is cut short is over.
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut client.socket).await;
        let answers = String::from_utf8_lossy(&client.rest().await).into_owned();
        assert!(
            answers.is_empty()
                || answers.starts_with("HTTP/1.1 ")
                || answers.starts_with("HTTP/1.0 "),
            "{answers}"
        );
        assert!(
            !answers.contains("internal_error"),
            "{:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    assert_eq!(server.get("/v1/ping").await.status, 200);
}
