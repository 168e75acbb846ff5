//! Facts laid out as lines: what matters most stands first, so that a low terminal cuts off the rest.

use super::facts::{Arm, Decision, Experiment, Facts, Model};
use super::paint::{Line, Style, bar, clean, columns, cut, grouped, left, percent, right, wrap};

/// Below this width an arm takes two lines.
const WIDE: usize = 64;
/// The narrowest layout; a narrower terminal sees its left part.
const NARROWEST: usize = 40;
/// Decisions shown where nothing bounds the height.
const DECISIONS: usize = 8;

/// What surrounds the facts.
#[derive(Clone, Debug, Default)]
pub(super) struct Around {
    /// Where they come from.
    pub(super) url: String,
    /// What has to be said before any number, such as that nobody answers.
    pub(super) notice: Option<String>,
    /// What the keys do; none where nobody can press them.
    pub(super) keys: &'static str,
}

/// All lines for a terminal of a width; `height` bounds their number.
pub(super) fn screen(facts: Option<&Facts>, around: &Around, width: usize, height: Option<usize>) -> Vec<Line> {
    let width = width.max(NARROWEST);
    let mut lines = vec![head(facts, around, width)];
    for text in around.notice.iter().flat_map(|notice| wrap(&clean(notice), width)) {
        lines.push(Line::of(Style::Alert, text));
    }
    let Some(facts) = facts else { return bounded(lines, height) };
    if facts.phase != "live" {
        let mut text = clean(&facts.detail);
        if facts.progress > 0.0 && facts.progress < 1.0 {
            text = format!("{} done; {text}", percent(facts.progress));
        }
        lines.extend(wrap(&text, width).into_iter().map(|t| Line::of(Style::Alert, t)));
    }
    if facts.experiments.is_empty() {
        lines.push(Line::of(Style::Plain, "There is no experiment to show yet."));
    }
    for experiment in &facts.experiments {
        arms(&mut lines, experiment, width);
    }
    lines.push(Line::default());
    pulse(&mut lines, facts, width);
    models(&mut lines, &facts.models, width);
    decisions(&mut lines, facts.decisions.as_deref(), width, height);
    bounded(lines, height)
}

/// Leaves the last line to say that there is more.
fn bounded(mut lines: Vec<Line>, height: Option<usize>) -> Vec<Line> {
    if let Some(height) = height.filter(|h| lines.len() > *h && *h > 0) {
        let more = lines.len() - height + 1;
        lines.truncate(height - 1);
        lines.push(Line::of(Style::Faint, format!("… {more} more lines")));
    }
    lines
}

fn head(facts: Option<&Facts>, around: &Around, width: usize) -> Line {
    let phase = facts.map_or_else(|| "no answer".to_owned(), |f| clean(&f.phase).replace('_', " "));
    let style = if phase == "live" && around.notice.is_none() { Style::Strong } else { Style::Alert };
    let time = facts.and_then(|f| f.log_time.as_deref()).map(clock).unwrap_or_default();
    let url = clean(around.url.trim_start_matches("http://"));
    let begin = format!("reiver {url}  ");
    let begun = columns(&begin) + columns(&phase);
    let end = match format!("  log time {time}") {
        _ if time.is_empty() => String::new(),
        long if begun + columns(&long) <= width => long,
        _ => format!("  {time}"),
    };
    let used = begun + columns(&end);
    let keys = around.keys;
    let room = width.saturating_sub(used);
    let keys = if room > columns(keys) + 1 { right(keys, room) } else { String::new() };
    Line::of(Style::Plain, begin).and(style, phase).and(Style::Plain, end).and(Style::Faint, keys)
}

/// `07:00:05` out of `2026-11-24T07:00:05.123Z`.
fn clock(time: &str) -> String {
    let clock = time.split('T').nth(1).unwrap_or(time);
    cut(&clean(clock.split(['.', 'Z', '+']).next().unwrap_or(clock)), 8)
}

fn arms(lines: &mut Vec<Line>, experiment: &Experiment, width: usize) {
    lines.push(Line::default());
    let sentence = format!("{}: {}", clean(&experiment.name), clean(&experiment.verdict));
    lines.extend(wrap(&sentence, width).into_iter().map(|text| Line::of(Style::Plain, text)));
    lines.push(Line::default());
    let most = experiment.arms.iter().map(|a| a.share).fold(0.0, f64::max);
    if width >= WIDE {
        let bars = width - 58;
        let head = format!(
            "{}{}  {}{}  {}{}",
            left("arm", 14),
            right("share", 6),
            left("", bars),
            right("best", 6),
            left("reward (95 %)", 18),
            right("decisions", 10)
        );
        lines.push(Line::of(Style::Faint, head));
        lines.extend(experiment.arms.iter().map(|arm| wide(arm, experiment, bars, arm.share >= most)));
    } else {
        for arm in &experiment.arms {
            lines.extend(narrow(arm, experiment, width, arm.share >= most));
        }
    }
}

/// An arm's name with a mark for the baseline, or its state where it gets no traffic.
fn name(arm: &Arm, experiment: &Experiment, width: usize) -> String {
    let mark = match arm.state.as_str() {
        "live" | "" if arm.arm == experiment.baseline => " *",
        "live" | "" => "",
        _ => " !",
    };
    left(&format!("{}{mark}", cut(&clean(&arm.arm), width - mark.len())), width)
}

fn reward(arm: &Arm) -> String {
    match arm.lower.zip(arm.upper) {
        Some((lower, upper)) => format!("{:.3} {lower:.3}–{upper:.3}", arm.mean),
        None => format!("{:.3}", arm.mean),
    }
}

fn shares(arm: &Arm) -> String {
    match arm.state.as_str() {
        "live" | "" => percent(arm.share),
        state => clean(state),
    }
}

fn wide(arm: &Arm, experiment: &Experiment, bars: usize, leads: bool) -> Line {
    let style = if leads { Style::Strong } else { Style::Plain };
    Line::of(style, name(arm, experiment, 14))
        .and(Style::Plain, right(&shares(arm), 6))
        .and(Style::Plain, "  ")
        .and(style, bar(arm.share, bars))
        .and(Style::Plain, right(&percent(arm.probability_best), 6))
        .and(Style::Plain, format!("  {}", left(&reward(arm), 18)))
        .and(Style::Plain, right(&grouped(arm.decisions), 10))
}

fn narrow(arm: &Arm, experiment: &Experiment, width: usize, leads: bool) -> [Line; 2] {
    let style = if leads { Style::Strong } else { Style::Plain };
    let first = Line::of(style, name(arm, experiment, 14))
        .and(Style::Plain, right(&shares(arm), 6))
        .and(Style::Plain, " ")
        .and(style, bar(arm.share, width - 21));
    let second = format!("  best {}  reward {}", right(&percent(arm.probability_best), 5), reward(arm));
    [first, Line::of(Style::Faint, second)]
}

fn pulse(lines: &mut Vec<Line>, facts: &Facts, width: usize) {
    let rate = |rate: Option<f64>| rate.map_or("–".to_owned(), |r| grouped(r.round() as u64));
    let mut words = vec![
        format!("{} events/s", rate(facts.events_per_second)),
        format!("{} decisions/s", rate(facts.decisions_per_second)),
        format!("lag {}", grouped(facts.lag)),
    ];
    words.extend(facts.events.map(|n| format!("{} events", grouped(n))));
    words.extend(facts.rejected.map(|n| format!("{} rejected", grouped(n))));
    let mut line = String::new();
    for word in words {
        if !line.is_empty() && columns(&line) + 2 + columns(&word) > width {
            lines.push(Line::of(Style::Plain, std::mem::take(&mut line)));
        }
        if !line.is_empty() {
            line.push_str("  ");
        }
        line.push_str(&word);
    }
    lines.push(Line::of(Style::Plain, line));
}

fn models(lines: &mut Vec<Line>, models: &[Model], width: usize) {
    if models.is_empty() {
        return;
    }
    let row = |name: &str, recall: &str, loss: &str, auc: &str, scored: &str| {
        let mut text = format!("{}{}{}{}", left(name, 14), right(recall, 9), right(loss, 9), right(auc, 7));
        if width >= WIDE {
            text.push_str(&right(scored, 13));
        }
        text
    };
    lines.push(Line::default());
    lines.push(Line::of(Style::Faint, row("model", "recall@10", "log loss", "AUC", "scored")));
    let part = |part: Option<f64>| part.map_or("–".to_owned(), |p| format!("{p:.3}"));
    for m in models {
        let recall = if m.scored > 0 { format!("{:.3}", m.recall_at_10) } else { "–".to_owned() };
        let text = row(&clean(&m.model), &recall, &part(m.log_loss), &part(m.auc), &grouped(m.scored));
        lines.push(Line::of(Style::Plain, text));
    }
}

fn decisions(lines: &mut Vec<Line>, decisions: Option<&[Decision]>, width: usize, height: Option<usize>) {
    let room = height.map_or(DECISIONS, |h| h.saturating_sub(lines.len() + 2));
    let Some(decisions) = decisions.filter(|d| !d.is_empty() && room > 0) else { return };
    lines.push(Line::default());
    lines.push(Line::of(Style::Faint, "newest decisions"));
    for d in decisions.iter().take(room) {
        let mut text = format!("{}  {} {}", clock(&d.time), left(&clean(&d.arm), 12), right(&percent(d.propensity), 5));
        let state = left(&clean(&d.state), 8);
        text.push_str(&format!("  {state}"));
        if width >= WIDE {
            text.push_str(&format!("  {}  {}", left(&clean(&d.reason), 10), clean(&d.unit)));
        }
        lines.push(Line::of(Style::Plain, text));
    }
}

#[cfg(test)]
mod tests;
