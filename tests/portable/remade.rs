//! Small models as files, and files taken apart, changed, and put together again.

use reiver::event::{Id, Time};
use reiver::learn::registry::build;
use reiver::learn::{Context, Directory, Example, Model, ModelConfig};
use reiver::pipeline::portable::Portable;
use reiver::rng::Seed;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;

/// Parameters that keep files small.
pub(crate) fn tiny(kind: &str) -> ModelConfig {
    let vectors = !matches!(kind, "popularity" | "transitions" | "item_knn");
    ModelConfig { dimensions: vectors.then_some(4), hidden: (kind == "ncf").then_some(6), ..ModelConfig::default() }
}

/// A model that learned from 6 users and 8 items, as a file; the items' names; the model.
pub(crate) fn learned(kind: &str) -> (Vec<u8>, Vec<String>, Box<dyn Model>) {
    learned_of(kind, 6, 8)
}

pub(crate) fn learned_of(kind: &str, users: u32, items: u32) -> (Vec<u8>, Vec<String>, Box<dyn Model>) {
    let mut model = build(kind, &tiny(kind), Seed(1)).expect("a kind of the registry");
    let mut directory = Directory::default();
    let names: Vec<String> = (0..items).map(|item| format!("item {item}")).collect();
    (0..users).for_each(|user| {
        directory.admit_user(Id::of(&format!("user {user}")));
    });
    names.iter().for_each(|name| {
        directory.admit_item(Id::of(name), name);
    });
    for n in 0..40 * users {
        let (user, item) = (n % users, (n * 5 + n / users) % items);
        teach(&mut *model, &directory, user, item, i64::from(n));
    }
    let portable = Portable::of(&*model, &tiny(kind), &directory, Time(1_700_000_000_000)).expect("its parameters");
    (portable.to_bytes().expect("fits"), names, model)
}

pub(crate) fn teach(model: &mut dyn Model, directory: &Directory, user: u32, item: u32, n: i64) {
    let (user_id, item_id) = (directory.user_id(user), directory.item_id(item));
    let recent = [(item + 1) % 8, (item + 3) % 8];
    let context = Context { user: Some(user), user_id, recent: &recent, time: Time(1_700_000_000_000 + n * 60_000) };
    model.learn(&Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[(item + 5) % 8] });
}

/// One tensor of a file.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<u8>,
}

/// A file in pieces. It says no digest: somebody made it anew.
#[derive(Clone, Debug)]
pub(crate) struct Remade {
    pub(crate) about: serde_json::Value,
    pub(crate) tensors: BTreeMap<String, Piece>,
    /// Without our metadata.
    pub(crate) foreign: bool,
}

impl Remade {
    pub(crate) fn of(file: &[u8]) -> Self {
        let (_, metadata) = SafeTensors::read_metadata(file).expect("a safetensors file");
        let about = metadata.metadata().as_ref().and_then(|all| all.get("reiver")).expect("what it is");
        let mut about: serde_json::Value = serde_json::from_str(about).expect("JSON");
        about.as_object_mut().expect("an object").remove("digest").expect("a digest");
        let tensors = SafeTensors::deserialize(file).expect("whole").tensors();
        let piece = |view: TensorView<'_>| Piece {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            data: view.data().to_vec(),
        };
        let tensors = tensors.into_iter().map(|(name, view)| (name, piece(view))).collect();
        Self { about, tensors, foreign: false }
    }

    pub(crate) fn tensor(&mut self, name: &str) -> &mut Piece {
        self.tensors.get_mut(name).expect("a tensor of the file")
    }

    pub(crate) fn set_float(&mut self, name: &str, at: usize, value: f32) {
        self.tensor(name).data[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let views = self.tensors.iter().map(|(name, it)| {
            (name, TensorView::new(it.dtype, it.shape.clone(), &it.data).expect("as many bytes as the shape says"))
        });
        let about = (!self.foreign).then(|| std::iter::once(("reiver".to_owned(), self.about.to_string())).collect());
        safetensors::serialize(views, about).expect("written")
    }
}
