//! What a command says: its result on stdout, its progress on stderr. Beside it only the screen of
//! `top` writes to stdout.

use std::io::Write;

/// Writes text and a line end to stdout. A reader that went away (`| head`) is no failure.
pub(super) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Writes one document on one line: the last line of stdout under `--json`.
///
/// # Errors
/// When the value cannot be written as JSON (a map key that is no text).
pub(super) fn document<T: serde::Serialize + ?Sized>(value: &T) -> Result<(), serde_json::Error> {
    line(&serde_json::to_string(value)?);
    Ok(())
}

/// Writes a line for people to stderr.
pub(super) fn note(text: &str) {
    let _gone = writeln!(std::io::stderr().lock(), "{text}");
}

/// Lays rows out in columns: the first left, the others right, two spaces between.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(std::iter::once(head[column].chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let lay = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (column, cell) in cells.enumerate() {
            let pad = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            if column == 0 {
                text.push_str(cell);
                text.push_str(&pad);
            } else {
                text.push_str("  ");
                text.push_str(&pad);
                text.push_str(cell);
            }
        }
        text.trim_end().to_owned()
    };
    let mut lines = vec![lay(&mut head.iter().copied())];
    lines.extend(rows.iter().map(|row| lay(&mut row.iter().map(String::as_str).take(head.len()))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["mf".into(), "12".into()], vec!["transitions".into(), "3".into()]];
        assert_eq!(table(&["model", "n"], &rows), "model         n\nmf           12\ntransitions   3");
    }
}
