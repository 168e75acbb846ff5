//! A whole shop under virtual time: the simulated world, its traffic as records, and the pipeline that is under test.
//! No sockets, no threads, no clock: one seed, one run.

use reiver::allocate::{AssignRequest, Overlay};
use reiver::app::demo::{ARMS, EXPERIMENT, experiment, models};
use reiver::codec::encode;
use reiver::event::{Content, Decision, DecisionKey, Event, Partition, Record, Span, Time};
use reiver::pipeline::{Arrival, CutInput, Facts, Input, Pipeline, PipelineConfig, RecommendRequest, View};
use reiver::rng::Seed;
use reiver::simulate::{
    Crowd, Faults, Letter, Mind, Post, Shape, Traffic, TruthBoard, World, item_id, item_of, user_id,
};
use std::collections::BTreeMap;

/// How busy the shop is, and what goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Busy {
    /// Browsing events a second.
    pub(crate) browsing: i64,
    /// Lists asked for a second.
    pub(crate) asking: i64,
    /// Share of broken records.
    pub(crate) malformed: f64,
    /// Of clicks.
    pub(crate) faults: Faults,
    /// Partitions of the shop's topic.
    pub(crate) partitions: i32,
}

impl Default for Busy {
    fn default() -> Self {
        Self { browsing: 700, asking: 300, malformed: 0.005, faults: Faults::NONE, partitions: 1 }
    }
}

/// The shop's topic.
pub(crate) const SHOP: &str = "shop.events";
/// The decision log.
const DECISIONS: &str = "reiver.decisions";
/// Time between cuts.
pub(crate) const CUT: Span = Span(50);
/// Time between views.
const PUBLISH: Span = Span(250);

/// Where the shop opens: a plausible time.
pub(crate) const OPENS: Time = Time(1_764_000_000_000);

/// What shoppers do, as records of cuts. Needs a view to answer requests.
pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) board: TruthBoard,
    pub(crate) now: Time,
    busy: Busy,
    crowd: Crowd,
    mind: Mind,
    traffic: Traffic,
    clicks: Post<Event>,
    ends: BTreeMap<(String, i32), i64>,
    asked: i64,
    browsed: i64,
    numbered: u128,
}

/// The demo's pipeline settings.
pub(crate) fn config(seed: u64) -> PipelineConfig {
    PipelineConfig { models: models(), experiments: vec![experiment()], seed, ..PipelineConfig::default() }
}

/// What a topic holds.
pub(crate) fn contents() -> BTreeMap<String, Content> {
    BTreeMap::from([(SHOP.to_owned(), Content::Events), (DECISIONS.to_owned(), Content::Decisions)])
}

impl Shop {
    pub(crate) fn new(seed: u64, busy: Busy) -> Self {
        let seed = Seed(seed);
        let world = World::new(Shape { opens: OPENS, ..Shape::default() }, seed);
        Self {
            crowd: Crowd::new(&world, seed),
            mind: Mind::new(seed),
            traffic: Traffic::new("web", busy.malformed, seed),
            clicks: Post::new(100_000, busy.faults, seed),
            board: TruthBoard::new(Span::seconds(5)),
            now: OPENS,
            ends: BTreeMap::new(),
            asked: 0,
            browsed: 0,
            numbered: u128::from(seed.0) << 32,
            busy,
            world,
        }
    }

    /// One cut's worth of time: its records in (topic, partition, offset) order.
    pub(crate) fn cut(&mut self, view: &View) -> Vec<Record> {
        let mut records = Vec::new();
        if self.now == OPENS {
            for item in 0..self.world.shape().items {
                let event = self.traffic.item(&self.world, item, self.now);
                records.push(self.record(SHOP, Traffic::letter(&event)));
            }
        }
        let from = self.now;
        self.now = from + CUT;
        let passed = (self.now - OPENS).0;
        while self.asked < passed * self.busy.asking / 1000 {
            self.asked += 1;
            let at = OPENS + Span(self.asked * 1000 / self.busy.asking);
            let decision = self.ask(view, at);
            let letter = Letter {
                key: decision.unit.clone().into(),
                payload: encode(&Event::Decision(Box::new(decision))).into(),
            };
            records.push(self.record(DECISIONS, letter));
        }
        while self.browsed < passed * self.busy.browsing / 1000 {
            self.browsed += 1;
            let at = OPENS + Span(self.browsed * 1000 / self.busy.browsing);
            let event = self.traffic.browse(&self.world, &mut self.crowd, at);
            for letter in self.traffic.maybe_broken(&event, at) {
                records.push(self.record(SHOP, letter));
            }
        }
        for event in self.clicks.due(self.now) {
            records.push(self.record(SHOP, Traffic::letter(&event)));
        }
        records.sort_by(|a, b| (&a.partition, a.offset).cmp(&(&b.partition, b.offset)));
        records
    }

    fn record(&mut self, topic: &str, letter: Letter) -> Record {
        let number = if topic == SHOP {
            (xxhash_rust::xxh3::xxh3_64(&letter.key) % self.busy.partitions as u64) as i32
        } else {
            0
        };
        let end = self.ends.entry((topic.to_owned(), number)).or_default();
        *end += 1;
        Record {
            partition: Partition { topic: topic.into(), number },
            offset: *end - 1,
            timestamp: self.now,
            key: Some(letter.key),
            payload: Some(letter.payload),
            headers: vec![],
        }
    }

    /// A shopper asks for a list, sees it, and may click.
    fn ask(&mut self, view: &View, at: Time) -> Decision {
        let user = self.crowd.next_user();
        self.numbered += 1;
        let id = uuid::Uuid::from_u128(self.numbered).to_string();
        let experiment = &view.experiments()[0];
        let unit = user_id(user);
        let request = AssignRequest { unit: &unit, decision_id: &id, now: at };
        let choice = experiment.assign(&request, &Overlay::default());
        let recent: Vec<String> = self.crowd.recent(user).map(item_id).collect();
        let items = view.recommend(&RecommendRequest {
            arm: &choice.arm_name,
            user_id: &unit,
            k: 10,
            candidates: None,
            exclude: &[],
            recent: &recent,
            repeat: true,
        });
        let list: Vec<u32> = items.iter().filter_map(|i| item_of(&self.world, &i.item_id)).collect();
        let key = DecisionKey::of(&id);
        if self.crowd.is_bot(user) {
            for click in self.mind.click_all(&list) {
                let event = self.traffic.click(user, click, key, at + click.delay);
                self.clicks.put(at + click.delay, event);
            }
        } else {
            let from = self.crowd.at(user);
            let window = experiment.config().window;
            self.board.saw(&choice.arm_name, self.world.true_value(user, from, &list, at, window), at);
            if let Some(click) = self.mind.look(&self.world, user, from, &list, at) {
                let event = self.traffic.click(user, click, key, at + click.delay);
                self.clicks.put(at + click.delay, event);
                self.crowd.moved(user, click.item);
            }
        }
        Decision { user_id: Some(unit.clone()), items, ..choice.into_decision(experiment.name(), &request) }
    }
}

/// Decodes what a cut brought.
pub(crate) fn arrivals(records: Vec<Record>) -> Vec<Arrival> {
    let contents = contents();
    let content = |r: &Record| contents[&*r.partition.topic];
    let decode = |r: Record| {
        let content = content(&r);
        Arrival::decode(r, content)
    };
    records.into_iter().map(decode).collect()
}

/// Shop and pipeline together.
pub(crate) struct Run {
    pub(crate) shop: Shop,
    pub(crate) pipeline: Pipeline,
    pub(crate) view: View,
    views: u64,
    published: Time,
}

impl Run {
    pub(crate) fn new(seed: u64, busy: Busy) -> Self {
        let mut pipeline = Pipeline::new(&config(seed)).expect("the demo's settings are valid");
        pipeline.step(Input::Generation(1));
        let view = pipeline.view(1, OPENS);
        Self { shop: Shop::new(seed, busy), pipeline, view, views: 1, published: OPENS }
    }

    /// Lives until a time after opening; calls `watch` after every published view.
    pub(crate) fn until(&mut self, seconds: i64, mut watch: impl FnMut(&Self)) {
        while self.shop.now - OPENS < Span::seconds(seconds) {
            let records = self.shop.cut(&self.view);
            let arrivals = arrivals(records);
            let cut = CutInput { log_time: self.shop.now, rank_share: 0.0, arrivals: &arrivals };
            let report = self.pipeline.step(Input::Cut(cut));
            assert!(report.violations.is_empty(), "{:?}", report.violations);
            if self.shop.now - self.published >= PUBLISH {
                self.published = self.shop.now;
                self.views += 1;
                self.view = self.pipeline.view(self.views, self.published);
                watch(self);
            }
        }
    }

    /// Arms with share of the newest allocation, in the order of the experiment.
    pub(crate) fn shares(&self) -> Vec<(String, f64)> {
        let e = &self.view.experiments()[0];
        e.arms().iter().zip(&e.allocation().shares).map(|(a, s)| (a.name.clone(), *s)).collect()
    }

    /// The share of one arm.
    pub(crate) fn share(&self, arm: &str) -> f64 {
        self.shares().into_iter().find(|(a, _)| a == arm).map_or(0.0, |(_, share)| share)
    }

    /// Whether every arm has rewards.
    pub(crate) fn all_rewarded(&self) -> bool {
        ARMS.iter().all(|arm| self.view.tally(EXPERIMENT, arm).rewards > 0)
    }
}
