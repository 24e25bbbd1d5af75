//! The switches of `/_sim/set`: what the service does where it may do several things.
//!
//! A switch is set for every deployment or, with a deployment id, for that one alone; the latter wins.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The largest number a switch takes; three centuries, where it is seconds.
const LARGEST: u64 = 10_000_000_000;
/// By how much the clock of a probe's answer can be off: a year, in milliseconds.
const LARGEST_OFFSET: i64 = 31_536_000_000;

/// Who sees the `tracingId` of a guest's message on its echo (guest-api.md §12).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EchoTracing {
    Sender,
    All,
    None,
}

/// Who answers the guest when no agent does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bot {
    Echo,
    Script,
    Silent,
}

/// What an agent's disconnect means for the guest (guest-api.md §3.4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Disconnect {
    ReadOnly,
    Send,
    Off,
}

/// What follows a file that was put to its address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Upload {
    Success,
    Failure,
    Silent,
}

/// Every switch, with the defaults of [`Settings::default`].
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    // How the service behaves.
    pub(crate) limits: bool,
    pub(crate) echo_metadata: bool,
    pub(crate) echo_tracing: EchoTracing,
    pub(crate) expose_headers: bool,
    pub(crate) expired_configure_is_new: bool,
    pub(crate) bot: Bot,
    pub(crate) latency: u64,
    pub(crate) session_seconds: u64,
    // The readings that guest-api.md leaves open.
    pub(crate) unconfigured: u16,
    pub(crate) join_again_stores: bool,
    pub(crate) auto_started: Option<bool>,
    pub(crate) too_many_as_string: bool,
    pub(crate) url_error_as_message: bool,
    pub(crate) reason_code: bool,
    pub(crate) max_page_size: u64,
    pub(crate) same_millisecond: bool,
    pub(crate) odd_history: bool,
    pub(crate) upload: Upload,
    pub(crate) auth_jwt_seconds: u64,
    // The session protocol.
    pub(crate) access_token_seconds: u64,
    pub(crate) session_page_size: u64,
    // The streams.
    pub(crate) clock_offset: i64,
    pub(crate) stream_connections: u64,
    pub(crate) stream_replay: bool,
    pub(crate) binary_every: u64,
    pub(crate) forbidden_channels: Vec<String>,
    // What the deployment's configuration says.
    pub(crate) active: bool,
    pub(crate) auto_start: bool,
    pub(crate) disconnect: Disconnect,
    pub(crate) clear: bool,
    pub(crate) typing: bool,
    pub(crate) agent_typing: bool,
    pub(crate) markdown: bool,
    pub(crate) humanize: bool,
    pub(crate) auth: bool,
    pub(crate) session_upgrade: bool,
    pub(crate) auth_required: bool,
    pub(crate) attachments: Option<bool>,
    pub(crate) file_types: Vec<String>,
    pub(crate) max_file_kb: u64,
    pub(crate) blocked_extensions: Vec<String>,
    pub(crate) max_custom_data_bytes: u64,
    pub(crate) allowed_domains: Option<Vec<String>>,
    pub(crate) color: String,
}

impl Default for Settings {
    fn default() -> Self {
        let strings = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            limits: true,
            echo_metadata: true,
            echo_tracing: EchoTracing::Sender,
            expose_headers: false,
            expired_configure_is_new: false,
            bot: Bot::Silent,
            latency: 0,
            session_seconds: 259_200,
            unconfigured: 4007,
            join_again_stores: false,
            auto_started: Some(false),
            too_many_as_string: false,
            url_error_as_message: false,
            reason_code: false,
            max_page_size: 100,
            same_millisecond: false,
            odd_history: false,
            upload: Upload::Success,
            auth_jwt_seconds: 3_600,
            access_token_seconds: 86_400,
            session_page_size: 25,
            clock_offset: 0,
            stream_connections: 10,
            stream_replay: true,
            binary_every: 3,
            forbidden_channels: Vec::new(),
            active: true,
            auto_start: true,
            disconnect: Disconnect::ReadOnly,
            clear: true,
            typing: true,
            agent_typing: true,
            markdown: true,
            humanize: true,
            auth: true,
            session_upgrade: true,
            auth_required: false,
            attachments: Some(true),
            file_types: strings(&["*/*", "image/png", "image/jpeg", "image/gif"]),
            max_file_kb: 10_240,
            blocked_extensions: strings(&[".ade", ".adp", ".bat", ".cmd", ".exe", ".js", ".msi"]),
            max_custom_data_bytes: 2_048,
            allowed_domains: None,
            color: "#0165A7".into(),
        }
    }
}

impl Settings {
    /// Sets one switch, or says why it cannot.
    fn apply(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let flag = || value.as_bool().ok_or(format!("{key} is true or false"));
        // Capped, so that no sum of times can overflow.
        let number = || value.as_u64().map(|number| number.min(LARGEST)).ok_or(format!("{key} is a whole number"));
        let list = || -> Result<Vec<String>, String> {
            value
                .as_array()
                .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect())
                .ok_or(format!("{key} is a list of strings"))
        };
        let one_of = |names: &[&str]| -> Result<usize, String> {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            names.iter().position(|name| *name == text).ok_or(format!("{key} is one of {}", names.join(", ")))
        };
        match key {
            "limits" => self.limits = flag()?,
            "echoMetadata" => self.echo_metadata = flag()?,
            "echoTracingId" => {
                self.echo_tracing = [EchoTracing::Sender, EchoTracing::All, EchoTracing::None][one_of(&["sender", "all", "none"])?];
            }
            "exposeHeaders" => self.expose_headers = flag()?,
            "expiredConfigure" => self.expired_configure_is_new = one_of(&["4006", "new"])? == 1,
            "bot" => self.bot = [Bot::Echo, Bot::Script, Bot::Silent][one_of(&["echo", "script", "silent"])?],
            "latencyMs" => self.latency = number()?,
            "sessionDurationSeconds" => self.session_seconds = number()?.max(1),
            "unconfigured" => self.unconfigured = [4007, 403][one_of(&["4007", "403"])?],
            "joinAgain" => self.join_again_stores = one_of(&["noop", "store"])? == 1,
            "autoStarted" => self.auto_started = [Some(false), Some(true), None][one_of(&["false", "true", "absent"])?],
            "tooManyRequests" => self.too_many_as_string = one_of(&["frame", "string"])? == 1,
            "generateUrlError" => self.url_error_as_message = one_of(&["response", "message"])? == 1,
            "closedReason" => self.reason_code = one_of(&["reason", "reasonCode"])? == 1,
            "maxPageSize" => self.max_page_size = number()?.max(1),
            "sameMillisecond" => self.same_millisecond = flag()?,
            "oddHistory" => self.odd_history = flag()?,
            "upload" => {
                self.upload = [Upload::Success, Upload::Failure, Upload::Silent][one_of(&["success", "failure", "silent"])?];
            }
            "authJwtSeconds" => self.auth_jwt_seconds = number()?,
            "accessTokenSeconds" => self.access_token_seconds = number()?,
            "sessionPageSize" => self.session_page_size = number()?.max(1),
            "clockOffsetMs" => {
                let offset = value.as_i64().ok_or(format!("{key} is a whole number, which may be negative"))?;
                self.clock_offset = offset.clamp(-LARGEST_OFFSET, LARGEST_OFFSET);
            }
            "streamConnections" => self.stream_connections = number()?,
            "streamReplay" => self.stream_replay = flag()?,
            "binaryEvery" => self.binary_every = number()?,
            "forbiddenChannels" => self.forbidden_channels = list()?,
            "status" => self.active = one_of(&["Inactive", "Active"])? == 1,
            "autoStart" => self.auto_start = flag()?,
            "conversationDisconnect" => {
                self.disconnect = [Disconnect::ReadOnly, Disconnect::Send, Disconnect::Off][one_of(&["ReadOnly", "Send", "off"])?];
            }
            "clear" => self.clear = flag()?,
            "typing" => self.typing = flag()?,
            "agentTyping" => self.agent_typing = flag()?,
            "markdown" => self.markdown = flag()?,
            "humanize" => self.humanize = flag()?,
            "auth" => self.auth = flag()?,
            "allowSessionUpgrade" => self.session_upgrade = flag()?,
            "authRequired" => self.auth_required = flag()?,
            "attachments" => self.attachments = [Some(true), Some(false), None][one_of(&["true", "false", "absent"])?],
            "fileTypes" => self.file_types = list()?,
            "maxFileSizeKB" => self.max_file_kb = number()?,
            "blockedExtensions" => self.blocked_extensions = list()?,
            "maxCustomDataBytes" => self.max_custom_data_bytes = number()?,
            "allowedDomains" => {
                let domains = if value.is_null() { Vec::new() } else { list()? };
                self.allowed_domains = Some(domains).filter(|domains| !domains.is_empty());
            }
            "primaryColor" => {
                self.color = value.as_str().ok_or(format!("{key} is a colour"))?.to_owned();
            }
            _ => return Err(format!("there is no switch {key}")),
        }
        Ok(())
    }
}

/// The settings of every deployment.
pub(crate) struct SettingsBook {
    /// What a reset goes back to.
    defaults: Map<String, Value>,
    global: Settings,
    /// The switches as they were set, for showing them.
    shown: Map<String, Value>,
    own: BTreeMap<String, (Map<String, Value>, Settings)>,
}

impl SettingsBook {
    pub(crate) fn new() -> Self {
        Self { defaults: Map::new(), global: Settings::default(), shown: Map::new(), own: BTreeMap::new() }
    }

    /// What holds for a deployment.
    pub(crate) fn of(&self, deployment: &str) -> &Settings {
        self.own.get(deployment).map_or(&self.global, |(_, settings)| settings)
    }

    /// Whether something was set for this deployment alone.
    pub(crate) fn has_own(&self, deployment: &str) -> bool {
        self.own.contains_key(deployment)
    }

    /// What holds where no deployment is known.
    pub(crate) fn global(&self) -> &Settings {
        &self.global
    }

    /// Sets switches, all or none of them; `deploymentId` among them narrows it to one deployment.
    pub(crate) fn set(&mut self, switches: &Map<String, Value>) -> Result<(), String> {
        let deployment = switches.get("deploymentId").and_then(Value::as_str);
        let mut shown = match deployment {
            Some(id) => self.own.get(id).map(|(shown, _)| shown.clone()).unwrap_or_default(),
            None => self.shown.clone(),
        };
        let mut trial = Settings::default();
        for (key, value) in switches.iter().filter(|(key, _)| *key != "deploymentId") {
            trial.apply(key, value)?;
            shown.insert(key.clone(), value.clone());
        }
        match deployment {
            Some(id) => {
                self.own.insert(id.to_owned(), (shown, trial));
            }
            None => self.shown = shown,
        }
        self.rebuild();
        Ok(())
    }

    /// Forgets what was set for one deployment, or everything.
    pub(crate) fn reset(&mut self, deployment: Option<&str>) {
        match deployment {
            Some(id) => {
                self.own.remove(id);
            }
            None => {
                self.own.clear();
                self.shown.clear();
                self.rebuild();
            }
        }
    }

    /// Sets what a reset goes back to.
    pub(crate) fn set_defaults(&mut self, switches: &Map<String, Value>) -> Result<(), String> {
        let mut trial = Settings::default();
        switches.iter().try_for_each(|(key, value)| trial.apply(key, value))?;
        self.defaults.clone_from(switches);
        self.rebuild();
        Ok(())
    }

    /// The switches that were set, as `GET /_sim/set` shows them.
    pub(crate) fn describe(&self) -> Value {
        let own: Map<String, Value> = self.own.iter().map(|(id, (shown, _))| (id.clone(), Value::Object(shown.clone()))).collect();
        json!({ "all": self.shown, "deployments": own })
    }

    fn rebuild(&mut self) {
        let build = |layers: &[&Map<String, Value>]| {
            let mut settings = Settings::default();
            for (key, value) in layers.iter().flat_map(|layer| layer.iter()) {
                settings.apply(key, value).expect("a switch was tried before it was kept");
            }
            settings
        };
        self.global = build(&[&self.defaults, &self.shown]);
        for (shown, settings) in self.own.values_mut() {
            *settings = build(&[&self.defaults, &self.shown, shown]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_deployment_own_switch_wins_over_the_general_one() {
        let mut book = SettingsBook::new();
        book.set(&map(json!({ "deploymentId": "a", "bot": "echo" }))).unwrap();
        book.set(&map(json!({ "bot": "script", "limits": false }))).unwrap();
        assert_eq!(book.of("a").bot, Bot::Echo);
        assert!(!book.of("a").limits);
        assert_eq!(book.of("b").bot, Bot::Script);
        book.reset(Some("a"));
        assert_eq!(book.of("a").bot, Bot::Script);
        book.reset(None);
        assert_eq!(book.of("a").bot, Bot::Silent);
        assert!(book.global().limits);
    }

    #[test]
    fn an_unknown_switch_or_value_changes_nothing() {
        let mut book = SettingsBook::new();
        assert!(book.set(&map(json!({ "limits": false, "nosuch": 1 }))).is_err());
        assert!(book.set(&map(json!({ "bot": "loud" }))).unwrap_err().contains("silent"));
        assert!(book.global().limits);
        assert_eq!(book.describe(), json!({ "all": {}, "deployments": {} }));
    }

    #[test]
    fn a_number_may_stand_where_a_name_is_meant() {
        let mut book = SettingsBook::new();
        book.set(&map(json!({ "unconfigured": 403, "autoStarted": true }))).unwrap();
        assert_eq!(book.global().unconfigured, 403);
        assert_eq!(book.global().auto_started, Some(true));
    }
}
