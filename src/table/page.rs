//! Pages and the chunks that list them. A page is a slice of words behind an `Arc`: readers share it, the writer
//! copies it when somebody else still looks at it.

use std::array;
use std::sync::Arc;

/// Words of 32 bits in a page of 4 KiB. A row that is wider gets a page of its own width.
pub const PAGE_WORDS: usize = 1024;

/// Pages per chunk of the directory. Copying a chunk touches the counters of all its pages, so that it is kept
/// small; a view copies one pointer per chunk, so that it is not one page.
pub(super) const CHUNK_PAGES: usize = 128;

/// How pages are shared.
pub(super) type Page = Arc<[u32]>;

/// A run of the directory: pages, and for each the stamp of its last write.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// The pages; one never written is the table's shared zero page, which makes reading it no special case.
    pub(super) pages: [Page; CHUNK_PAGES],
    /// The stamp at the last write; 0 for a page that is as the last restore left it, or was never written.
    pub(super) stamps: [u64; CHUNK_PAGES],
}

impl Chunk {
    /// A chunk of pages that were never written.
    pub(super) fn new(zero: &Page) -> Self {
        Self { pages: array::from_fn(|_| Arc::clone(zero)), stamps: [0; CHUNK_PAGES] }
    }
}

/// The size of a page in words and how row numbers map to pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Words in a row.
    pub(super) width: usize,
    /// log2 of the rows in a page: a power of two, so that finding a row needs no division.
    pub(super) shift: u32,
}

impl Layout {
    /// As many rows a page as fit, rounded down to a power of two; at least one.
    pub(super) fn new(width: usize) -> Self {
        let fit = (PAGE_WORDS / width).max(1);
        Self { width, shift: fit.ilog2() }
    }

    /// Words in a page. Nothing lies behind the last row, so that rounding down costs no memory.
    pub(super) const fn page_words(self) -> usize {
        self.width << self.shift
    }

    /// The page of a row.
    pub(super) const fn page(self, row: usize) -> usize {
        row >> self.shift
    }

    /// The chunk of a row, and the page within it.
    pub(super) const fn place(self, row: usize) -> (usize, usize) {
        let page = self.page(row);
        (page / CHUNK_PAGES, page % CHUNK_PAGES)
    }

    /// Where in its page a row begins, in words.
    pub(super) const fn start(self, row: usize) -> usize {
        (row & ((1 << self.shift) - 1)) * self.width
    }

    /// How many pages hold this many rows.
    pub(super) const fn pages(self, rows: usize) -> usize {
        (rows + (1 << self.shift) - 1) >> self.shift
    }
}
