//! Models out of the state as files, and models of the state that begin from files.

use super::portable::{BadRow, Portable, PortableError, PortableItem};
use super::state::State;
use crate::event::Time;
use crate::learn::{Directory, Slot};
use std::path::PathBuf;

/// A file that a model begins from where it has nothing yet: no part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmStart {
    /// The model's registry name.
    pub kind: String,
    /// The file.
    pub path: PathBuf,
    /// A hash of its content: a model that began from another file is another model.
    pub hash: u64,
}

/// What a model began from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warmed {
    /// The model's registry name.
    pub kind: String,
    /// Users of whom it knows something now.
    pub users: usize,
    /// Items of which it knows something now.
    pub items: usize,
    /// Users for whom there is no room: what is brought takes half of a side at most, so that new ones find theirs.
    pub users_left_out: usize,
    /// Items for which there is none.
    pub items_left_out: usize,
    /// Rows that could not be used.
    pub bad: Vec<BadRow>,
}

impl State {
    /// A model with the users and items of which it knows something, without its slots; `None` for one that does not
    /// run.
    ///
    /// # Errors
    /// When its tables do not fit its parameters.
    pub fn portable(&self, kind: &str) -> Option<Result<Portable, PortableError>> {
        let trained = self.models.iter().find(|t| t.kind == kind)?;
        let log_time = Time(self.counts.log_time);
        Some(Portable::of(&*trained.model, &trained.config, &self.directory, log_time))
    }

    /// Kinds of the models that run, in their order.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|t| t.kind.as_str())
    }

    /// Puts what a file holds in the place of a model, and gives its users and items slots. The same file and the same
    /// state give the same state.
    ///
    /// # Errors
    /// See [`PortableError`]; then nothing has changed.
    pub fn warm_start(&mut self, kind: &str, file: &[u8]) -> Result<Warmed, PortableError> {
        let Self { models, directory, counts, .. } = self;
        let Some(trained) = models.iter_mut().find(|t| t.kind == kind) else {
            return Err(PortableError::Unfit(format!("no model {kind} runs that could begin from it")));
        };
        let (portable, bad) = Portable::read(file, kind, &trained.config, trained.seed)?;
        directory.set_now(Time(counts.log_time));
        let users: Vec<Option<Slot>> = portable.users.iter().map(|id| directory.bring_user(*id)).collect();
        let items: Vec<Option<Slot>> = portable.items.iter().map(|item| seat(directory, item)).collect();
        let count = |slots: &[Option<Slot>], there: bool| slots.iter().filter(|slot| slot.is_some() == there).count();
        let warmed = Warmed {
            kind: kind.to_owned(),
            users: count(&users, true),
            items: count(&items, true),
            users_left_out: count(&users, false),
            items_left_out: count(&items, false),
            bad,
        };
        trained.model = portable.settle(users, items);
        Ok(warmed)
    }
}

/// The slot of an item that is brought; what the log said of a known one counts more than what the file says.
fn seat(directory: &mut Directory, item: &PortableItem) -> Option<Slot> {
    let new = directory.item(item.id).is_none();
    let slot = directory.bring_item(item.id, &item.name)?;
    if item.taught {
        directory.mark_taught(slot);
    }
    if new {
        directory.set_available(slot, item.available);
    }
    Some(slot)
}
