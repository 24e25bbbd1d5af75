//! What only a planted bug would break: see `tests/mutants`. Each of these goes red where the bug that it names is planted.

use crate::common::{World, agent_body, too_many};
use guestwire::guest::event::Status;
use serde_json::json;

/// Weak point 15 (guest-api.md §9): the unsent make the list longer than what was read, and no page is skipped for it.
/// `page-number-from-list-size`.
#[test]
fn weak15_unsent_rows_in_the_list_skip_no_page() {
    let mut world = World::new(1);
    world.set(json!({"autoStart": false}));
    world.start();
    world.run_until_ready();
    for n in 0..250 {
        world.agent(&format!("line {n}"));
        world.run(10);
    }
    world.run(70_000);
    world.reload();
    world.run_until_ready();
    world.run(10_000);
    let lines = |world: &World| world.page.texts().into_iter().filter(|text| text.starts_with("line")).collect::<Vec<_>>();
    let expected = |from: usize| (from..250).map(|n| format!("line {n}")).collect::<Vec<_>>();
    assert_eq!(lines(&world), expected(150));

    // As many rows again, none of which the service has.
    world.answer_message(too_many(60));
    for n in 0..110 {
        world.send(&format!("mine {n}"));
    }
    let ticket = world.command(|session, now, ticket| session.history(now, ticket));
    world.wait("an older page", 50_000, |world| world.outcome(ticket).is_some());
    assert_eq!(world.loaded(ticket), Some((100, false)));
    assert_eq!(lines(&world), expected(50));
}

/// Row 32: where the service carries no ids, the same words from before the page was loaded prove nothing of what is said
/// now. `joined-by-text-before-the-anchor`.
#[test]
fn row32_the_same_words_of_an_earlier_life_of_the_page_prove_nothing() {
    let mut world = World::new(2);
    world.set(json!({"echoMetadata": false, "echoTracingId": "none"}));
    world.start();
    world.run_until_ready();
    world.send("same");
    world.wait_sent(10_000);
    world.agent("and what else?");
    world.run(20_000);
    world.reload();
    world.run_until_ready();
    world.run(10_000);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "drop"}));
    let id = world.send("same");
    world.run(60_000);
    assert_eq!((world.times_stored("same"), world.status(&id)), (2, Status::Sent));
    assert_eq!(world.page.texts(), ["same", "and what else?", "same"]);
}

/// Row 26: the same words out of another tab are another message, and ours still waits. `joined-by-text-in-the-list`.
#[test]
fn row26_the_same_words_of_another_tab_do_not_settle_what_waits_here() {
    let mut world = World::settled(3);
    world.answer_message(too_many(60));
    let id = world.send("same");
    world.run(1_000);
    let mut body = agent_body("0123456789abcdef0123456789abcdef", "same", world.now);
    body["direction"] = json!("Inbound");
    body["metadata"] = json!({"id": "another tab's"});
    world.raw_body(body);
    world.run(1_000);
    assert_eq!(world.page.texts(), ["same", "same"]);
    assert_eq!(world.page.rows.iter().filter(|row| row.text.is_some() || row.id == id).map(|row| row.status).collect::<Vec<_>>(), [Status::Queued]);
    world.wait_sent(90_000);
    assert_eq!(world.times_stored("same"), 1);
}
