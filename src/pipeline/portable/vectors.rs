//! Vectors that were learned elsewhere, or written by us as CSV, as a portable model.

use super::about::About;
use super::model::{Portable, PortableItem};
use super::problem::{BadRow, PortableError, leave_out};
use super::table::{HASHED, HEAD, side};
use crate::event::{Id, Time};
use crate::learn::{Kind, MAX_NAME, Model, ModelConfig, Rows, Slot, registry};
use crate::rng::Seed;
use csv::{ByteRecord, ReaderBuilder};
use std::collections::BTreeSet;

/// Whether a file is text: a safetensors file begins with its header's length, whose high bytes are zero.
pub(super) fn is_text(file: &[u8]) -> bool {
    !file.is_empty() && file.iter().take(64).all(|byte| *byte >= b'\t')
}

/// Where the columns stand.
struct Head {
    side: Option<usize>,
    id: usize,
    bias: Option<usize>,
    /// Of v0, v1, ….
    numbers: Vec<usize>,
    width: usize,
}

impl Head {
    fn of(record: &ByteRecord) -> Result<Self, PortableError> {
        let place = |name: &str| record.iter().position(|field| field == name.as_bytes());
        let [side, id, bias] = HEAD.map(place);
        let numbers: Vec<usize> = (0..).map_while(|n| place(&format!("v{n}"))).collect();
        let known = numbers.len() + [side, id, bias].iter().flatten().count();
        let Some(id) = id.filter(|_| !numbers.is_empty() && known == record.len()) else {
            let what = "the header must be id,v0,v1,… with side and bias where there are any".to_owned();
            return Err(PortableError::Csv(what));
        };
        Ok(Self { side, id, bias, numbers, width: record.len() })
    }
}

/// What is read so far.
struct Reading {
    users: Vec<Id>,
    items: Vec<PortableItem>,
    seen: [BTreeSet<Id>; 2],
    model: Box<dyn Model>,
    head: Head,
}

impl Portable {
    /// Reads `id,v0,v1,…`, with the columns `side` (`user` or `item`; without it all are items) and `bias` where there
    /// are any: what [`Portable::write_csv`] writes, and what others have.
    ///
    /// # Errors
    /// See [`PortableError`]; most models cannot begin from vectors alone.
    pub(super) fn read_csv(
        file: &[u8],
        kind: &str,
        config: &ModelConfig,
        seed: Seed,
    ) -> Result<(Self, Vec<BadRow>), PortableError> {
        let about = About::of(kind, config, Time::NEVER);
        let unknown = || PortableError::Unfit(format!("no model is called {kind}"));
        let model = registry::build(kind, config, seed).ok_or_else(unknown)?;
        let dimensions = about.parameters.get("dimensions").map_or(0, |n| *n as usize);
        if !registry::build(kind, config, seed)
            .is_some_and(|mut it| it.adopt(Rows::Items, 0, &vec![0.0; dimensions], 0.0))
        {
            return Err(PortableError::Unfit(format!(
                "{kind} cannot begin from vectors alone; mf, bpr and two_tower can. Any model can begin from a \
                 .safetensors file of `reiver export`"
            )));
        }
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
        let (mut record, mut bad) = (ByteRecord::new(), Vec::new());
        let broken = |e: csv::Error| PortableError::Csv(e.to_string());
        reader.read_byte_record(&mut record).map_err(broken)?;
        let head = Head::of(&record)?;
        if head.numbers.len() != dimensions {
            let (kind, name) = (kind.to_owned(), "dimensions".to_owned());
            let (file, wanted) = (head.numbers.len().to_string(), dimensions.to_string());
            return Err(PortableError::Parameter { kind, name, file, wanted });
        }
        let mut reading = Reading { users: Vec::new(), items: Vec::new(), seen: Default::default(), model, head };
        while reader.read_byte_record(&mut record).map_err(broken)? {
            if let Err(why) = reading.take(&record) {
                let line = record.position().map_or(0, csv::Position::line);
                leave_out(&mut bad, format!("line {line}"), why)?;
            }
        }
        let Reading { users, items, model, .. } = reading;
        Ok((Self { about, users, items, model }, bad))
    }
}

impl Reading {
    /// One row, or why it cannot be used.
    fn take(&mut self, record: &ByteRecord) -> Result<(), String> {
        if record.len() != self.head.width {
            return Err(format!("{} fields, expected {}", record.len(), self.head.width));
        }
        let text = |at: usize| std::str::from_utf8(&record[at]).map(str::trim).map_err(|_| "not UTF-8".to_owned());
        let rows = match self.head.side.map(text).transpose()? {
            None => Rows::Items,
            Some(word) if Some(word) == side("items") => Rows::Items,
            Some(word) if Some(word) == side("users") => Rows::Users,
            Some(word) => return Err(format!("side is \"{word}\", neither user nor item")),
        };
        let number = |at: usize| {
            let x = text(at)?;
            let read = x.parse::<f32>().ok().filter(|x| Kind::Weight.may_be(&[x.to_bits()]));
            read.ok_or_else(|| format!("\"{x}\" is no number within ±16"))
        };
        let vector = self.head.numbers.iter().map(|at| number(*at)).collect::<Result<Vec<f32>, _>>()?;
        let bias = self.head.bias.map_or(Ok(0.0), number)?;
        let name = text(self.head.id)?;
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(format!("id is empty or longer than {MAX_NAME} bytes"));
        }
        let id = match name.strip_prefix(HASHED).filter(|_| rows == Rows::Users) {
            Some(hash) => Id(u128::from_str_radix(hash, 16).map_err(|_| format!("\"{name}\" is no hash of an id"))?),
            None => Id::of(name),
        };
        if !self.seen[usize::from(rows == Rows::Items)].insert(id) {
            return Err(format!("\"{name}\" stands in a line before"));
        }
        let slot = if rows == Rows::Users { self.users.len() } else { self.items.len() } as Slot;
        self.model.adopt(rows, slot, &vector, bias);
        match rows {
            Rows::Users => self.users.push(id),
            Rows::Items | Rows::Own => {
                let name = name.to_owned();
                self.items.push(PortableItem { id, name, taught: true, available: true });
            }
        }
        Ok(())
    }
}
