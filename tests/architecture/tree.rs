//! The files of the repository, and what may be said in them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One text file of the repository.
pub(crate) struct Tracked {
    /// Path from the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// The text files that git tracks or would add; without git, all outside of `target`.
pub(crate) fn tracked() -> Vec<Tracked> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = by_git(root).unwrap_or_else(|| walk(root, root));
    paths.sort();
    let read = |path: String| Some(Tracked { text: std::fs::read_to_string(root.join(&path)).ok()?, path });
    paths.into_iter().filter_map(read).collect()
}

fn by_git(root: &Path) -> Option<Vec<String>> {
    let list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let output = Command::new("git").arg("-C").arg(root).args(list).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

fn walk(root: &Path, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path: PathBuf = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if !["target", ".git", "state", "node_modules"].iter().any(|n| name == *n) {
                found.extend(walk(root, &path));
            }
        } else if let Some(path) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            found.push(path.replace('\\', "/"));
        }
    }
    found
}

/// Names that belong to one machine or to a package registry. Written in two halves, so that they do not stand here.
const PLACES: [(&str, &str); 11] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/ho", "me/"),
    ("/Use", "rs/"),
    ("index.crates", ".io"),
    ("static.crates", ".io"),
    ("repo.maven", ".apache.org"),
    ("repo1.maven", ".org"),
    ("registry.npm", "js.org"),
    ("pypi", ".org"),
    ("proxy.gol", "ang.org"),
];

/// Paths of one machine and hosts of registries.
pub(crate) fn places(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (left, right) in PLACES {
            let place = format!("{left}{right}");
            // A folder only where a path begins: `/v1/experiments/NAME/` may hold the same letters.
            let inside = |at: usize| {
                left.starts_with('/') && line[..at].ends_with(|c: char| c.is_alphanumeric() || "_.-})".contains(c))
            };
            if line.match_indices(&place).any(|(at, _)| !inside(at)) {
                findings.push(format!("{path}:{}: names {place}", number + 1));
            }
        }
    }
    findings
}

/// Dependencies without a comment that says why.
pub(crate) fn unexplained(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut findings = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies]");
            continue;
        }
        let Some((name, rest)) = line.split_once('=').filter(|_| inside && !line.starts_with('#')) else { continue };
        if rest.split_once('#').is_none_or(|(_, why)| why.trim().len() < 8) {
            findings.push(format!("Cargo.toml: {} has no reason", name.trim()));
        }
    }
    findings
}

/// The commands of the README's first `sh` block: what a newcomer runs.
pub(crate) fn commands(readme: &str) -> Vec<&str> {
    let block = readme.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or("");
    let code = block.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    code.filter(|line| !line.is_empty()).collect()
}

#[test]
fn places_are_found() {
    let bad = format!("see {}{}x and https://{}{}/simple", "/ho", "me/", "pypi", ".org");
    assert_eq!(places("a", &bad).len(), 2);
    let fine = format!("/homepage /workers crates.io /v1/experiments{}{}arms", "/ho", "me/");
    assert!(places("a", &fine).is_empty());
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nserde = \"1\" # typed decoding\nfoo = \"1\"\nbar = \"1\" # x\n[lints]\nall = \"warn\"\n";
    assert_eq!(unexplained(manifest).len(), 2);
}

#[test]
fn commands_are_read_from_the_first_block() {
    let readme = "# X\n```sh\na b   # first\nc d\n```\ntext\n```sh\nlater\n```\n";
    assert_eq!(commands(readme), ["a b", "c d"]);
}
