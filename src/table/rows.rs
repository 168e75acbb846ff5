//! Rows of a fixed number of words over pages: cheap to read, cheap to share, and it knows what changed.

use super::PartError;
use super::page::{CHUNK_PAGES, Chunk, Layout, Page};
use std::borrow::Cow;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// A growing array of rows, each of `width` 32-bit words (floats are held as their bits).
///
/// Rows lie in pages of 4 KiB behind `Arc`, listed by a two-level directory. A clone shares all pages: it costs one
/// pointer per 128 pages and never changes afterwards, because the writer copies a shared page before it
/// writes. Rows never written are zeros and cost nothing.
///
/// Every page carries the *stamp* at its last write, so that a checkpoint can take what changed since another.
#[derive(Clone, Debug)]
pub struct Table {
    layout: Layout,
    len: usize,
    chunks: Vec<Arc<Chunk>>,
    /// What every page is until it is written.
    zero: Page,
    stamp: u64,
    /// Pages of our own (not the zero page).
    owned: usize,
    /// Pages copied because a view still held them, since the table was made.
    copied: u64,
}

/// Which table this is, through all its clones: two that were made apart differ, even with the same content.
///
/// A checkpoint of changed pages is only right for the table whose earlier pages it builds on; this tells.
#[derive(Clone, Debug)]
pub struct Lineage(Page);

impl PartialEq for Lineage {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Default for Table {
    /// An empty table of single words.
    fn default() -> Self {
        Self::new(1)
    }
}

impl Table {
    /// An empty table with rows of `width` words (at least one).
    #[must_use]
    pub fn new(width: usize) -> Self {
        let layout = Layout::new(width.max(1));
        let zero = vec![0; layout.page_words()].into();
        Self { layout, len: 0, chunks: Vec::new(), zero, stamp: 1, owned: 0, copied: 0 }
    }

    /// Words in a row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.layout.width
    }

    /// Rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Rows that lie side by side in one page: those of [`Table::blocks`].
    #[must_use]
    pub const fn rows_per_page(&self) -> usize {
        1 << self.layout.shift
    }

    /// Makes the table at least this many rows long; new rows are zeros and hold no memory yet.
    pub fn grow_to(&mut self, rows: usize) {
        if rows > self.len {
            let chunks = self.layout.pages(rows).div_ceil(CHUNK_PAGES);
            while self.chunks.len() < chunks {
                self.chunks.push(Arc::new(Chunk::new(&self.zero)));
            }
            self.len = rows;
        }
    }

    /// Sets the number of rows. Rows that are cut off are zeros if the table grows again.
    pub fn set_len(&mut self, rows: usize) {
        self.grow_to(rows);
        let old = std::mem::replace(&mut self.len, rows);
        let first_whole = self.layout.pages(rows);
        let tail = rows..old.min(first_whole << self.layout.shift);
        for row in tail {
            if self.row_at(row).iter().any(|w| *w != 0) {
                self.write(row).fill(0);
            }
        }
        for page in first_whole..self.layout.pages(old) {
            self.forget_page(page);
        }
    }

    /// Makes every row zero; the number of rows stays.
    pub fn clear(&mut self) {
        let rows = self.len;
        self.set_len(0);
        self.grow_to(rows);
    }

    /// A row's words. A row never written is zeros, also beyond the end.
    #[must_use]
    #[inline]
    pub fn row(&self, row: usize) -> &[u32] {
        self.row_at(row)
    }

    /// A row's words as floats.
    #[must_use]
    #[inline]
    pub fn floats(&self, row: usize) -> &[f32] {
        bytemuck::cast_slice(self.row_at(row))
    }

    #[inline]
    fn row_at(&self, row: usize) -> &[u32] {
        let page = self.layout.page(row);
        let start = self.layout.start(row);
        let words = match self.chunks.get(page / CHUNK_PAGES) {
            Some(chunk) => &chunk.pages[page % CHUNK_PAGES],
            None => &self.zero,
        };
        &words[start..start + self.layout.width]
    }

    /// A row's words for writing; marks its page as changed. A row beyond the end makes the table longer.
    #[inline]
    pub fn row_mut(&mut self, row: usize) -> &mut [u32] {
        if row >= self.len {
            self.grow_to(row + 1);
        }
        self.write(row)
    }

    /// A row's words as floats for writing; as [`Table::row_mut`].
    #[inline]
    pub fn floats_mut(&mut self, row: usize) -> &mut [f32] {
        bytemuck::cast_slice_mut(self.row_mut(row))
    }

    /// Makes a row zero. One that is zero already, or beyond the end, is not touched: no page is copied for it.
    pub fn zero_row(&mut self, row: usize) {
        if row < self.len && self.row_at(row).iter().any(|w| *w != 0) {
            self.write(row).fill(0);
        }
    }

    /// The row must lie in the directory.
    #[inline]
    fn write(&mut self, row: usize) -> &mut [u32] {
        let page = self.layout.page(row);
        let (start, width) = (self.layout.start(row), self.layout.width);
        &mut self.page_mut(page, self.stamp)[start..start + width]
    }

    #[inline]
    fn page_mut(&mut self, page: usize, stamp: u64) -> &mut [u32] {
        let chunk = Arc::make_mut(&mut self.chunks[page / CHUNK_PAGES]);
        let at = page % CHUNK_PAGES;
        chunk.stamps[at] = stamp;
        let page = &mut chunk.pages[at];
        let before = page.as_ptr();
        let words = Arc::make_mut(page);
        if words.as_ptr() != before {
            if before == self.zero.as_ptr() {
                self.owned += 1;
            } else {
                self.copied += 1;
            }
        }
        words
    }

    /// Makes a page the zero page again, as a change that a checkpoint sees.
    fn forget_page(&mut self, page: usize) {
        let chunk = &mut self.chunks[page / CHUNK_PAGES];
        let at = page % CHUNK_PAGES;
        if Arc::ptr_eq(&chunk.pages[at], &self.zero) {
            return;
        }
        let chunk = Arc::make_mut(chunk);
        chunk.pages[at] = Arc::clone(&self.zero);
        chunk.stamps[at] = self.stamp;
        self.owned -= 1;
    }

    /// Rows in runs that lie side by side: the first row's number and the words of the run, up to the last row.
    /// For passes over the whole table; finds the page once per run.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let per_page = self.rows_per_page();
        (0..self.layout.pages(self.len)).map(move |page| {
            let first = page * per_page;
            let rows = per_page.min(self.len - first);
            let words = &self.chunks[page / CHUNK_PAGES].pages[page % CHUNK_PAGES];
            (first, &words[..rows * self.layout.width])
        })
    }

    /// [`Table::blocks`] as floats.
    pub fn float_blocks(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.blocks().map(|(first, words)| (first, bytemuck::cast_slice(words)))
    }

    /// Bytes of pages and directory that this table would hold if nobody shared them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let page = self.layout.page_words() * size_of::<u32>();
        (self.owned + 1) * page + self.chunks.len() * (size_of::<Chunk>() + size_of::<usize>())
    }

    /// Bytes copied so far because a view still held the page that was written: how much memory views cost.
    #[must_use]
    pub const fn copied_bytes(&self) -> u64 {
        self.copied * (self.layout.page_words() * size_of::<u32>()) as u64
    }

    /// The stamp that pages written now get. Starts at 1.
    #[must_use]
    pub const fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Begins a new stamp, and returns the one that ended: everything written until now has it or a smaller one.
    pub const fn advance_stamp(&mut self) -> u64 {
        let ended = self.stamp;
        self.stamp += 1;
        ended
    }

    /// Which table this is: the same for all clones.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        Lineage(Arc::clone(&self.zero))
    }

    /// Words in every page.
    #[must_use]
    pub const fn page_words(&self) -> usize {
        self.layout.page_words()
    }

    /// All pages up to the last row that were ever written, in order: number, stamp of the last write, words.
    ///
    /// Stamp 0 means: not written since it was loaded.
    pub fn pages(&self) -> impl Iterator<Item = (usize, u64, &[u32])> {
        // Behind the last row everything is zeros; a checkpoint has that from the length alone.
        let last = self.layout.pages(self.len);
        let all = self.chunks[..last.div_ceil(CHUNK_PAGES)].iter().enumerate().flat_map(move |(c, chunk)| {
            chunk.pages.iter().zip(chunk.stamps).enumerate().filter_map(move |(i, (page, stamp))| {
                let written = stamp > 0 || !Arc::ptr_eq(page, &self.zero);
                written.then(|| (c * CHUNK_PAGES + i, stamp, &page[..]))
            })
        });
        all.take_while(move |page| page.0 < last)
    }

    /// Fills a page from a checkpoint; it counts as unchanged. The length must have been set before.
    ///
    /// # Errors
    /// When the table has no such page, or its pages are of another size.
    pub fn load_page(&mut self, page: usize, words: &[u32]) -> Result<(), PartError> {
        let (pages, size) = (self.layout.pages(self.len), self.layout.page_words());
        if page >= pages {
            return Err(PartError(format!("page {page} of a table of {pages} pages")));
        }
        if words.len() != size {
            return Err(PartError(format!("a page of {} words for a table with pages of {size}", words.len())));
        }
        self.page_mut(page, 0).copy_from_slice(words);
        Ok(())
    }

    /// Adds the content to a digest: width, length, and every page that is not all zeros. Stamps, sharing, and
    /// whether a page of zeros holds memory make no difference.
    pub fn digest_into(&self, digest: &mut Xxh3) {
        for n in [self.layout.width, self.len] {
            digest.update(&(n as u64).to_le_bytes());
        }
        for (page, _, words) in self.pages() {
            if words.iter().any(|w| *w != 0) {
                digest.update(&(page as u64).to_le_bytes());
                digest.update(&little_endian(words));
            }
        }
        // Ends the list, so that what follows cannot be taken for a page of this table.
        digest.update(&u64::MAX.to_le_bytes());
    }
}

/// Words as little-endian bytes; no copy on machines that are.
pub(crate) fn little_endian(words: &[u32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        Cow::Borrowed(bytemuck::cast_slice(words))
    } else {
        Cow::Owned(words.iter().flat_map(|w| w.to_le_bytes()).collect())
    }
}

#[cfg(test)]
mod tests;
