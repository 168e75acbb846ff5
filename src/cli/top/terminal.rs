//! The terminal: a second screen, keys as they are pressed, and all of it given back however the command ends.

use super::paint::Line;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use crossterm::style::Print;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{execute, queue};
use std::io::{self, BufWriter, Stdout, Write};
use std::time::Duration;

/// What was pressed, or happened to the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    Nothing,
    Quit,
    Resized,
}

/// The terminal while it is ours.
pub(super) struct Terminal {
    out: BufWriter<Stdout>,
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it is none, or does not do as it is told.
    pub(super) fn take() -> io::Result<Self> {
        enable_raw_mode()?;
        // From here on everything is given back when this is dropped.
        let mut terminal = Self { out: BufWriter::new(io::stdout()) };
        execute!(terminal.out, EnterAlternateScreen, Hide)?;
        Ok(terminal)
    }

    /// Columns and rows.
    pub(super) fn size() -> (usize, usize) {
        size().map_or((80, 24), |(columns, rows)| (usize::from(columns), usize::from(rows)))
    }

    /// Shows lines from the top left; what stood there before goes.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn show(&mut self, lines: &[Line], width: usize, colour: bool) -> io::Result<()> {
        for (row, line) in lines.iter().enumerate() {
            let row = u16::try_from(row).unwrap_or(u16::MAX);
            queue!(self.out, MoveTo(0, row), Print(line.show(width, colour)), Clear(ClearType::UntilNewLine))?;
        }
        if lines.len() < Self::size().1 {
            queue!(
                self.out,
                MoveTo(0, u16::try_from(lines.len()).unwrap_or(u16::MAX)),
                Clear(ClearType::FromCursorDown)
            )?;
        }
        self.out.flush()
    }

    /// Waits for a key, at most so long.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn wait(limit: Duration) -> io::Result<Pressed> {
        if !poll(limit)? {
            return Ok(Pressed::Nothing);
        }
        Ok(match read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
                KeyCode::Char('q') | KeyCode::Esc => Pressed::Quit,
                KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => Pressed::Quit,
                _ => Pressed::Nothing,
            },
            Event::Resize(..) => Pressed::Resized,
            _ => Pressed::Nothing,
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nothing helps where the terminal itself is gone.
        let _gone = execute!(self.out, Show, LeaveAlternateScreen);
        let _gone = disable_raw_mode();
    }
}
