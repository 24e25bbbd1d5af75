//! The static files: the demo at `/`, the agent console at `/agent`, the supervisor's page at `/supervisor`, the packed library under `/dist`.

use std::path::{Component, Path, PathBuf};

use crate::exchange::HttpResponse;
use crate::url;

const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><title>The demo is not built yet</title>
<h1>The demo is not built yet</h1>
<p>The simulator is running. Its demo page is made by <code>npm run build</code> (or <code>npm start</code>, which does
everything); this page shows it then.</p>
</html>
";

/// A folder of built files.
pub(super) struct Files {
    www: PathBuf,
    csp: Option<String>,
}

impl Files {
    pub(super) fn new(www: PathBuf, csp: Option<String>) -> Self {
        Self { www, csp }
    }

    /// The file at a path.
    pub(super) async fn serve(&self, path: &str) -> HttpResponse {
        let Some(file) = self.locate(path) else {
            return self.response(404, "text/plain; charset=utf-8", b"There is nothing at this address.".to_vec());
        };
        match tokio::fs::read(&file).await {
            Ok(bytes) => self.response(200, content_type(&file), bytes),
            Err(_) if matches!(path, "/" | "/agent" | "/supervisor") => self.response(200, "text/html; charset=utf-8", NOT_BUILT.as_bytes().to_vec()),
            Err(_) => self.response(404, "text/plain; charset=utf-8", b"There is nothing at this address.".to_vec()),
        }
    }

    /// Where a path lies on the disk: never outside the two folders.
    fn locate(&self, path: &str) -> Option<PathBuf> {
        let path = url::decode(&path.replace('+', "%2B"));
        let (folder, rest) = match path.as_str() {
            "/" => (self.www.clone(), "index.html"),
            "/agent" | "/agent/" => (self.www.clone(), "agent.html"),
            "/supervisor" | "/supervisor/" => (self.www.clone(), "supervisor.html"),
            path => match path.strip_prefix("/dist/") {
                Some(rest) => (above(&self.www), rest),
                None => (self.www.clone(), path.strip_prefix('/')?),
            },
        };
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        let rest = Path::new(rest);
        (!rest.as_os_str().is_empty() && rest.components().all(plain)).then(|| folder.join(rest))
    }

    fn response(&self, status: u16, content_type: &str, body: Vec<u8>) -> HttpResponse {
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("cache-control".to_owned(), "no-cache".to_owned()),
            ("access-control-allow-origin".to_owned(), "*".to_owned()),
        ];
        if let Some(policy) = self.csp.clone().filter(|_| content_type.starts_with("text/html")) {
            headers.push(("content-security-policy".into(), policy));
        }
        HttpResponse { status, headers, body }
    }
}

/// The folder above; the current one where a single name is given.
fn above(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        Some(_) => PathBuf::from("."),
        None => folder.to_path_buf(),
    }
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs" | "cjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md" | "ts") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_into_the_demo_and_the_folder_above_and_nowhere_else() {
        let files = Files::new(PathBuf::from("dist/demo"), None);
        let located = |path: &str| files.locate(path).map(|file| file.to_string_lossy().into_owned());
        assert_eq!(located("/").as_deref(), Some("dist/demo/index.html"));
        assert_eq!(located("/agent").as_deref(), Some("dist/demo/agent.html"));
        assert_eq!(located("/supervisor").as_deref(), Some("dist/demo/supervisor.html"));
        assert_eq!(located("/demo.js").as_deref(), Some("dist/demo/demo.js"));
        assert_eq!(located("/dist/index.js").as_deref(), Some("dist/index.js"));
        assert_eq!(located("/a%20b.js").as_deref(), Some("dist/demo/a b.js"));
        for outside in ["/../secret", "/dist/../../secret", "/%2e%2e/secret", "/dist/%2Fetc/passwd", "//etc/passwd", "/dist/"] {
            assert_eq!(located(outside), None, "{outside}");
        }
    }

    #[test]
    fn the_usual_files_have_their_types() {
        assert_eq!(content_type(Path::new("a.wasm")), "application/wasm");
        assert_eq!(content_type(Path::new("a.js")), "text/javascript; charset=utf-8");
        assert_eq!(content_type(Path::new("a.woff2")), "font/woff2");
        assert_eq!(content_type(Path::new("a")), "application/octet-stream");
    }
}
