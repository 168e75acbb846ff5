//! Writes MovieLens ratings as time-sorted JSON lines, for kcat or `reiver replay --format jsonl`:
//!
//! `cargo run --example movielens_jsonl -- u.data > ratings.jsonl`
//!
//! Mind the data set's terms: its files may not be redistributed, in this form neither.

use anyhow::{Context, bail};
use reiver::adapter::file::{Columns, Format, Rows, RowsConfig, write_json_lines};
use reiver::codec::event_time;
use std::io::{BufWriter, stdout};
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        bail!("usage: movielens_jsonl FILE (u.data or ratings.dat, .gz too)");
    };
    let config = RowsConfig {
        topic: "movielens".into(),
        format: Format::MovieLens,
        columns: Columns::default(),
        time_of: event_time,
        items: None,
    };
    let mut rows = Rows::open(Path::new(&path), &config)?;
    let written = write_json_lines(&mut rows, &mut BufWriter::new(stdout().lock())).context("standard output")?;
    eprintln!("{written} ratings written, {} bad rows left out", rows.bad().count);
    Ok(())
}
