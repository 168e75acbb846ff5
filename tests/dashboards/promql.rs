//! As much of PromQL as the lint needs: names, selectors, and what stands around them. Whether a query is valid is
//! for Prometheus to say.

/// A metric in a query, with its matchers and range as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Selector {
    pub(crate) name: String,
    pub(crate) matchers: String,
    pub(crate) range: String,
    /// The function whose argument it is.
    pub(crate) function: String,
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// A metric: ours, a process number, a recorded one, or one that Prometheus makes.
fn is_metric(word: &str) -> bool {
    word.starts_with("reiver_")
        || word.starts_with("process_")
        || word.contains(':')
        || word == "up"
        || word == "ALERTS"
}

/// Every selector in a query.
pub(crate) fn selectors(expr: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = expr[at..].chars().next() {
        if c == '"' {
            // A quoted matcher holds no selector.
            at += 1 + expr[at + 1..].find('"').map_or(expr.len() - at - 1, |n| n + 1);
        } else if c.is_ascii_alphabetic() || c == '_' || c == ':' {
            let word = &expr[at..][..expr[at..].find(|c| !is_name(c)).unwrap_or(expr.len() - at)];
            let rest = &expr[at + word.len()..];
            if is_metric(word) {
                let enclosed = |open: char, close: char, text: &str| {
                    text.strip_prefix(open).and_then(|t| t.split_once(close)).map(|(inside, _)| inside.to_owned())
                };
                let matchers = enclosed('{', '}', rest);
                let after = matchers.as_ref().map_or(0, |m| m.len() + 2);
                let range = enclosed('[', ']', &rest[after..]).unwrap_or_default();
                let before = expr[..at].trim_end().strip_suffix('(').unwrap_or("");
                let function = before.rsplit(|c| !is_name(c)).next().unwrap_or("").to_owned();
                let matchers = matchers.unwrap_or_default();
                found.push(Selector { name: word.to_owned(), matchers, range, function });
            }
            at += word.len();
        } else {
            at += c.len_utf8();
        }
    }
    found
}

#[test]
fn selectors_are_found() {
    let found = selectors(r#"sum by (job) (rate(reiver_a_total{job=~"$job",x="reiver_no"}[5m])) / job:b:rate5m > up"#);
    let seen: Vec<_> = found.iter().map(|s| (s.name.as_str(), s.range.as_str(), s.function.as_str())).collect();
    assert_eq!(seen, [("reiver_a_total", "5m", "rate"), ("job:b:rate5m", "", ""), ("up", "", "")]);
    assert_eq!(found[0].matchers, r#"job=~"$job",x="reiver_no""#);
}
