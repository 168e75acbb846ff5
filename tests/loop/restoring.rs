//! A restore that takes its time is told over HTTP while it lasts.

use crate::instance::{broker, http, send, settings, up, wait_for};
use reiver::adapter::clock::SystemClock;
use reiver::adapter::embedded::EmbeddedBroker;
use reiver::adapter::file::FolderStore;
use reiver::allocate::ExperimentConfig;
use reiver::app::start_from;
use reiver::port::{CheckpointStore, Clock as _, StoreError};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A folder whose files can be read up to their middle until it is let go.
struct Slow {
    folder: FolderStore,
    go: Arc<AtomicBool>,
}

impl CheckpointStore for Slow {
    fn list(&self) -> Result<Vec<String>, StoreError> {
        self.folder.list()
    }

    fn write(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> std::io::Result<()>) -> Result<(), StoreError> {
        self.folder.write(name, fill)
    }

    fn read(&self, name: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let first = self.folder.size(name)? / 2;
        Ok(Box::new(Half { file: self.folder.read(name)?, first, go: Arc::clone(&self.go) }))
    }

    fn size(&self, name: &str) -> Result<u64, StoreError> {
        self.folder.size(name)
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.folder.remove(name)
    }
}

struct Half {
    file: Box<dyn Read + Send>,
    first: u64,
    go: Arc<AtomicBool>,
}

impl Read for Half {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.first == 0 {
            // Half a minute at most: a test that fails must end.
            for _ in 0..3000 {
                if self.go.load(Ordering::Acquire) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            return self.file.read(into);
        }
        let most = into.len().min(usize::try_from(self.first).unwrap_or(usize::MAX));
        let bytes = self.file.read(&mut into[..most])?;
        self.first -= bytes as u64;
        Ok(bytes)
    }
}

/// Leaves a checkpoint in a folder.
fn filled(folder: &Path, broker: &EmbeddedBroker, home: &ExperimentConfig) {
    let running = up(settings(broker, folder, vec![home.clone()]));
    for i in 0..50 {
        let event = json!({
            "type": "interaction", "event_id": format!("e{i}"), "event_time": SystemClock.now().to_rfc3339(),
            "user_id": format!("u{i}"), "item_id": format!("i{}", i % 7), "action": "click",
        });
        send(&running, "shop", &event);
    }
    wait_for("all events", || running.view.load().as_ref().is_some_and(|v| v.counts().records == 50));
    running.stop.cancel();
    running.wait().expect("ends well");
}

#[test]
fn a_restore_is_told_while_it_lasts() {
    let (broker, state) = (broker(), tempfile::tempdir().expect("a folder"));
    let home = ExperimentConfig::new("home", &["popularity", "transitions"], "popularity");
    filled(state.path(), &broker, &home);

    // Where it will listen is to be known before it is up.
    let address =
        TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port").local_addr().expect("its number");
    let mut settings = settings(&broker, state.path(), vec![home]);
    settings.listen = address;
    let go = Arc::new(AtomicBool::new(false));
    // The one before lets go of the folder when its last thread has ended.
    let mut folder = None;
    wait_for("the state folder", || {
        folder = FolderStore::open(state.path()).ok();
        folder.is_some()
    });
    let store = Slow { folder: folder.expect("opened"), go: Arc::clone(&go) };
    let running = Arc::new(Mutex::new(None));
    let starting = {
        let running = Arc::clone(&running);
        std::thread::spawn(move || {
            let started = start_from(Arc::new(store), settings, Arc::new(SystemClock)).expect("starts");
            *running.lock().expect("not poisoned") = Some(started);
        })
    };
    wait_for("the listener", || TcpStream::connect(address).is_ok());
    let halfway = || http(address, "GET", "/readyz", None).1["progress"].as_f64().is_some_and(|p| p > 0.0 && p < 1.0);
    wait_for("a part of the checkpoint", halfway);
    // What the page shows is a second old at most: both stand still at the middle.
    let ready = || http(address, "GET", "/readyz", None);
    wait_for("the same on the page", || {
        let (shown, now) = (http(address, "GET", "/v1/live", None).1, ready().1);
        shown["notice"]["progress"].is_f64() && shown["notice"]["progress"] == now["progress"]
    });
    let (status, ready) = ready();
    assert_eq!((status, &ready["phase"]), (503, &json!("restoring")), "{ready}");
    let (_, live) = http(address, "GET", "/v1/live", None);
    let text = live["notice"]["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("Restoring: ") && text.contains(" % of ") && text.ends_with(" kB."), "{live}");
    assert_eq!(http(address, "GET", "/healthz", None).0, 200);
    let (status, problem) = http(address, "POST", "/v1/decide", Some(&json!({ "experiment": "home", "unit": "u1" })));
    assert_eq!(status, 503, "{problem}");

    go.store(true, Ordering::Release);
    starting.join().expect("it starts");
    let running = running.lock().expect("not poisoned").take().expect("it started");
    wait_for("readiness", || http(address, "GET", "/readyz", None).0 == 200);
    assert_eq!(http(address, "POST", "/v1/decide", Some(&json!({ "experiment": "home", "unit": "u1" }))).0, 200);
    running.stop.cancel();
    running.wait().expect("ends well");
}
