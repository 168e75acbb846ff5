//! A safetensors file as a portable model. Nothing in it is believed: types, shapes, values, ids and names are checked
//! before they are used, and a row that cannot be used is left out.

use super::about::About;
use super::model::{Portable, PortableItem};
use super::problem::{BadRow, PortableError, leave_out};
use super::vectors::is_text;
use super::write::{ABOUT, AVAILABLE, BLOB, ITEM_IDS, NAME_ENDS, NAMES, TAUGHT, USER_IDS, digest, dtype};
use crate::event::Id;
use crate::learn::{Column, Layout, MAX_NAME, ModelConfig, Renumber, Rows, Slot, registry};
use crate::rng::Seed;
use crate::table::Table;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use std::borrow::Cow;
use std::collections::BTreeSet;

impl Portable {
    /// Reads a safetensors file, or CSV with vectors, for a model of this kind and these parameters; `seed` is what that
    /// model draws first values from.
    /// Also tells which rows were left out.
    ///
    /// # Errors
    /// See [`PortableError`].
    pub fn read(
        file: &[u8],
        kind: &str,
        config: &ModelConfig,
        seed: Seed,
    ) -> Result<(Self, Vec<BadRow>), PortableError> {
        if is_text(file) {
            return Self::read_csv(file, kind, config, seed);
        }
        let (_, metadata) = SafeTensors::read_metadata(file).map_err(damaged)?;
        let about = metadata.metadata().as_ref().and_then(|all| all.get(ABOUT));
        let about = about.ok_or_else(|| PortableError::NotOurs(format!("it has no metadata \"{ABOUT}\"")))?;
        let about = About::read(about)?;
        about.fits(kind, config)?;
        let unknown = || PortableError::Unfit(format!("no model is called {kind}"));
        let mut model = registry::build(kind, config, seed).ok_or_else(unknown)?;
        let tensors = SafeTensors::deserialize(file).map_err(damaged)?;
        whole(&tensors, about.digest.as_deref())?;
        let mut reader = Reader { tensors, bad: Vec::new(), users: BTreeSet::new(), items: BTreeSet::new() };
        let users = reader.users()?;
        let items = reader.items()?;
        let layouts = model.layout();
        for (layout, (_, table)) in layouts.iter().zip(model.tables_mut()) {
            let rows = match layout.rows {
                Rows::Users => Some(users.len()),
                Rows::Items => Some(items.len()),
                Rows::Own => None,
            };
            reader.fill(table, layout, rows)?;
        }
        let blob = reader.bytes(BLOB, None)?;
        model.restore(blob)?;
        let Reader { bad, users: bad_users, items: bad_items, .. } = reader;
        let (users, new_users) = without(users, &bad_users);
        let (items, new_items) = without(items, &bad_items);
        if !bad.is_empty() {
            model.renumber(&Renumber::new(new_users, new_items));
        }
        Ok((Self { about, users, items, model }, bad))
    }
}

/// Whether the tensors are those that were written, where the file says which.
fn whole(tensors: &SafeTensors<'_>, written: Option<&str>) -> Result<(), PortableError> {
    let Some(written) = written else { return Ok(()) };
    let mut parts: Vec<(&str, TensorView<'_>)> = tensors.iter().collect();
    parts.sort_unstable_by_key(|part| part.0);
    let found = digest(parts.iter().map(|(name, tensor)| (*name, Cow::Borrowed(tensor.data()))));
    if found == written {
        return Ok(());
    }
    Err(PortableError::Damaged("its tensors are not those that were written".to_owned()))
}

fn damaged(error: SafeTensorError) -> PortableError {
    PortableError::Damaged(error.to_string())
}

/// What is left without bad rows, and the new place of every old one.
fn without<T>(all: Vec<T>, bad: &BTreeSet<usize>) -> (Vec<T>, Vec<Option<Slot>>) {
    let (mut kept, mut places) = (Vec::with_capacity(all.len()), Vec::with_capacity(all.len()));
    for (row, one) in all.into_iter().enumerate() {
        let stays = !bad.contains(&row);
        places.push(stays.then_some(kept.len() as Slot));
        kept.extend(stays.then_some(one));
    }
    (kept, places)
}

/// A file while it is read, and which rows of it cannot be used.
struct Reader<'a> {
    tensors: SafeTensors<'a>,
    bad: Vec<BadRow>,
    users: BTreeSet<usize>,
    items: BTreeSet<usize>,
}

impl<'a> Reader<'a> {
    fn tensor(&self, name: &str, dtype: Dtype) -> Result<(Vec<usize>, &'a [u8]), PortableError> {
        let wrong = |why: String| PortableError::Tensor { name: name.to_owned(), why };
        let tensor = self.tensors.tensor(name).map_err(|_| wrong("is missing".to_owned()))?;
        if tensor.dtype() != dtype {
            return Err(wrong(format!("is of type {:?}, expected {dtype:?}", tensor.dtype())));
        }
        Ok((tensor.shape().to_vec(), tensor.data()))
    }

    /// A tensor of single bytes; as many as `rows`, where that is said.
    fn bytes(&self, name: &str, rows: Option<usize>) -> Result<&'a [u8], PortableError> {
        let (shape, data) = self.tensor(name, Dtype::U8)?;
        if shape.len() == 1 && rows.is_none_or(|rows| rows == shape[0]) {
            return Ok(data);
        }
        let rows = rows.map_or_else(|| "n".to_owned(), |rows| rows.to_string());
        Err(PortableError::Tensor { name: name.to_owned(), why: format!("has the shape {shape:?}, expected [{rows}]") })
    }

    /// Ids, each once: what comes again is a bad row.
    fn ids(&mut self, name: &str, side: Rows) -> Result<Vec<Id>, PortableError> {
        let (shape, data) = self.tensor(name, Dtype::U8)?;
        if shape.len() != 2 || shape[1] != 16 {
            let why = format!("has the shape {shape:?}, expected [n, 16]");
            return Err(PortableError::Tensor { name: name.to_owned(), why });
        }
        let ids: Vec<Id> = data.as_chunks::<16>().0.iter().map(|bytes| Id(u128::from_be_bytes(*bytes))).collect();
        let mut seen = BTreeSet::new();
        for (row, id) in ids.iter().enumerate() {
            if !seen.insert(*id) {
                self.leave_out(side, row, name, "this id stands in a row before")?;
            }
        }
        Ok(ids)
    }

    fn users(&mut self) -> Result<Vec<Id>, PortableError> {
        self.ids(USER_IDS, Rows::Users)
    }

    fn items(&mut self) -> Result<Vec<PortableItem>, PortableError> {
        let ids = self.ids(ITEM_IDS, Rows::Items)?;
        let n = ids.len();
        let (taught, available) = (self.bytes(TAUGHT, Some(n))?, self.bytes(AVAILABLE, Some(n))?);
        let names = self.bytes(NAMES, None)?;
        let (shape, ends) = self.tensor(NAME_ENDS, Dtype::I64)?;
        let wrong = |why: String| PortableError::Tensor { name: NAME_ENDS.to_owned(), why };
        if shape != [n] {
            return Err(wrong(format!("has the shape {shape:?}, expected [{n}]")));
        }
        let (mut items, mut begin) = (Vec::with_capacity(n), 0);
        for (row, (id, end)) in ids.into_iter().zip(ends.as_chunks::<8>().0).enumerate() {
            let end = usize::try_from(i64::from_le_bytes(*end)).unwrap_or(usize::MAX);
            let name = names.get(begin..end).ok_or_else(|| wrong(format!("ends beyond the names in row {row}")))?;
            begin = end;
            let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= MAX_NAME && Id::of(name) == id);
            if name.is_none() {
                self.leave_out(Rows::Items, row, NAMES, "the name is not UTF-8, too long, or not that of the id")?;
            }
            let name = name.unwrap_or_default().to_owned();
            items.push(PortableItem { id, name, taught: taught[row] != 0, available: available[row] != 0 });
        }
        Ok(items)
    }

    /// Fills a table from its columns; with `rows`, they are of users or items, and bad ones can be left out.
    fn fill(&mut self, table: &mut Table, layout: &Layout, rows: Option<usize>) -> Result<(), PortableError> {
        *table = Table::new(table.width());
        let (mut at, mut rows) = (0, rows);
        for column in &layout.columns {
            let words = column.width * column.kind.words();
            if let Some(dtype) = dtype(column.kind) {
                let (shape, data) = self.tensor(&column.name, dtype)?;
                let told = shape.first().copied().unwrap_or(0);
                let n = *rows.get_or_insert(told);
                let expected = if column.width == 1 { vec![n] } else { vec![n, column.width] };
                if shape != expected {
                    let why = format!("has the shape {shape:?}, expected {expected:?}");
                    return Err(PortableError::Tensor { name: column.name.clone(), why });
                }
                table.grow_to(n);
                self.column(table, layout.rows, column, at..at + words, data)?;
            }
            at += words;
        }
        Ok(())
    }

    fn column(
        &mut self,
        table: &mut Table,
        side: Rows,
        column: &Column,
        place: std::ops::Range<usize>,
        data: &[u8],
    ) -> Result<(), PortableError> {
        let mut words = vec![0; place.len()];
        for (row, bytes) in data.chunks_exact(4 * place.len()).enumerate() {
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *word = u32::from_le_bytes(*bytes);
            }
            if !words.chunks_exact(column.kind.words()).all(|number| column.kind.may_be(number)) {
                self.leave_out(side, row, &column.name, "a number that is none, or beyond what the model allows")?;
            } else if words.iter().any(|word| *word != 0) {
                table.row_mut(row)[place.clone()].copy_from_slice(&words);
            }
        }
        Ok(())
    }

    /// Notes a row that is left out; one of the model's own cannot be.
    fn leave_out(&mut self, side: Rows, row: usize, name: &str, why: &str) -> Result<(), PortableError> {
        let new = match side {
            Rows::Users => self.users.insert(row),
            Rows::Items => self.items.insert(row),
            Rows::Own => {
                return Err(PortableError::Tensor {
                    name: name.to_owned(),
                    why: format!("holds, in row {row}, {why}"),
                });
            }
        };
        if new { leave_out(&mut self.bad, format!("row {row} of {name}"), why) } else { Ok(()) }
    }
}
