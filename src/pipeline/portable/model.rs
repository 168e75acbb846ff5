//! A model with its ids and without its slots: what a file holds.

use super::about::About;
use super::problem::PortableError;
use crate::event::{Id, Time};
use crate::learn::{Directory, Model, ModelConfig, Renumber, Rows, Slot, registry};
use crate::rng::Seed;

/// An item of a portable model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortableItem {
    /// Its id.
    pub id: Id,
    /// Its name, as events say it.
    pub name: String,
    /// Whether it had a positive.
    pub taught: bool,
    /// Whether it may be recommended.
    pub available: bool,
}

/// A model whose rows are numbered by the order of ids: the same, whatever slots it learned with.
pub struct Portable {
    /// Which model it is.
    pub about: About,
    /// Row n of every table of users is of the n-th.
    pub users: Vec<Id>,
    /// Row n of every table of items is of the n-th.
    pub items: Vec<PortableItem>,
    pub(super) model: Box<dyn Model>,
}

impl Portable {
    /// Of a model as it is now, with the users and items of which it knows something, in the order of their ids.
    /// `config` is what the model was built with.
    ///
    /// # Errors
    /// When `config` is not that.
    pub fn of(
        model: &dyn Model,
        config: &ModelConfig,
        directory: &Directory,
        log_time: Time,
    ) -> Result<Self, PortableError> {
        let mut own = twin(model, config)?;
        let user = |slot| Some(directory.user_id(slot)).filter(|id| directory.user(*id) == Some(slot));
        let item = |slot| Some(directory.item_id(slot)).filter(|id| directory.item(*id) == Some(slot));
        let users = known(model, Rows::Users, user);
        let items = known(model, Rows::Items, item);
        own.renumber(&Renumber::new(places(&users), places(&items)));
        let named = |&(id, slot): &(Id, Slot)| PortableItem {
            id,
            name: directory.item_name(slot),
            taught: directory.taught(slot),
            available: directory.available(slot),
        };
        Ok(Self {
            about: About::of(model.kind(), config, log_time),
            users: users.iter().map(|(id, _)| *id).collect(),
            items: items.iter().map(named).collect(),
            model: own,
        })
    }

    /// The model alone, its rows under the slots that its users and items have elsewhere, in their order here; who has
    /// none there is left behind.
    #[must_use]
    pub fn settle(mut self, users: Vec<Option<Slot>>, items: Vec<Option<Slot>>) -> Box<dyn Model> {
        self.model.renumber(&Renumber::new(users, items));
        self.model
    }
}

/// A copy that can be renumbered; shares all pages.
fn twin(model: &dyn Model, config: &ModelConfig) -> Result<Box<dyn Model>, PortableError> {
    let kind = model.kind();
    let unknown = || PortableError::Unfit(format!("no model is called {kind}"));
    let mut own = registry::build(kind, config, Seed(0)).ok_or_else(unknown)?;
    for ((_, table), (_, target)) in model.tables().into_iter().zip(own.tables_mut()) {
        *target = table.clone();
    }
    own.restore(&model.blob())?;
    Ok(own)
}

/// The ids of one side of which a model knows something, with their slots, sorted by id.
fn known(model: &dyn Model, side: Rows, id: impl Fn(Slot) -> Option<Id>) -> Vec<(Id, Slot)> {
    let mut learned = Vec::new();
    for (layout, (_, table)) in model.layout().iter().zip(model.tables()).filter(|(layout, _)| layout.rows == side) {
        debug_assert_eq!(layout.words(), table.width());
        learned.resize(table.len().max(learned.len()), false);
        for (first, block) in table.blocks() {
            for (row, words) in block.chunks_exact(table.width()).enumerate() {
                learned[first + row] |= words.iter().any(|word| *word != 0);
            }
        }
    }
    let slots = learned.iter().enumerate().filter(|(_, learned)| **learned).map(|(slot, _)| slot as Slot);
    let mut all: Vec<(Id, Slot)> = slots.filter_map(|slot| Some((id(slot)?, slot))).collect();
    all.sort_unstable();
    all
}

/// For every slot its place in the list.
fn places(known: &[(Id, Slot)]) -> Vec<Option<Slot>> {
    let mut places = vec![None; known.iter().map(|(_, slot)| *slot as usize + 1).max().unwrap_or(0)];
    for (place, (_, slot)) in (0..).zip(known) {
        places[*slot as usize] = Some(place);
    }
    places
}
