//! What is known of an item as numbers: words and categories hashed into a sparse vector of fixed width.

use super::{Kind, Layout, Rows, Standard};
use crate::event::{Attribute, ItemFacts};
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Width of the hashed vector.
pub const BUCKETS: usize = 4096;
/// Most numbers other than zero in one item's vector: what does not fit is left out, categories last.
pub const MAX_FEATURES: usize = SAID + VECTOR;
/// Of them words, categories and numbers.
const SAID: usize = 48;
/// Of them what a given vector is brought down to.
const VECTOR: usize = 64;
/// Words of an item's content in a row: number of features, then their places, then their values.
pub(super) const CONTENT: usize = 1 + 2 * MAX_FEATURES;
/// Words of more characters are cut, so that hashing costs what it costs.
const LONGEST_WORD: usize = 64;
/// Words that are read of one text: of a novel, the beginning.
const MAX_WORDS: usize = 1_000;

/// What the words of such rows are.
pub(super) fn content_layout(name: &str) -> Layout {
    let called = |what: &str| format!("{name}.{what}");
    let columns = [
        (&*called("length"), 1, Kind::Word),
        (&*called("features"), MAX_FEATURES, Kind::Word),
        (&*called("values"), MAX_FEATURES, Kind::Weight),
    ];
    Layout::new(name, Rows::Items, &columns)
}

/// One number other than zero: its place, below [`BUCKETS`], and the number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feature {
    /// Place in the vector.
    pub bucket: u32,
    /// The number there.
    pub value: f32,
}

/// An item's content as a sparse vector of length one, or of zero where nothing is known.
///
/// ```
/// use reiver::event::ItemFacts;
/// use reiver::learn::ItemContent;
/// let facts = |title: &str, genre: &str| ItemFacts {
///     title: Some(title.to_owned()),
///     categories: vec![genre.to_owned()],
///     ..ItemFacts::default()
/// };
/// let (a, b) = (ItemContent::of(&facts("Heat (1995)", "Crime")), ItemContent::of(&facts("Heat (1986)", "crime")));
/// assert!(a.similarity(&b) > 0.5 && a.similarity(&b) < 1.0);
/// assert!(a.similarity(&ItemContent::default()) == 0.0);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemContent {
    features: Vec<Feature>,
}

impl ItemContent {
    /// Hashes title, text, categories, tags and the magnitude of the price. Words are runs of letters and digits in
    /// lower case; a category or tag is one thing, however many words it has. Each group (categories and tags; words;
    /// price) has length one before the whole is brought to length one, so that a long text does not drown a category;
    /// a word said n times counts √n. Hashing to signed places: Weinberger et al. 2009, "Feature hashing for large
    /// scale multitask learning".
    ///
    /// Numbers among the attributes are left out; see [`Self::measured`].
    #[must_use]
    pub fn of(facts: &ItemFacts) -> Self {
        Self::measured(facts, &[])
    }

    /// The same with the item's numbers as [`super::Standards`] measured them. A given vector is a group of its own; one
    /// of more than 64 numbers is brought down to 64 sums with random signs, which keeps cosines within about an eighth
    /// (Achlioptas 2003, "Database-friendly random projections").
    #[must_use]
    pub fn measured(facts: &ItemFacts, numbers: &[Standard]) -> Self {
        let whole = |text: &String| text.trim().to_lowercase();
        let categories = facts.categories.iter().map(|c| ("category", whole(c)));
        let labels: Vec<_> = categories.chain(facts.tags.iter().map(|t| ("tag", whole(t)))).collect();
        let mut group = Group::default();
        for (kind, text) in labels.iter().filter(|(_, text)| !text.is_empty()).take(MAX_WORDS) {
            group.say(kind, text);
        }
        for (name, attribute) in &facts.attributes {
            if let Attribute::Words(words) = attribute {
                words.iter().take(MAX_WORDS).for_each(|word| group.say(name, &whole(word)));
            }
        }
        let mut words = Group::default();
        let texts = facts.title.iter().chain(&facts.text);
        for word in
            texts.flat_map(|t| t.split(|c: char| !c.is_alphanumeric())).filter(|w| !w.is_empty()).take(MAX_WORDS)
        {
            let word: String = word.chars().take(LONGEST_WORD).flat_map(char::to_lowercase).collect();
            words.say("word", &word);
        }
        let mut price = Group::default();
        if let Some(amount) = facts.price.filter(|p| p.is_finite() && *p > 0.0) {
            // Half powers of two: what costs a fifth more is mostly the same.
            price.say("price", &format!("{}", libm::floor(2.0 * libm::log2(amount))));
        }
        let mut sums = BTreeMap::new();
        let mut room = SAID.saturating_sub(numbers.len());
        // Not of length one: how far a number lies from the usual is what it says.
        for number in numbers.iter().take(SAID) {
            add(&mut sums, number.name, f64::from(number.value) / (numbers.len() as f64).sqrt());
        }
        for group in [group, price, words] {
            group.add_to(&mut sums, &mut room);
        }
        for (n, value) in projected(&facts.embedding).into_iter().enumerate() {
            add(&mut sums, xxh3_64_with_seed(&n.to_le_bytes(), xxh3_64_with_seed(b"vector", 0)), value);
        }
        Self::normalised(sums)
    }

    /// The vector with these numbers, brought to length one.
    fn normalised(sums: BTreeMap<u32, f64>) -> Self {
        let length = sums.values().map(|v| v * v).sum::<f64>().sqrt();
        // Two things in one place with opposite signs may leave nothing.
        if length < 1e-9 {
            return Self::default();
        }
        let features = sums.into_iter().filter(|(_, v)| *v != 0.0);
        Self { features: features.map(|(bucket, v)| Feature { bucket, value: (v / length) as f32 }).collect() }
    }

    /// The numbers other than zero, in order of their places; at most [`MAX_FEATURES`].
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Cosine with another content, -1 to 1.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f32 {
        let theirs: BTreeMap<u32, f32> = other.features.iter().map(|f| (f.bucket, f.value)).collect();
        self.features.iter().filter_map(|f| theirs.get(&f.bucket).map(|v| v * f.value)).sum()
    }
}

/// Adds a number at the signed place of a hash.
fn add(sums: &mut BTreeMap<u32, f64>, hash: u64, value: f64) {
    let sign = if hash >> 63 == 1 { -1.0 } else { 1.0 };
    *sums.entry((hash % BUCKETS as u64) as u32).or_default() += sign * value;
}

/// A given vector in at most [`VECTOR`] numbers, of length one; nothing for a vector that is no direction.
fn projected(vector: &[f32]) -> Vec<f64> {
    let mut sums = vec![0.0; VECTOR.min(vector.len())];
    for (n, value) in vector.iter().enumerate() {
        if vector.len() <= VECTOR {
            sums[n] = f64::from(*value);
            continue;
        }
        // One bit of the hash for each sum.
        let signs = xxh3_64_with_seed(&n.to_le_bytes(), 0);
        for (bit, sum) in sums.iter_mut().enumerate() {
            *sum += if signs >> bit & 1 == 1 { f64::from(*value) } else { -f64::from(*value) };
        }
    }
    let length = sums.iter().map(|v| v * v).sum::<f64>().sqrt();
    if !(length > 1e-9 && length.is_finite()) {
        return Vec::new();
    }
    sums.iter().map(|v| v / length).collect()
}

/// Things said together: each with how often.
#[derive(Default)]
struct Group {
    /// In the order in which they were first said: what does not fit is the end.
    said: Vec<u64>,
    counts: BTreeMap<u64, u32>,
}

impl Group {
    fn say(&mut self, kind: &str, text: &str) {
        let hash = xxh3_64_with_seed(text.as_bytes(), xxh3_64_with_seed(kind.as_bytes(), 0));
        let count = self.counts.entry(hash).or_default();
        *count += 1;
        if *count == 1 {
            self.said.push(hash);
        }
    }

    /// Adds the group with length one, as far as there is room for places.
    fn add_to(&self, sums: &mut BTreeMap<u32, f64>, room: &mut usize) {
        let mut kept = BTreeSet::new();
        for hash in self.said.iter().take(*room) {
            kept.insert(*hash);
        }
        *room -= kept.len();
        let square = |hash: &u64| f64::from(self.counts.get(hash).copied().unwrap_or(0));
        let length = kept.iter().map(square).sum::<f64>().sqrt();
        for hash in &kept {
            add(sums, *hash, square(hash).sqrt() / length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(title: &str, text: &str, categories: &[String], price: Option<f64>) -> ItemFacts {
        let (title, text) = (Some(title.to_owned()), Some(text.to_owned()));
        ItemFacts { title, text, categories: categories.to_vec(), price, ..ItemFacts::default() }
    }

    proptest! {
        #[test]
        fn a_vector_is_sorted_bounded_of_length_one_and_the_same_again(
            title in ".{0,60}",
            text in ".{0,400}",
            categories in proptest::collection::vec(".{0,12}", 0..80),
            price in proptest::option::of(any::<f64>()),
        ) {
            let facts = facts(&title, &text, &categories, price);
            let content = ItemContent::of(&facts);
            let features = content.features();
            prop_assert!(features.len() <= MAX_FEATURES);
            prop_assert!(features.windows(2).all(|pair| pair[0].bucket < pair[1].bucket));
            prop_assert!(features.iter().all(|f| (f.bucket as usize) < BUCKETS && f.value.is_finite()));
            if !features.is_empty() {
                prop_assert!((content.similarity(&content) - 1.0).abs() < 1e-5);
            }
            prop_assert_eq!(&content, &ItemContent::of(&facts));
        }

        #[test]
        fn neither_case_nor_order_of_a_few_words_matters(words in proptest::collection::vec("[a-z]{1,9}", 1..20)) {
            let forth = words.join(" ");
            let back = words.iter().rev().map(|w| w.to_uppercase()).collect::<Vec<_>>().join(", ");
            let of = |title: &str| ItemContent::of(&facts(title, "", &words, None));
            prop_assert_eq!(of(&forth), of(&back));
        }
    }

    #[test]
    fn groups_weigh_the_same_and_nothing_known_is_nothing() {
        let genre = ["Drama".to_owned()];
        let long = (0..1_000).map(|n| format!("word{n} ")).collect::<String>();
        let category = ItemContent::of(&facts("", "", &genre, None));
        let both = ItemContent::of(&facts("", &long, &genre, None));
        assert_eq!(category.features().len(), 1);
        assert!((both.similarity(&category) - 0.5f32.sqrt()).abs() < 0.05, "{}", both.similarity(&category));
        assert!(both.features().len() > 40, "{}", both.features().len());
        let nothing = facts(" -- ", "", &[String::new(), " ".to_owned()], Some(f64::NAN));
        assert_eq!(ItemContent::of(&nothing), ItemContent::default());
        let price = |p| ItemContent::of(&facts("", "", &[], Some(p)));
        assert_eq!((price(10.0), price(-1.0)), (price(10.5), ItemContent::default()));
        assert_ne!(price(10.0), price(20.0));
    }

    #[test]
    fn own_facts_and_vectors_count() {
        let with = |attributes: &[(&str, Attribute)], embedding: &[f32]| ItemFacts {
            attributes: attributes.iter().map(|(name, a)| ((*name).to_owned(), a.clone())).collect(),
            embedding: embedding.to_vec(),
            ..ItemFacts::default()
        };
        let words = |word: &str| Attribute::Words(vec![word.to_owned()]);
        let of = |name: &str, word: &str| ItemContent::of(&with(&[(name, words(word))], &[]));
        assert_eq!(of("colour", "Red"), of("colour", "red "));
        assert_eq!(of("colour", "red").similarity(&of("mood", "red")), 0.0);
        // A number says how far it is off, beside what else is known.
        let number = |value| {
            let facts = with(&[("colour", words("red")), ("size", Attribute::Number(1.0))], &[]);
            ItemContent::measured(&facts, &[Standard { name: 7, value }])
        };
        assert!(number(2.0).similarity(&number(1.0)) > number(2.0).similarity(&number(-1.0)));
        assert_eq!(number(0.0), of("colour", "red"));
        // A vector of few numbers keeps its angles, one of many nearly.
        let vector = |v: &[f32]| ItemContent::of(&with(&[], v));
        assert!((vector(&[3.0, 4.0]).similarity(&vector(&[6.0, 8.0])) - 1.0).abs() < 1e-6);
        assert!(vector(&[1.0, 0.0]).similarity(&vector(&[0.0, 2.0])).abs() < 1e-6);
        let long =
            |turn: f32| -> Vec<f32> { (0..384).map(|n| (n as f32 * 0.7 + turn * (n % 3) as f32).sin()).collect() };
        let (a, b) = (long(0.0), long(0.4));
        let cosine = |a: &[f32], b: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        assert!((vector(&a).similarity(&vector(&b)) - cosine(&a, &b)).abs() < 0.25);
        // Two of the places may coincide.
        assert!((VECTOR - 4..=VECTOR).contains(&vector(&a).features().len()));
        for none in [&[][..], &[0.0; 5], &[f32::NAN, 1.0], &[f32::INFINITY]] {
            assert_eq!(vector(none), ItemContent::default());
        }
    }
}
