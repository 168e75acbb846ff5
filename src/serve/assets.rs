//! What the page is made of: a few modules and a style sheet as they are committed, and the plotly.js that the `plotly`
//! crate carries. Each is compressed once, and cached for ever under the hash of its content.

use super::problem::Problem;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::sync::OnceLock;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The page's own files. They share one version, so that one can import another by its plain name.
const FILES: &[(&str, &str, &str)] = &[
    ("app.js", SCRIPT, include_str!("page/app.js")),
    ("arms.js", SCRIPT, include_str!("page/arms.js")),
    ("charts.js", SCRIPT, include_str!("page/charts.js")),
    ("dialogs.js", SCRIPT, include_str!("page/dialogs.js")),
    ("dom.js", SCRIPT, include_str!("page/dom.js")),
    ("feed.js", SCRIPT, include_str!("page/feed.js")),
    ("format.js", SCRIPT, include_str!("page/format.js")),
    ("health.js", SCRIPT, include_str!("page/health.js")),
    ("line.js", SCRIPT, include_str!("page/line.js")),
    ("store.js", SCRIPT, include_str!("page/store.js")),
    ("worker.js", SCRIPT, include_str!("page/worker.js")),
    ("page.css", STYLE, include_str!("page/page.css")),
];

/// The name of plotly.js here.
const PLOTLY: &str = "plotly.js";

/// One file, ready to be sent.
struct Asset {
    kind: &'static str,
    plain: Bytes,
    packed: Bytes,
}

impl Asset {
    fn new(kind: &'static str, plain: Bytes) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing into memory does not fail; should it ever, the plain form is sent.
        let packed = encoder.write_all(&plain).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { kind, plain, packed: Bytes::from(packed) }
    }
}

/// The version of the page's own files: a hash over all of them.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for (name, _, text) in FILES {
            hash.update(name.as_bytes());
            hash.update(text.as_bytes());
        }
        format!("{:016x}", hash.digest())
    })
}

/// plotly.js out of the crate, which gives it wrapped in a script element beside another library.
fn plotly_source() -> &'static [u8] {
    static SOURCE: OnceLock<Bytes> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let page = plotly::Plot::offline_js_sources();
        let inside = page.split_once('>').map_or("", |(_, rest)| rest);
        let source = inside.split_once("</script>").map_or("", |(source, _)| source);
        Bytes::copy_from_slice(source.as_bytes())
    })
}

/// The version of plotly.js: a hash of it.
pub(super) fn plotly_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(plotly_source())))
}

fn plotly() -> &'static Asset {
    static ASSET: OnceLock<Asset> = OnceLock::new();
    ASSET.get_or_init(|| Asset::new(SCRIPT, Bytes::from_static(plotly_source())))
}

fn own(name: &str) -> Option<&'static Asset> {
    static ASSETS: OnceLock<Vec<(&'static str, Asset)>> = OnceLock::new();
    let assets = ASSETS.get_or_init(|| {
        FILES.iter().map(|(name, kind, text)| (*name, Asset::new(kind, Bytes::from_static(text.as_bytes())))).collect()
    });
    assets.iter().find(|(n, _)| *n == name).map(|(_, asset)| asset)
}

/// `GET /assets/{version}/{file}`.
pub(super) async fn asset(
    Path((wanted, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = if name == PLOTLY && wanted == plotly_version() {
        // Compressing it takes a third of a second, the first time.
        tokio::task::spawn_blocking(plotly).await.ok()
    } else if wanted == version() {
        own(&name)
    } else {
        None
    };
    let asset = found.ok_or_else(|| {
        let detail = format!("there is no {name:?} of version {wanted:?} here");
        Problem::unknown("unknown_asset", detail, "reload the page: it names the files of this version")
    })?;
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let packs = accepts.split(',').any(|e| e.trim().split(';').next() == Some("gzip")) && !asset.packed.is_empty();
    let mut response = Response::new(Body::from(if packs { asset.packed.clone() } else { asset.plain.clone() }));
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if packs {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plotly_is_the_whole_library_and_nothing_else() {
        let source = std::str::from_utf8(plotly_source()).expect("text");
        assert!(source.trim_start().starts_with("/**\n* plotly.js v"), "{}", &source[..80]);
        assert!(source.len() > 4_000_000 && !source.contains("</script>"), "{}", source.len());
        assert!(source.trim_end().ends_with(';') || source.trim_end().ends_with('}'));
        let packed = plotly().packed.len();
        assert!((1_000_000..1_600_000).contains(&packed), "{packed} bytes packed");
    }

    #[test]
    fn modules_import_only_each_other() {
        for (name, kind, text) in FILES {
            if *kind != SCRIPT {
                continue;
            }
            for line in text.lines().filter(|l| l.starts_with("import ") || l.starts_with("} from ")) {
                let from = line.split('"').nth(1).unwrap_or_default();
                let known = from.strip_prefix("./").is_some_and(|f| FILES.iter().any(|(n, ..)| *n == f));
                assert!(known, "{name}: {line}");
            }
            assert!(!text.contains("innerHTML") && !text.contains("eval("), "{name} writes text only");
            assert!(!text.contains("http://") && !text.contains("https://"), "{name} asks nobody else");
        }
    }
}
