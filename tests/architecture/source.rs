//! What can be said about one Rust file from its text alone.

/// Blanks comments, strings and character literals; line ends and all other characters stay where they are.
pub(crate) fn stripped(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end > at {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// The index after the comment or literal that starts at `at`; `at` itself where none starts.
fn literal_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    let before = at.checked_sub(1).map_or(' ', |i| chars[i]);
    let word_before = before.is_alphanumeric() || before == '_';
    match chars[at] {
        '/' if next == Some('/') => position(chars, at, |rest| rest[0] == '\n'),
        '/' if next == Some('*') => {
            (position(chars, at + 2, |rest| rest.starts_with(&['*', '/'])) + 2).min(chars.len())
        }
        '"' => quoted_end(chars, at),
        'r' if !word_before || before == 'b' => raw_end(chars, at),
        '\'' if next == Some('\\') => position(chars, at + 3, |rest| rest[0] == '\'') + 1,
        '\'' if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

fn position(chars: &[char], from: usize, found: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|&i| found(&chars[i..])).unwrap_or(chars.len())
}

fn quoted_end(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

fn raw_end(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return at;
    }
    let close = |rest: &[char]| rest[0] == '"' && rest.len() > hashes && rest[1..=hashes].iter().all(|&c| c == '#');
    (position(chars, at + 2 + hashes, close) + 1 + hashes).min(chars.len())
}

/// Stripped text without modules under `#[cfg(test)]`: tests may look anywhere.
pub(crate) fn without_tests(text: &str) -> String {
    let stripped = stripped(text);
    let mut out = String::new();
    let mut rest = stripped.as_str();
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        let block = &rest[at..];
        let end = match (block.find('{'), block.find(';')) {
            (Some(open), semicolon) if semicolon.is_none_or(|s| open < s) => open + block_length(&block[open..]),
            (_, Some(semicolon)) => semicolon + 1,
            _ => block.len(),
        };
        rest = &block[end..];
    }
    out.push_str(rest);
    out
}

/// Bytes from an opening brace to behind the one that closes it.
fn block_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Words of code with the byte at which each starts.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

/// Every function with a body: its name, the line where it starts and how many lines it has.
pub(crate) fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let all: Vec<(usize, &str)> = words(code).collect();
    let named = all.windows(2).filter(|pair| pair[0].1 == "fn" && code[pair[0].0 + 2..pair[1].0].trim().is_empty());
    let mut found = Vec::new();
    for pair in named {
        let from = pair[0].0;
        let rest = &code[from..];
        let Some(end) = rest.find(['{', ';']) else { continue };
        if rest[end..].starts_with('{') {
            let body = end + block_length(&rest[end..]);
            let lines = rest[..body].lines().count();
            found.push((pair[1].1.to_owned(), code[..from].lines().count().max(1), lines));
        }
    }
    found
}

/// Files and functions that are too long.
pub(crate) fn sizes(path: &str, text: &str, file: usize, function: usize) -> Vec<String> {
    let lines = text.lines().count();
    let mut findings = Vec::new();
    if lines >= file {
        findings.push(format!("{path}: {lines} lines; a file has less than {file}"));
    }
    for (name, line, lines) in functions(&stripped(text)) {
        if lines >= function {
            findings.push(format!("{path}:{line}: {name} has {lines} lines; a function has less than {function}"));
        }
    }
    findings
}

/// A mod.rs that does more than introduce its room.
pub(crate) fn introduction(path: &str, text: &str, limit: usize) -> Vec<String> {
    let lines = text.lines().count();
    let mut findings = Vec::new();
    if lines > limit {
        findings.push(format!("{path}: {lines} lines; a room is introduced in {limit}"));
    }
    findings.extend(
        functions(&stripped(text))
            .iter()
            .map(|(name, line, _)| format!("{path}:{line}: {name} has a body here; mod.rs only introduces its room")),
    );
    if !text.starts_with("//!") {
        findings.push(format!("{path}: does not say what the room is for"));
    }
    findings
}

/// Code that says "later" or a test that is switched off.
pub(crate) fn left_overs(path: &str, text: &str) -> Vec<String> {
    let code = stripped(text);
    let marks = ["todo!", "unimplemented!", "#[ignore", "dbg!"];
    let found = marks.iter().filter(|mark| code.contains(**mark));
    found.map(|mark| format!("{path}: {mark} is left over")).collect()
}

/// The machine's clocks, named outside the adapter that reads them.
pub(crate) fn clocks(path: &str, text: &str) -> Vec<String> {
    let code = without_tests(text);
    let found = words(&code).filter(|(_, word)| matches!(*word, "SystemTime" | "Instant"));
    found.map(|(at, word)| format!("{path}:{}: {word}; time is an argument", code[..at].lines().count())).collect()
}

#[test]
fn comments_and_literals_are_blanked() {
    let code = stripped("a /* { */ b // }\n\"{\\\"\" c r#\"\"{\"# d '{' e 'x' f<'a> \"\\\\\" g");
    assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "f<'a>", "g"]);
    assert_eq!(code.lines().count(), 2);
}

#[test]
fn long_files_and_functions_are_found() {
    let long =
        format!("fn long() {{\n{}}}\nfn short() {{ let _ = '}}'; }}\ntrait T {{ fn none(&self); }}", "x;\n".repeat(70));
    let found = sizes("a.rs", &long, 400, 70);
    assert_eq!(found, ["a.rs:1: long has 72 lines; a function has less than 70"]);
    assert_eq!(sizes("b.rs", &"\n".repeat(400), 400, 70).len(), 1);
    assert!(sizes("c.rs", &"\n".repeat(399), 400, 70).is_empty());
}

#[test]
fn an_introduction_that_computes_is_found() {
    assert_eq!(introduction("m/mod.rs", "//! A room.\nmod a;\npub use a::A;\n", 60), Vec::<String>::new());
    assert_eq!(introduction("m/mod.rs", "//! A room.\nfn one() -> u8 { 1 }\n", 60).len(), 1);
    assert_eq!(introduction("m/mod.rs", &format!("//! A.\n{}", "mod a;\n".repeat(60)), 60).len(), 1);
    assert_eq!(introduction("m/mod.rs", "mod a;\n", 60).len(), 1);
}

#[test]
fn left_overs_are_found_in_code_only() {
    assert_eq!(left_overs("a.rs", "fn a() { todo!() }\n#[ignore = \"slow\"]\n").len(), 2);
    assert!(left_overs("a.rs", "// todo!\nlet a = \"#[ignore\";").is_empty());
}

#[test]
fn clocks_are_found_outside_tests_only() {
    assert_eq!(clocks("a.rs", "use std::time::Instant;\nfn f() { SystemTime::now(); }").len(), 2);
    assert!(clocks("a.rs", "/// Instant.\n#[cfg(test)]\nmod tests { use std::time::Instant; }\nmod b;").is_empty());
}
