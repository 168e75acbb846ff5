//! Many writes to a table in one go: whether a view still holds a page is asked once a page, not once a row.

use super::Table;
use super::page::{Chunk, Layout, Page};
use std::sync::Arc;

/// Rows that can be written: a table, or a [`Writer`] over it.
pub trait RowsMut {
    /// A row's words as floats for writing; marks its page as changed. Rows beyond the end are taken in by a table,
    /// and refused (`None`) by a writer.
    fn floats_at(&mut self, row: usize) -> Option<&mut [f32]>;
}

impl RowsMut for Table {
    #[inline]
    fn floats_at(&mut self, row: usize) -> Option<&mut [f32]> {
        Some(self.floats_mut(row))
    }
}

/// Writes rows of one table, which nobody can clone meanwhile: so a page that was made the table's own stays it.
///
/// ```
/// use reiver::table::{RowsMut, Table};
/// let mut table = Table::new(3);
/// table.grow_to(1000);
/// let mut writer = table.writer();
/// if let Some(row) = writer.floats_at(700) {
///     row[1] = 0.5;
/// }
/// assert!(writer.floats_at(1000).is_none());
/// assert_eq!(table.floats(700), [0.0, 0.5, 0.0]);
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    /// Chunks as the table has them, until one of their pages is written.
    closed: Vec<Option<&'a mut Arc<Chunk>>>,
    /// By chunk: where its pages begin in `pages`, for those that were opened.
    begins: Vec<usize>,
    pages: Vec<OfPage<'a>>,
    layout: Layout,
    len: usize,
    stamp: u64,
    zero: &'a Page,
    owned: &'a mut usize,
    copied: &'a mut u64,
}

/// The place of a chunk none of whose pages was written.
const NOWHERE: usize = usize::MAX;

/// A page as the table has it, with its stamp; or made the table's own.
#[derive(Debug)]
enum OfPage<'a> {
    Closed(Option<(&'a mut Page, &'a mut u64)>),
    Open(&'a mut [u32]),
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        (layout, len, stamp): (Layout, usize, u64),
        chunks: &'a mut [Arc<Chunk>],
        zero: &'a Page,
        (owned, copied): (&'a mut usize, &'a mut u64),
    ) -> Self {
        let begins = vec![NOWHERE; chunks.len()];
        let closed = chunks.iter_mut().map(Some).collect();
        Self { closed, begins, pages: Vec::new(), layout, len, stamp, zero, owned, copied }
    }

    /// Lists a chunk's pages one by one; copies the chunk if a view holds it.
    #[cold]
    fn open_chunk(&mut self, chunk: usize) {
        let Some(closed) = self.closed.get_mut(chunk).and_then(Option::take) else { return };
        self.begins[chunk] = self.pages.len();
        let Chunk { pages, stamps } = Arc::make_mut(closed);
        self.pages.extend(pages.iter_mut().zip(stamps).map(|of| OfPage::Closed(Some(of))));
    }

    /// Makes a page the table's own; copies it if a view holds it.
    #[cold]
    fn open_page(&mut self, at: usize) {
        let Some(OfPage::Closed(closed)) = self.pages.get_mut(at) else { return };
        let Some((page, stamp)) = closed.take() else { return };
        *stamp = self.stamp;
        let before = page.as_ptr();
        let words = Arc::make_mut(page);
        if before == self.zero.as_ptr() {
            *self.owned += 1;
        } else if before != words.as_ptr() {
            *self.copied += 1;
        }
        self.pages[at] = OfPage::Open(words);
    }
}

impl RowsMut for Writer<'_> {
    #[inline]
    fn floats_at(&mut self, row: usize) -> Option<&mut [f32]> {
        if row >= self.len {
            return None;
        }
        let (chunk, page) = self.layout.place(row);
        if *self.begins.get(chunk)? == NOWHERE {
            self.open_chunk(chunk);
        }
        let at = self.begins[chunk] + page;
        if let Some(OfPage::Closed(_)) = self.pages.get(at) {
            self.open_page(at);
        }
        let Some(OfPage::Open(words)) = self.pages.get_mut(at) else { return None };
        let start = self.layout.start(row);
        words.get_mut(start..start + self.layout.width).map(bytemuck::cast_slice_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use xxhash_rust::xxh3::Xxh3;

    fn digest(table: &Table) -> u128 {
        let mut digest = Xxh3::new();
        table.digest_into(&mut digest);
        digest.digest128()
    }

    proptest! {
        /// Through a writer or one by one: the same content, stamps, counts; and views keep what they saw.
        #[test]
        fn a_writer_does_what_single_writes_do(
            width in 1usize..700,
            rounds in proptest::collection::vec((proptest::collection::vec(0usize..3000, 0..40), any::<bool>()), 1..6),
        ) {
            let (mut single, mut many) = (Table::new(width), Table::new(width));
            single.grow_to(3000);
            many.grow_to(3000);
            let mut views = Vec::new();
            for (round, (rows, view)) in rounds.into_iter().enumerate() {
                if view {
                    views.push((many.clone(), digest(&many), single.clone()));
                    single.advance_stamp();
                    many.advance_stamp();
                }
                let mut writer = many.writer();
                for (n, row) in rows.into_iter().enumerate() {
                    let value = (round * 100 + n) as f32;
                    single.floats_mut(row)[width - 1] = value;
                    writer.floats_at(row).expect("a row of the table")[width - 1] = value;
                }
                prop_assert!(writer.floats_at(3000).is_none());
                prop_assert_eq!(digest(&single), digest(&many));
                prop_assert_eq!(single.bytes(), many.bytes());
                prop_assert_eq!(single.copied_bytes(), many.copied_bytes());
                let stamps = |t: &Table| t.pages().map(|(page, stamp, _)| (page, stamp)).collect::<Vec<_>>();
                prop_assert_eq!(stamps(&single), stamps(&many));
                for (seen, then, _) in &views {
                    prop_assert_eq!(digest(seen), *then);
                }
            }
        }
    }
}
