//! Deployments: which there are, their configuration (guest-api.md §1.4), who may connect.
//!
//! Any id is a deployment. What it starts with decides what is wrong with it: `missing` is none, `inactive` says so,
//! `malformed` serves a page instead of its configuration, `refused` refuses the upgrade.

use serde_json::{Value, json};

use super::Platform;
use super::settings::Disconnect;

impl Platform {
    pub(super) fn is_known(&self, deployment: &str) -> bool {
        !deployment.starts_with("missing")
    }

    pub(super) fn is_active(&self, deployment: &str) -> bool {
        !deployment.starts_with("inactive") && self.settings.of(deployment).active
    }

    /// The allow-list of `allowedDomains`: a host and its subdomains. No list admits everyone, a missing origin too.
    pub(super) fn admits_origin(&self, deployment: &str, origin: Option<&str>) -> bool {
        let Some(allowed) = &self.settings.of(deployment).allowed_domains else {
            return true;
        };
        let origin = origin.unwrap_or_default();
        let host = origin.rsplit("//").next().unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default();
        allowed
            .iter()
            .any(|domain| host.eq_ignore_ascii_case(domain) || host.to_ascii_lowercase().ends_with(&format!(".{}", domain.to_ascii_lowercase())))
    }

    /// `config.json`.
    pub(super) fn config(&self, deployment: &str, base: &str) -> Value {
        let settings = self.settings.of(deployment);
        let (disconnects, kind) = match settings.disconnect {
            Disconnect::ReadOnly => (true, "ReadOnly"),
            Disconnect::Send => (true, "Send"),
            Disconnect::Off => (false, "Send"),
        };
        let mut upload = json!({
            "modes": [{ "fileTypes": settings.file_types, "maxFileSizeKB": settings.max_file_kb }],
        });
        if let Some(enabled) = settings.attachments {
            upload["enableAttachments"] = enabled.into();
        }
        json!({
            "id": deployment,
            "version": "3",
            "languages": ["en-us", "de"],
            "defaultLanguage": "en-us",
            "apiEndpoint": base,
            "headlessMode": { "enabled": true },
            "messenger": {
                "enabled": true,
                "apps": {
                    "conversations": {
                        "enabled": true,
                        "messagingEndpoint": base.replacen("http", "ws", 1),
                        "sessionDurationSeconds": settings.session_seconds,
                        "showAgentTypingIndicator": settings.agent_typing,
                        "showUserTypingIndicator": settings.typing,
                        "autoStart": { "enabled": settings.auto_start },
                        "conversationDisconnect": { "enabled": disconnects, "type": kind },
                        "conversationClear": { "enabled": settings.clear },
                        "notifications": {
                            "enabled": false,
                            "notificationContentType": "ExcludeMessagesContent",
                        },
                        "markdown": { "enabled": settings.markdown },
                        "humanize": {
                            "enabled": settings.humanize,
                            "bot": { "name": "Bot", "avatarUrl": format!("{base}/api/v2/downloads/sample.png") },
                        },
                    },
                },
                "styles": { "primaryColor": settings.color },
                "launcherButton": { "visibility": "On" },
                "homeScreen": { "enabled": false, "logoUrl": "" },
                "fileUpload": upload,
            },
            "position": { "alignment": "Auto", "sideSpace": 20, "bottomSpace": 12 },
            "journeyEvents": { "enabled": false },
            "status": if self.is_active(deployment) { "Active" } else { "Inactive" },
            "auth": { "enabled": settings.auth, "allowSessionUpgrade": settings.session_upgrade },
        })
    }

    /// `domains.json`.
    pub(super) fn domains(&self, deployment: &str) -> Value {
        match &self.settings.of(deployment).allowed_domains {
            None => json!({ "allowAllDomains": true, "allowedDomains": [] }),
            Some(domains) => json!({ "allowAllDomains": false, "allowedDomains": domains }),
        }
    }

    /// `allowedMedia` of the session response. Without attachments it names no type.
    pub(super) fn allowed_media(&self, deployment: &str) -> Value {
        let settings = self.settings.of(deployment);
        if settings.attachments == Some(false) {
            return json!({ "inbound": { "fileTypes": [], "maxFileSizeKB": settings.max_file_kb } });
        }
        let types: Vec<Value> = settings.file_types.iter().map(|kind| json!({ "type": kind })).collect();
        json!({ "inbound": { "fileTypes": types, "maxFileSizeKB": settings.max_file_kb } })
    }
}
