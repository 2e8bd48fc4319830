//! Who follows the log over HTTP is told everything once, whatever happens to
//! NATS.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::stack::Child;

use super::deployment::Deployment;
use super::http::{PASSWORD, login};
use super::wait::until;
use crate::support::Client;

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_events_goes_on_where_it_was_when_nats_was_restarted() {
    let deployment = Deployment::start("tail").await;
    let one = deployment.serve().await;
    let two = deployment.serve().await;
    let operator = deployment.operator(&one.service).await;
    let client = Client::new(one.service.url.clone());
    let path = "/v1/admin/events/stream?noun=session&name=started";
    let mut listening = client.listen(path, &operator.access, None).await;
    let mut people = Vec::new();
    for number in 0..4 {
        people.push(
            two.service
                .register(&format!("before.{number}@example.com"))
                .await,
        );
    }
    deployment.hold_down(Child::Nats).await;
    deployment.release(Child::Nats).await;
    let call = login(&people[0].email, PASSWORD);
    until("it works again", Duration::from_secs(10), async || {
        two.service.wants(&call, 200).await
    })
    .await;
    for number in 0..4 {
        people.push(
            two.service
                .register(&format!("after.{number}@example.com"))
                .await,
        );
    }
    let mut started: BTreeMap<String, usize> = BTreeMap::new();
    while !people
        .iter()
        .all(|person| started.contains_key(&person.session))
    {
        let heard = listening.next().await.expect("it goes on");
        match heard.name.as_str() {
            "events" => {
                for event in heard.json().as_array().expect("a list") {
                    let session = event["subject_id"].as_str().expect("an id");
                    *started.entry(session.to_owned()).or_default() += 1;
                }
            }
            "beat" => {}
            other => panic!("{other}: {heard:?}"),
        }
    }
    assert!(started.values().all(|count| *count == 1), "{started:?}");
    deployment.stop().await;
}
