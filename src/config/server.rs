//! `[state]`, `[http]` and `[learn]`.

use super::amount::{size, span};
use super::node::Node;
use super::origin::Origin;
use super::secret::{HIDDEN, Secret};
use super::section::{Notes, Section, amount, number, numbers, text, unless, whole};
use super::settings::Place;
use crate::event::{Action, Span};
use crate::pipeline::Teaching;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSettings {
    /// Their folder.
    pub path: PathBuf,
    /// How often one is written.
    pub every: Span,
    /// How many are kept.
    pub keep: usize,
}

/// Serving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What actions ask for; without it they are refused.
    pub token: Option<Secret>,
}

/// Learning.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnSettings {
    /// The part of live events that is ranked against the full catalogue.
    pub rank: RankShare,
    /// Bytes over tables, joins and views.
    pub memory: u64,
    /// How interactions become labels and weights.
    pub teaching: Teaching,
}

/// The part of live events that is ranked against the full catalogue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RankShare {
    /// As much as the load allows.
    Auto,
    /// This part, 0 to 1.
    Fixed(f64),
}

/// Reads `[state]`.
pub(super) fn state(node: Option<Node>, place: &Place<'_>, notes: &mut Notes) -> StateSettings {
    let mut section = Section::open("state", node, notes);
    let settings = StateSettings {
        path: place.folder.join(section.get("path", "\"state\"", text)),
        every: section.get("every", "\"10s\"", |node| match amount(span)(node)? {
            every if every.0 >= 100 => Ok(every),
            _ => Err("must be 100ms or longer".to_owned()),
        }),
        keep: section.get("keep", "3", whole(1, 1_000)),
    };
    section.close();
    settings
}

/// Reads `[http]`.
pub(super) fn http(node: Option<Node>, place: &Place<'_>, notes: &mut Notes) -> HttpSettings {
    let mut section = Section::open("http", node, notes);
    let listen = section.get("listen", "\"127.0.0.1:7878\"", listen);
    let at = section.notes.settings.last().map_or(Origin::Default, |setting| setting.origin.clone());
    let file = section.maybe("token_file", |node| {
        let path = text(node)?;
        place.secret(&path).and_then(|secret| token(secret.expose()))
    });
    let direct = section.take("token").and_then(|node| {
        // Never through `maybe`: what is wrong with a secret must not show it.
        match node.text().ok_or("must be a text".to_owned()).and_then(token) {
            Ok(token) => {
                section.notes.setting("http.token", HIDDEN, &node.at);
                Some(token)
            }
            Err(what) => {
                section.notes.problem(&node.at, format!("http.token = {HIDDEN}: {what}"));
                None
            }
        }
    });
    if file.is_some() && direct.is_some() {
        section.notes.problem(&at, "http has both token and token_file: keep one");
    }
    let token = file.or(direct);
    let failed = section.notes.problems.iter().any(|problem| problem.what.starts_with("http.token"));
    if token.is_none() && !failed && !listen.ip().is_loopback() {
        let what = format!(
            "http.listen = \"{listen}\" can be reached from other machines, and there is no token: set http.token_file (or \
             REIVER_HTTP__TOKEN), or listen on 127.0.0.1"
        );
        section.notes.problem(&at, what);
    }
    section.close();
    HttpSettings { listen, token }
}

fn listen(node: &Node) -> Result<SocketAddr, String> {
    let text = text(node)?;
    let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    named
        .as_deref()
        .unwrap_or(&text)
        .parse()
        .map_err(|_| "must be an address and a port, such as 127.0.0.1:7878 or [::1]:7878".to_owned())
}

fn token(text: &str) -> Result<Secret, String> {
    let text = text.trim();
    if text.len() < 8 || text.len() > 4_096 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a token has 8 to 4096 visible ASCII characters and no spaces".to_owned());
    }
    Ok(Secret::new(text))
}

/// Reads `[learn]`.
pub(super) fn learn(node: Option<Node>, notes: &mut Notes) -> LearnSettings {
    let mut section = Section::open("learn", node, notes);
    let settings = LearnSettings {
        rank: section
            .get("rank", "\"auto\"", unless("auto", number(0.0, 1.0)))
            .map_or(RankShare::Auto, RankShare::Fixed),
        memory: section.get("memory", "\"4GiB\"", |node| match amount(size)(node)? {
            bytes if bytes >= 16 << 20 => Ok(bytes),
            _ => Err("must be 16MiB or more".to_owned()),
        }),
        teaching: Teaching {
            min_rating: section.get("min_rating", "0", number(-1e15, 1e15)),
            centred: section.get("ratings", "\"threshold\"", one_of(["threshold", "centred"])) == 1,
            weights: section.get("weights", "{}", weights),
            ignored_share: section.get("ignored_share", "1.0", number(0.01, 1.0)),
            at_once: section.get("ignored", "\"at_close\"", one_of(["at_close", "at_once"])) == 1,
        },
    };
    section.close();
    settings
}

/// Reads one of some words: its number.
fn one_of<const N: usize>(words: [&'static str; N]) -> impl Fn(&Node) -> Result<usize, String> {
    move |node| {
        let found = node.text().and_then(|text| words.iter().position(|word| *word == text));
        found.ok_or_else(|| format!("must be {}", words.map(|word| format!("\"{word}\"")).join(" or ")))
    }
}

/// What examples of actions weigh: `{ purchase = 5, view = 0.2 }`.
fn weights(node: &Node) -> Result<BTreeMap<String, f64>, String> {
    let weights = numbers(node, 100.0, "purchase = 5")?;
    match weights.keys().find(|action| matches!(Action::parse(action), None | Some(Action::Search))) {
        Some(action) => Err(format!("{action} is no action that teaches")),
        None => Ok(weights),
    }
}
