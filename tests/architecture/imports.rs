//! The table of rooms and the arrows between them, as the code draws them.

use crate::source::without_tests;
use std::collections::{BTreeMap, BTreeSet};

/// Which room may import which others: the table of docs/ARCHITECTURE.md.
pub(crate) struct Plan {
    rooms: Vec<String>,
    allowed: BTreeMap<String, BTreeSet<String>>,
}

impl Plan {
    /// Reads the table whose head is `| room | its one reason | may import |`. A cell `all` allows every room; a dash
    /// none.
    pub(crate) fn parse(page: &str) -> Result<Self, String> {
        let mut lines =
            page.lines().skip_while(|line| !line.replace(' ', "").starts_with("|room|itsonereason|mayimport|"));
        lines.next().ok_or("no table of rooms")?;
        let mut cells: Vec<(String, String)> = Vec::new();
        for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
            let [_, room, _, may, _] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
                return Err(format!("not three cells: {line}"));
            };
            cells.push((room.trim_matches('`').trim_end_matches('/').to_owned(), may.replace('`', "")));
        }
        let rooms: Vec<String> = cells.iter().map(|(room, _)| room.clone()).collect();
        let mut allowed = BTreeMap::new();
        for (room, may) in cells {
            let named: BTreeSet<String> = match may.as_str() {
                "–" => BTreeSet::new(),
                "all" => rooms.iter().cloned().collect(),
                list => list.split(',').map(|name| name.trim().to_owned()).collect(),
            };
            if let Some(unknown) = named.iter().find(|name| !rooms.contains(name)) {
                return Err(format!("{room} may import {unknown}, which is no room"));
            }
            allowed.insert(room, named);
        }
        Ok(Self { rooms, allowed })
    }

    /// The rooms in the order of the table.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.rooms.iter().map(String::as_str).collect()
    }

    /// Arrows of one file that the table does not have.
    pub(crate) fn breaches(&self, path: &str, text: &str) -> Vec<String> {
        let Some(inside) = path.strip_prefix("src/").and_then(|p| p.strip_suffix(".rs")) else { return Vec::new() };
        let steps: Vec<&str> = inside.split('/').collect();
        if matches!(steps[..], ["lib" | "main"]) || steps.contains(&"tests") {
            return Vec::new();
        }
        let room = steps[0];
        let Some(allowed) = self.allowed.get(room) else {
            return vec![format!("{path}: {room} is no room of docs/ARCHITECTURE.md")];
        };
        let code = without_tests(text);
        let depth = steps.len() - usize::from(steps.last() == Some(&"mod"));
        let mut findings = Vec::new();
        if code.replace(' ', "").contains(&"super::".repeat(depth)) {
            findings.push(format!("{path}: climbs out of its room by super::; say crate::"));
        }
        for target in crate_paths(&code) {
            if target != room && !allowed.contains(&target) {
                findings.push(format!("{path}: {room} imports {target}, which the table does not allow"));
            }
        }
        findings
    }
}

/// The first name of every path that begins at `crate::`, groups opened.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let mut targets = BTreeSet::new();
    for (at, mark) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = code[at + mark.len()..].trim_start();
        match rest.strip_prefix('{') {
            Some(group) => targets.extend(group_heads(group)),
            None => targets.extend(head(rest)),
        }
    }
    targets
}

/// The first names of the entries of a group, whose opening brace is behind us.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut heads) = (0_usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                heads.extend(head(&group[start..]));
                start = at + 1;
            }
            '}' => {
                heads.extend(head(&group[start..at]));
                break;
            }
            _ => {}
        }
    }
    heads
}

fn head(path: &str) -> Option<String> {
    let path = path.trim_start();
    let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(path.len());
    (end > 0).then(|| path[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
| room | its one reason | may import |
| --- | --- | --- |
| `event/` | words | – |
| `join/` | joins | event |
| `app/` | wiring | all |

| other | table | here |";

    #[test]
    fn the_table_is_read() {
        let plan = Plan::parse(PAGE).expect("a table");
        assert_eq!(plan.names(), ["event", "join", "app"]);
        assert!(Plan::parse("no table").is_err());
        assert!(Plan::parse(&PAGE.replace("| event |", "| evnt |")).is_err());
    }

    #[test]
    fn forbidden_arrows_are_found() {
        let plan = Plan::parse(PAGE).expect("a table");
        let found = |path: &str, text: &str| plan.breaches(path, text).len();
        assert_eq!(found("src/join/a.rs", "use crate::event::Time; use crate::join::B;"), 0);
        assert_eq!(found("src/join/a.rs", "use crate::app::App;"), 1);
        assert_eq!(found("src/join/a.rs", "fn f() { crate::app::go() }"), 1);
        assert_eq!(found("src/join/a.rs", "use crate::{event::{Id, Time}, app};"), 1);
        assert_eq!(found("src/join/a.rs", "use crate::{\n    app::App,\n};"), 1);
        assert_eq!(found("src/event.rs", "use crate::join::A;"), 1);
        assert_eq!(found("src/app/run.rs", "use crate::{join, event};"), 0);
        assert_eq!(found("src/cellar/a.rs", ""), 1);
    }

    #[test]
    fn words_tests_and_ways_around_are_told_apart() {
        let plan = Plan::parse(PAGE).expect("a table");
        let found = |path: &str, text: &str| plan.breaches(path, text).len();
        assert_eq!(found("src/join/a.rs", "// use crate::app::App;\nlet s = \"crate::app::\";"), 0);
        assert_eq!(found("src/join/a.rs", "#[cfg(test)]\nmod tests { use crate::app::App; }"), 0);
        assert_eq!(found("src/join/a/tests.rs", "use crate::app::App;"), 0);
        assert_eq!(found("src/join/a.rs", "use super::super::app::App;"), 1);
        assert_eq!(found("src/join/a.rs", "use super::b::B;"), 0);
        assert_eq!(found("src/join/a/b.rs", "use super::super::c;"), 0);
        assert_eq!(found("src/join/mod.rs", "use super::app;"), 1);
    }
}
