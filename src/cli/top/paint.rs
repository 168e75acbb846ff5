//! Text for a terminal: cut, filled and wrapped by columns, with a style that can be left out.

use unicode_width::UnicodeWidthChar;

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// What leads.
    Strong,
    /// What is said beside.
    Faint,
    /// What needs attention.
    Alert,
}

/// A line: pieces with their style, never longer than the terminal is wide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<(Style, String)>);

impl Line {
    /// A line of one piece.
    pub(super) fn of(style: Style, text: impl Into<String>) -> Self {
        Self(vec![(style, text.into())])
    }

    /// Adds a piece.
    pub(super) fn and(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }

    /// The line in at most `width` columns, with escape sequences if it may be coloured.
    pub(super) fn show(&self, width: usize, colour: bool) -> String {
        let (mut out, mut left) = (String::new(), width);
        for (style, text) in &self.0 {
            let text = cut(text, left);
            left -= columns(&text);
            let code = match style {
                Style::Plain => "",
                Style::Strong => "\x1b[1;32m",
                Style::Faint => "\x1b[2m",
                Style::Alert => "\x1b[1;33m",
            };
            if colour && !code.is_empty() && !text.is_empty() {
                out.push_str(code);
                out.push_str(&text);
                out.push_str("\x1b[0m");
            } else {
                out.push_str(&text);
            }
        }
        if colour { out } else { out.trim_end().to_owned() }
    }
}

/// Names come from configurations and events: what would steer a terminal becomes a sign.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// At most `width` columns; what is cut off leaves a sign.
pub(super) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let (mut kept, mut used) = (String::new(), 0);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        // One column is kept for the sign.
        if used >= width {
            break;
        }
        kept.push(c);
    }
    kept.extend((width > 0).then_some('…'));
    kept
}

/// Columns that a text takes: sign by sign, as terminals count.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

fn blanks(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(columns(text)))
}

/// Exactly `width` columns, at the left.
pub(super) fn left(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let rest = blanks(&text, width);
    text + &rest
}

/// Exactly `width` columns, at the right.
pub(super) fn right(text: &str, width: usize) -> String {
    let text = cut(text, width);
    blanks(&text, width) + &text
}

/// A bar of `width` columns, in eighths of a column.
pub(super) fn bar(share: f64, width: usize) -> String {
    const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let mut text = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        text.push(PARTS[eighths % 8]);
    }
    left(&text, width)
}

/// Words in lines of at most `width` columns; a longer word is cut.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = cut(word, width);
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(&word) <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// `71 %`; never rounded to certainty.
pub(super) fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p > 99.5 && p < 100.0 => ">99 %".to_owned(),
        p if p < 0.5 && p > 0.0 => "<1 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

/// `12,345`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in "\\PC{0,60}", width in 0_usize..50, share in -1.0_f64..2.0) {
            prop_assert!(columns(&cut(&text, width)) <= width);
            prop_assert_eq!(columns(&bar(share, width)), width);
            prop_assert!(columns(&left(&text, width)) <= width && columns(&right(&text, width)) <= width);
            let line = Line::of(Style::Plain, text.clone()).and(Style::Strong, text.clone());
            prop_assert!(columns(&line.show(width, false)) <= width);
            for wrapped in wrap(&text, width.max(1)) {
                prop_assert!(columns(&wrapped) <= width.max(1));
            }
        }

        #[test]
        fn nothing_steers_the_terminal(text in any::<String>()) {
            prop_assert!(!clean(&text).chars().any(char::is_control));
        }
    }

    #[test]
    fn signs_are_those_that_are_meant() {
        assert_eq!(bar(0.5, 4), "██  ");
        assert_eq!(bar(0.53, 4), "██▏ ");
        assert_eq!(cut("transitions", 5), "tran…");
        assert_eq!([cut("推薦推薦", 5), left("推薦", 5), right("推薦", 5)], ["推薦…", "推薦 ", " 推薦"]);
        assert_eq!([percent(0.996), percent(0.004), percent(0.0), percent(1.0)], [">99 %", "<1 %", "0 %", "100 %"]);
        assert_eq!([grouped(999), grouped(1_234_567)], ["999", "1,234,567"]);
        assert_eq!(Line::of(Style::Strong, "a").show(9, true), "\x1b[1;32ma\x1b[0m");
    }
}
