//! A portable model as a safetensors file.

use super::about::About;
use super::model::Portable;
use super::problem::PortableError;
use crate::learn::{Kind, Rows};
use crate::table::{Table, little_endian};
use safetensors::{Dtype, View};
use std::borrow::Cow;
use xxhash_rust::xxh3::Xxh3;

/// The metadata under which a file says what it is. One entry, so that the same model gives the same bytes.
pub(super) const ABOUT: &str = "reiver";
/// What is no table.
pub(super) const USER_IDS: &str = "users.id";
pub(super) const ITEM_IDS: &str = "items.id";
pub(super) const NAMES: &str = "items.name.bytes";
pub(super) const NAME_ENDS: &str = "items.name.ends";
pub(super) const TAUGHT: &str = "items.taught";
pub(super) const AVAILABLE: &str = "items.available";
pub(super) const BLOB: &str = "blob";

/// How numbers of a kind stand in a file; `None`: they do not.
pub(super) const fn dtype(kind: Kind) -> Option<Dtype> {
    match kind {
        Kind::Weight | Kind::Amount | Kind::Float => Some(Dtype::F32),
        Kind::Double => Some(Dtype::F64),
        Kind::Long => Some(Dtype::I64),
        Kind::Word => Some(Dtype::U32),
        Kind::Unused => None,
    }
}

/// One tensor, whose bytes are put together when they are written.
pub struct Tensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    from: Held<'a>,
}

enum Held<'a> {
    Bytes(Vec<u8>),
    /// Words `at` to `at + words` of the first rows.
    Column {
        table: &'a Table,
        rows: usize,
        at: usize,
        words: usize,
    },
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.from {
            Held::Bytes(bytes) => Cow::Borrowed(bytes),
            Held::Column { table, rows, at, words } => {
                let mut bytes = Vec::with_capacity(self.data_len());
                (0..*rows).for_each(|row| bytes.extend_from_slice(&little_endian(&table.row(row)[*at..at + words])));
                Cow::Owned(bytes)
            }
        }
    }

    fn data_len(&self) -> usize {
        match &self.from {
            Held::Bytes(bytes) => bytes.len(),
            Held::Column { rows, words, .. } => rows * words * size_of::<u32>(),
        }
    }
}

fn bytes(shape: &[usize], bytes: Vec<u8>) -> Tensor<'static> {
    Tensor { dtype: Dtype::U8, shape: shape.to_vec(), from: Held::Bytes(bytes) }
}

/// What a file consists of, to be written.
pub struct Contents<'a> {
    /// Tensors by name; their bytes are put together one at a time, when they are asked for.
    pub tensors: Vec<(String, Tensor<'a>)>,
    /// Key and text of the metadata.
    pub about: (String, String),
}

impl Portable {
    /// The whole file in memory.
    ///
    /// # Errors
    /// When what the file says of itself is too large for its format.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PortableError> {
        let Contents { tensors, about } = self.contents()?;
        let about = std::iter::once(about).collect();
        safetensors::serialize(tensors, Some(about))
            .map_err(|e| PortableError::Write(std::io::Error::other(e.to_string())))
    }

    /// What the file consists of; the same model gives the same bytes, whatever its slots were.
    ///
    /// # Errors
    /// When what the file says of itself cannot be told as JSON.
    pub fn contents(&self) -> Result<Contents<'_>, PortableError> {
        let tensors = self.tensors();
        let about = self.about_text(&tensors)?;
        Ok(Contents { tensors, about: (ABOUT.to_owned(), about) })
    }

    fn about_text(&self, tensors: &[(String, Tensor<'_>)]) -> Result<String, PortableError> {
        let mut parts: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        parts.sort_unstable_by_key(|part| part.0);
        let digest = digest(parts.into_iter().map(|(name, tensor)| (name, tensor.data())));
        serde_json::to_string(&About { digest: Some(digest), ..self.about.clone() })
            .map_err(|e| PortableError::Write(e.into()))
    }

    fn tensors(&self) -> Vec<(String, Tensor<'_>)> {
        let mut all = self.ids();
        for (layout, (_, table)) in self.model.layout().into_iter().zip(self.model.tables()) {
            let rows = match layout.rows {
                Rows::Users => self.users.len(),
                Rows::Items => self.items.len(),
                Rows::Own => table.len(),
            };
            let mut at = 0;
            for column in layout.columns {
                let words = column.width * column.kind.words();
                if let Some(dtype) = dtype(column.kind) {
                    let shape = if column.width == 1 { vec![rows] } else { vec![rows, column.width] };
                    let from = Held::Column { table, rows, at, words };
                    all.push((column.name, Tensor { dtype, shape, from }));
                }
                at += words;
            }
        }
        all
    }

    fn ids(&self) -> Vec<(String, Tensor<'_>)> {
        let n = self.items.len();
        let (mut names, mut ends) = (Vec::new(), Vec::with_capacity(8 * n));
        for item in &self.items {
            names.extend_from_slice(item.name.as_bytes());
            ends.extend((names.len() as i64).to_le_bytes());
        }
        let users = self.users.iter().flat_map(|id| id.0.to_be_bytes()).collect();
        let items = self.items.iter().flat_map(|item| item.id.0.to_be_bytes()).collect();
        let blob = self.model.blob();
        let named = [
            (USER_IDS, bytes(&[self.users.len(), 16], users)),
            (ITEM_IDS, bytes(&[n, 16], items)),
            (NAMES, bytes(&[names.len()], names)),
            (NAME_ENDS, Tensor { dtype: Dtype::I64, shape: vec![n], from: Held::Bytes(ends) }),
            (TAUGHT, bytes(&[n], self.items.iter().map(|item| u8::from(item.taught)).collect())),
            (AVAILABLE, bytes(&[n], self.items.iter().map(|item| u8::from(item.available)).collect())),
            (BLOB, bytes(&[blob.len()], blob)),
        ];
        named.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect()
    }
}

/// The digest of tensors that come in the order of their names.
pub(super) fn digest<'a>(tensors: impl Iterator<Item = (&'a str, Cow<'a, [u8]>)>) -> String {
    let mut digest = Xxh3::new();
    for (name, data) in tensors {
        digest.update(name.as_bytes());
        digest.update(&(data.len() as u64).to_le_bytes());
        digest.update(&data);
    }
    format!("{:032x}", digest.digest128())
}
