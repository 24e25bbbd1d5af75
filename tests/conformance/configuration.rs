//! The deployment's configuration (guest-api.md §1.4).

use crate::frames::frame;
use guestwire::core::error::Code;
use guestwire::core::http::Reply;
use guestwire::guest::config::{Config, Found, read, url};

fn found(body: &str) -> Found {
    read(Ok(Reply { status: 200, retry_after: None, body }))
}

#[test]
fn the_complete_example_is_read() {
    assert_eq!(found(frame!("configuration")), Found::Active(Config { auto_start: true, shows_user_typing: true, clearable: true }));
}

#[test]
fn what_is_absent_or_odd_is_off() {
    let off = Found::Active(Config { auto_start: false, shows_user_typing: false, clearable: false });
    assert_eq!(found(frame!("configuration_minimal")), off);
    assert_eq!(found(frame!("configuration_odd")), off);
}

#[test]
fn only_an_active_deployment_is_used() {
    for status in ["Inactive", "Pending", "Error", "Deleting"] {
        let body = frame!("configuration").replace("\"Active\"", &format!("\"{status}\""));
        assert_eq!(found(&body), Found::Never(Code::DEPLOYMENT_INACTIVE), "{status}");
    }
}

#[test]
fn what_is_no_configuration_is_malformed() {
    for body in ["", "<html>Welcome to the airport</html>", "[]", "null", "{}", r#"{"status":null}"#, r#"{"status":1}"#, frame!("logout")] {
        assert_eq!(found(body), Found::Malformed, "{body}");
    }
}

#[test]
fn it_is_asked_for_where_the_platform_keeps_it() {
    assert_eq!(
        url("https://api-cdn.mypurecloud.de", "5f1b0000-0000-4000-8000-000000000001"),
        "https://api-cdn.mypurecloud.de/webdeployments/v1/deployments/5f1b0000-0000-4000-8000-000000000001/config.json"
    );
}
