//! Attachments (guest-api.md §6): an address to put the file, the file, an address to get it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::http::Answer;
use super::limits::{FILE_NAME_CHARACTERS, MINUTE};
use super::session::Key;
use super::settings::Upload;
use super::{Platform, Refusal, Request, frame};
use crate::calendar;
use crate::exchange::HttpRequest;
use crate::url;

/// How long a download address works, in milliseconds (about ten minutes, §5.4).
const DOWNLOAD_LIFE: u64 = 10 * MINUTE;
/// The header a PUT must carry, as `PresignedUrlResponse` names it.
const TAGGING: (&str, &str) = ("x-amz-tagging", "organizationId=1&originPlatform=PureCloud");
/// The bot's picture, always there.
pub(super) const SAMPLE: &[u8] = include_bytes!("sample.png");

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Presigned,
    Uploaded,
    Sent,
}

/// A guest's file.
pub(super) struct Attachment {
    name: String,
    kind: String,
    size: u64,
    bytes: Vec<u8>,
    state: State,
}

struct Address {
    key: Key,
    attachment: String,
    expires: u64,
}

/// Addresses given out.
#[derive(Default)]
pub(super) struct Files {
    uploads: BTreeMap<String, Address>,
    downloads: BTreeMap<String, Address>,
    /// Frames that follow the answer to an upload.
    pub(super) sequel: Vec<(Key, Value)>,
}

impl Files {
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Key) -> bool) {
        self.uploads.retain(|_, address| keep(&address.key));
        self.downloads.retain(|_, address| keep(&address.key));
    }
}

impl Platform {
    /// `onAttachment`: checks the file's description and gives the address to put it.
    pub(super) fn on_attachment(&mut self, request: &Request) -> Result<(), Refusal> {
        let key = self.session_key(request)?;
        self.refuse_read_only(&key)?;
        let id = match request.text("attachmentId").filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => self.seed.uuid(),
        };
        let attachment = match self.admit_file(&key, request) {
            Ok(attachment) => attachment,
            Err(refusal) => return self.refuse_file(&key, request, &id, refusal),
        };
        let upload = self.seed.hex32();
        let base = self.base_of_session(&key);
        let address = format!("{base}/uploads/{upload}/{}", url::encode(&attachment.name));
        let body = json!({
            "attachmentId": id,
            "headers": { TAGGING.0: TAGGING.1 },
            "url": address,
            "fileName": attachment.name,
            "fileSize": attachment.size,
            "fileType": attachment.kind,
        });
        let expires = self.now + DOWNLOAD_LIFE;
        self.files.uploads.insert(upload, Address { key: key.clone(), attachment: id.clone(), expires });
        if let Some(session) = self.session_mut(&key) {
            session.attachments.insert(id, attachment);
        }
        self.send(request.connection, frame::response("PresignedUrlResponse", 200, body, request.tracing()));
        Ok(())
    }

    fn admit_file(&self, key: &Key, request: &Request) -> Result<Attachment, Refusal> {
        let settings = self.settings.of(&key.0);
        if settings.attachments == Some(false) {
            return Err(Refusal::new(4000, "Uploads are not available"));
        }
        let missing = |member: &str| Refusal::new(4020, format!("Missing parameter: {member}"));
        let name = request.text("fileName").ok_or_else(|| missing("fileName"))?;
        let kind = request.text("fileType").ok_or_else(|| missing("fileType"))?;
        let size = request.body.get("fileSize").and_then(Value::as_u64).ok_or_else(|| missing("fileSize"))?;
        if name.chars().count() >= FILE_NAME_CHARACTERS {
            return Err(Refusal::new(4005, "File name is too long"));
        }
        let extension = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() && !extension.is_empty() => {
                format!(".{}", extension.to_lowercase())
            }
            _ => return Err(Refusal::new(4001, "File name has no extension")),
        };
        let blocked = settings.blocked_extensions.iter().any(|one| one.eq_ignore_ascii_case(&extension));
        if blocked || !settings.file_types.iter().any(|allowed| type_matches(allowed, kind)) {
            return Err(Refusal::new(4001, format!("File type {kind} not supported")));
        }
        if size == 0 {
            return Err(Refusal::new(4102, "File is empty"));
        }
        if size > settings.max_file_kb * 1024 {
            return Err(Refusal::new(4002, format!("File size {size} is larger than {} KB", settings.max_file_kb)));
        }
        Ok(Attachment { name: name.to_owned(), kind: kind.to_owned(), size, bytes: Vec::new(), state: State::Presigned })
    }

    /// `GenerateUrlError` if the request asked for JSON, a string frame if not.
    fn refuse_file(&mut self, key: &Key, request: &Request, id: &str, refusal: Refusal) -> Result<(), Refusal> {
        if request.body.get("errorsAsJson") != Some(&Value::Bool(true)) {
            return Err(refusal);
        }
        let body = json!({
            "attachmentId": id,
            "errorCode": refusal.code,
            "errorMessage": refusal.text,
        });
        let (kind, code) = match self.settings.of(&key.0).url_error_as_message {
            true => ("message", 200),
            false => ("response", 400),
        };
        let frame = frame::envelope(kind, "GenerateUrlError", code, body, request.tracing());
        self.send(request.connection, frame);
        Ok(())
    }

    /// `getAttachment`: a fresh download address; told apart by its empty `headers` (§3.5).
    pub(super) fn get_attachment(&mut self, request: &Request) -> Result<(), Refusal> {
        let key = self.session_key(request)?;
        let id = self.attachment_id(request)?;
        let Some(attachment) = self.session(&key).and_then(|session| session.attachments.get(&id)) else {
            return Err(not_found());
        };
        if attachment.state == State::Presigned {
            return Err(not_uploaded());
        }
        let mut body = json!({
            "attachmentId": id,
            "headers": {},
            "fileName": attachment.name,
            "fileSize": attachment.size,
            "fileType": attachment.kind,
        });
        body["url"] = self.download_address(&key, &id).into();
        self.send(request.connection, frame::response("PresignedUrlResponse", 200, body, request.tracing()));
        Ok(())
    }

    /// `deleteAttachment`: only for what has not been sent.
    pub(super) fn delete_attachment(&mut self, request: &Request) -> Result<(), Refusal> {
        let key = self.session_key(request)?;
        let id = self.attachment_id(request)?;
        let Some(session) = self.session_mut(&key) else {
            return Err(not_found());
        };
        match session.attachments.get(&id) {
            Some(attachment) if attachment.state != State::Sent => session.attachments.remove(&id),
            _ => return Err(not_found()),
        };
        let body = json!({ "attachmentId": id });
        self.send(request.connection, frame::message("AttachmentDeletedResponse", body, request.tracing()));
        Ok(())
    }

    fn attachment_id(&self, request: &Request) -> Result<String, Refusal> {
        request.text("attachmentId").map(str::to_owned).ok_or_else(|| Refusal::new(4020, "Missing parameter: attachmentId"))
    }

    /// Whether a message may refer to it: known here, and uploaded.
    pub(super) fn sendable_attachment(&self, key: &Key, id: &str) -> Result<(), Refusal> {
        let attachment = self.session(key).and_then(|session| session.attachments.get(id));
        match attachment.map(|attachment| attachment.state) {
            None => Err(not_found()),
            Some(State::Presigned) => Err(not_uploaded()),
            Some(State::Uploaded | State::Sent) => Ok(()),
        }
    }

    /// The content part of a sent attachment, as the echo and the history show it.
    pub(super) fn sent_attachment(&mut self, key: &Key, id: &str) -> Value {
        let address = self.download_address(key, id);
        let attachment = self
            .session_mut(key)
            .and_then(|session| session.attachments.get_mut(id))
            .expect("a message's attachments are looked up before they are sent");
        attachment.state = State::Sent;
        let media = match attachment.kind.split('/').next().unwrap_or_default() {
            "image" => "Image",
            "audio" => "Audio",
            "video" => "Video",
            _ => "File",
        };
        json!({
            "contentType": "Attachment",
            "attachment": {
                "id": id,
                "url": address,
                "filename": attachment.name,
                "fileSize": attachment.size,
                "mime": attachment.kind,
                "mediaType": media,
            },
        })
    }

    /// `PUT` of the file. What it sets off follows its answer.
    pub(super) fn upload(&mut self, request: &HttpRequest, path: &str) -> Answer {
        let address = last_but_name(path, "/uploads/").and_then(|id| self.files.uploads.get(id));
        let Some(address) = address.filter(|address| address.expires > self.now) else {
            return Answer::error(403, "forbidden", "The address is not valid any more.");
        };
        if request.header(TAGGING.0) != Some(TAGGING.1) {
            return Answer::error(403, "forbidden", "A signed header is missing.");
        }
        let (key, id) = (address.key.clone(), address.attachment.clone());
        let outcome = self.settings.of(&key.0).upload;
        let timestamp = calendar::iso(self.now);
        let Some(attachment) = self.session_mut(&key).and_then(|session| session.attachments.get_mut(&id)) else {
            return Answer::error(404, "not.found", "The attachment is not there any more.").of(&key.0);
        };
        if outcome == Upload::Failure {
            let body = json!({
                "attachmentId": id,
                "errorCode": 4003,
                "errorMessage": "The file's content was refused",
                "timestamp": timestamp,
            });
            let event = frame::message("UploadFailureEvent", body, None);
            self.files.sequel.push((key.clone(), event));
        } else {
            attachment.bytes.clone_from(&request.body);
            attachment.state = State::Uploaded;
            let body = json!({
                "attachmentId": id,
                "downloadUrl": self.download_address(&key, &id),
                "timestamp": timestamp,
            });
            if outcome == Upload::Success {
                let event = frame::message("UploadSuccessEvent", body, None);
                self.files.sequel.push((key.clone(), event));
            }
        }
        Answer::empty(200).of(&key.0)
    }

    /// The file again.
    pub(super) fn download(&self, path: &str) -> Answer {
        let id = path.strip_prefix("/api/v2/downloads/").unwrap_or_default();
        if id == "sample.png" {
            return Answer::bytes(200, "image/png", SAMPLE.to_vec());
        }
        let address = self.files.downloads.get(id).filter(|address| address.expires > self.now);
        let Some(address) = address else {
            return Answer::error(403, "forbidden", "The address is not valid any more.");
        };
        let file = self.session(&address.key).and_then(|session| session.attachments.get(&address.attachment));
        let Some(file) = file else {
            return Answer::error(404, "not.found", "The file is not there any more.");
        };
        // A page that a guest uploaded must never run as one of ours.
        Answer::bytes(200, "", file.bytes.clone())
            .header("content-type", file.kind.clone())
            .header("content-disposition", format!("attachment; filename*=UTF-8''{}", url::encode(&file.name)))
            .header("x-content-type-options", "nosniff".into())
            .of(&address.key.0)
    }

    /// Whose file a path is about.
    pub(super) fn file_owner(&self, path: &str) -> Option<&Key> {
        let upload = last_but_name(path, "/uploads/").and_then(|id| self.files.uploads.get(id));
        let download = path.strip_prefix("/api/v2/downloads/").and_then(|id| self.files.downloads.get(id));
        upload.or(download).map(|address| &address.key)
    }

    fn download_address(&mut self, key: &Key, id: &str) -> String {
        let download = self.seed.uuid();
        let address = format!("{}/api/v2/downloads/{download}", self.base_of_session(key));
        let expires = self.now + DOWNLOAD_LIFE;
        self.files.downloads.insert(download, Address { key: key.clone(), attachment: id.to_owned(), expires });
        address
    }

    fn base_of_session(&self, key: &Key) -> String {
        self.session(key).map_or_else(|| self.base.clone(), |session| session.base.clone())
    }
}

fn not_found() -> Refusal {
    Refusal::new(4009, "Attachment not found")
}

fn not_uploaded() -> Refusal {
    Refusal::new(4010, "Attachment was not successfully uploaded")
}

/// The first path segment behind a prefix.
fn last_but_name<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix)?.split('/').next()
}

/// `image/png`, `image/*`, `*/*`, without regard to case.
fn type_matches(allowed: &str, kind: &str) -> bool {
    let (allowed, kind) = (allowed.to_lowercase(), kind.to_lowercase());
    match allowed.strip_suffix("/*") {
        Some("*") => true,
        Some(range) => kind.split('/').next() == Some(range),
        None => allowed == kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_matches_exactly_by_range_or_always() {
        assert!(type_matches("image/png", "IMAGE/PNG"));
        assert!(type_matches("image/*", "image/gif"));
        assert!(!type_matches("image/*", "imagery/gif"));
        assert!(type_matches("*/*", "application/x-anything"));
        assert!(!type_matches("image/png", "image/gif"));
    }
}
