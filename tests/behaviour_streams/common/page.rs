//! What the page does and tells: signs of life, leaving and coming back, stopping, disposing.

use super::*;

// ---- the page

#[test]
fn after_a_sleep_a_dead_line_is_found_out_within_seconds() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.pass(20_000);
        world.network.strand();
        // The monotonic clock stood still, the other went on.
        world.ahead += 3_600_000;
        world.page(Page::Resumed);
        let woken = world.now;
        world.wait("another line", 4_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
        assert!(world.now - woken <= 2_000 + 500 + 200, "{kind:?}: {}", world.now - woken);
    }
}

#[test]
fn after_a_freeze_a_dead_line_is_found_out_and_a_good_one_kept() {
    for kind in KINDS {
        for dead in [false, true] {
            let mut world = ready(kind, json!({}));
            world.pass(20_000);
            if dead {
                world.network.strand();
            }
            world.frozen = true;
            world.pass(300_000);
            world.thaw();
            world.page(Page::Resumed);
            world.pass(10_000);
            assert_eq!((world.opens.len(), world.state()), (1 + usize::from(dead), State::Ready), "{kind:?} {dead}");
        }
    }
}

#[test]
fn a_line_that_closed_during_a_freeze_is_replaced_at_once() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.frozen = true;
        world.pass(60_000);
        break_line(&mut world);
        world.pass(60_000);
        world.thaw();
        world.wait("another line", 1_500, |world| world.opens.len() == 2 && world.state() == State::Ready);
    }
}

#[test]
fn a_page_that_is_left_holds_no_line_and_comes_back_when_it_is_shown() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.pass(15_000);
        world.page(Page::Left);
        assert_nothing_is_left(&mut world, "left");
        let (shown, told) = (world.now, world.told.len());
        world.page(Page::Shown);
        world.wait_for(State::Ready, 2_500);
        assert_eq!(world.opens.len(), 2, "{kind:?}");
        world.pass(30_000);
        let metrics = world.told[told..].iter().filter(|(_, event)| matches!(event, Event::Metrics(_))).count();
        assert!((2..=3).contains(&metrics), "since {shown}: {metrics}");
    }
}

#[test]
fn a_page_that_is_frozen_has_lost_nothing() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.pass(20_000);
        world.page(Page::Frozen);
        world.pass(1_000);
        world.page(Page::Resumed);
        world.wait_for(State::Ready, 5_000);
        assert_eq!((world.figure("losses"), world.figure("reconnects")), (0.0, 0.0), "{kind:?}");
        break_line(&mut world);
        world.pass(10);
        world.wait_for(State::Ready, 5_000);
        assert_eq!(world.figure("losses"), 1.0, "{kind:?}");
    }
}

#[test]
fn a_page_that_is_left_before_it_is_connected_comes_back_too() {
    for kind in KINDS {
        for moment in [0, 30, 50, 70, 90, 110] {
            let mut world = made(kind, json!({}));
            let ticket = world.start();
            world.pass(moment);
            world.page(Page::Left);
            assert_nothing_is_left(&mut world, "left");
            world.page(Page::Shown);
            world.wait_for(State::Ready, 3_000);
            assert_eq!(world.done(ticket), Some(None), "{kind:?} {moment}");
        }
    }
}

#[test]
fn a_page_that_never_wanted_a_connection_is_left_alone_by_every_signal() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        for signal in [Page::Visible, Page::Hidden, Page::Resumed, Page::Shown, Page::Left, Page::Focused, Page::Input, Page::Online, Page::Offline] {
            world.page(signal);
        }
        reconnect(&mut world);
        let ticket = world.stop();
        assert_eq!(world.done(ticket), Some(None));
        world.page(Page::Shown);
        world.page(Page::Online);
        assert_nothing_is_left(&mut world, "never started");
    }
}

#[test]
fn a_browser_that_says_it_is_offline_is_not_believed_without_a_look() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.pass(20_000);
        world.page(Page::Offline);
        world.pass(10_000);
        assert_eq!((world.opens.len(), world.state()), (1, State::Ready), "it lied");
        world.network.strand();
        world.page(Page::Offline);
        world.wait("given up", 5_000, |world| world.state() != State::Ready);
        world.wait_for(State::Ready, 3_000);
        assert_eq!(world.opens.len(), 2, "{kind:?}");
    }
}

#[test]
fn a_hidden_page_tries_once_a_minute() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.page(Page::Hidden);
        world.network.line = Line::Offline;
        break_line(&mut world);
        world.pass(3_600_000);
        assert!((50..=61).contains(&world.opens.len()), "{kind:?}: {}", world.opens.len());
        assert!(world.opens[1..].windows(2).all(|two| two[1].0 - two[0].0 >= 60_000), "{kind:?}: {:?}", world.opens);
        world.wait_for(State::Offline, 1_000);
        let now = world.now;
        world.network.heal(now);
        world.page(Page::Visible);
        world.wait_for(State::Ready, 2_500);
    }
}

// ---- the end

#[test]
fn stopping_leaves_nothing_whenever_it_comes() {
    for kind in KINDS {
        for moment in [0, 10, 30, 50, 70, 90, 110, 130, 5_000] {
            let mut world = made(kind, json!({"health": {"url": "http://hooks/health"}}));
            let started = world.start();
            world.pass(moment);
            let ticket = world.stop();
            assert_eq!(world.done(ticket), Some(None));
            assert!(world.done(started) == Some(None) || world.done(started) == Some(Some(Code::STOPPED)), "{kind:?} {moment}");
            assert_eq!(world.state(), State::Stopped);
            world.pass(1_000);
            assert_nothing_is_left(&mut world, "stopped");
            let again = world.start();
            world.wait_for(State::Ready, 5_000);
            assert_eq!(world.done(again), Some(None), "{kind:?} {moment}");
        }
    }
}

#[test]
fn stopping_leaves_nothing_of_a_wait_or_of_a_look() {
    for kind in KINDS {
        for (fault, moment) in [
            (refuse(kind, 503, 0), 85),
            (refuse(kind, 503, 0), 200),
            (answer_token(0, json!({"do": "status", "status": 503})), 100),
            (answer_token(0, json!({"do": "blackhole"})), 100),
            (json!({"on": "connect", "match": {"path": path(kind)}, "do": "blackhole"}), 5_000),
        ] {
            let mut world = made(kind, json!({}));
            world.fault(fault.clone());
            let started = world.start();
            world.pass(moment);
            world.stop();
            assert_eq!(world.done(started), Some(Some(Code::STOPPED)));
            world.pass(1_000);
            assert_nothing_is_left(&mut world, &format!("{kind:?} {fault}"));
        }
    }
}

#[test]
fn disposing_leaves_nothing_and_everything_is_inert_after_it() {
    for kind in KINDS {
        for moment in [0, 30, 50, 70, 90, 130, 5_000] {
            let mut world = made(kind, json!({"health": {"url": "http://hooks/health"}}));
            world.hooks.insert("http://hooks/health".into(), Hook::Hangs);
            let started = world.start();
            world.pass(moment);
            dispose(&mut world);
            assert!(world.done(started).is_some(), "{kind:?} {moment}: its start is never answered");
            assert_nothing_is_left(&mut world, "disposed");
            let (told, opens, asked) = (world.told.len(), world.opens.len(), world.asked.len());
            for signal in [Page::Visible, Page::Shown, Page::Online] {
                world.page(signal);
            }
            let again = world.start();
            reconnect(&mut world);
            world.input(Input::Opened(SocketId(1)));
            assert_nothing_is_left(&mut world, "started again");
            assert_eq!((world.opens.len(), world.asked.len()), (opens, asked));
            assert_eq!(world.done(again), Some(Some(Code::STOPPED)));
            assert_eq!(world.told.len(), told + 1);
        }
    }
}

#[test]
fn a_stream_that_is_disposed_of_does_not_say_that_it_comes_back() {
    let mut world = ready(Kind::Conversations, json!({"health": {"url": "http://hooks/health"}}));
    let told = world.told.len();
    dispose(&mut world);
    let states: Vec<_> =
        world.told[told..].iter().filter_map(|(_, event)| if let Event::State(state) = event { Some(*state) } else { None }).collect();
    assert_eq!(states, [State::Stopped]);
    let health: Vec<_> =
        world.told[told..].iter().filter_map(|(_, event)| if let Event::Health(body) = event { Some(body.clone()) } else { None }).collect();
    assert!(health.len() == 1 && health[0].contains("disconnected"), "{health:?}");
}
