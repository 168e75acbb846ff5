//! What readers of the pipeline are told: plain data, no behaviour. `serve` and `observe` speak in these words.

use crate::allocate::Experiment;
use crate::evaluate::Comparison;
use crate::event::{Code, DecisionKey, Kind, ListedItem, Time};

/// Exact counts of one arm, out of the state: the same after a restart and in a replay.
///
/// `decisions = rewards + expired + pending`; a decision stands in exactly one of the three.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ArmTally {
    /// Decisions read that this arm answered.
    pub decisions: u64,
    /// Assignments that matured and entered the arm's posterior.
    pub assignments: u64,
    /// Decisions with a reward.
    pub rewards: u64,
    /// Decisions that closed without one.
    pub expired: u64,
    /// Decisions that are still open.
    pub pending: u64,
    /// Sum of all rewards credited to the arm's decisions, in reward units.
    pub reward_sum: f64,
}

/// What has become of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionState {
    /// Still open: a reward may come.
    Pending,
    /// It has a reward.
    Rewarded,
    /// It closed without one.
    Expired,
    /// It was read when the table of open decisions was full, and is left out of inference.
    LeftOut,
}

impl DecisionState {
    /// The wire form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Rewarded => "rewarded",
            Self::Expired => "expired",
            Self::LeftOut => "left_out",
        }
    }
}

/// One decision as logged, with what has become of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionTrace {
    /// The record's JSON as it stands in the decision log.
    pub logged: Vec<u8>,
    /// What has become of it.
    pub state: DecisionState,
    /// Sum of its rewards so far, in reward units.
    pub reward: f64,
    /// Log time at which it closes or has closed, where known.
    pub closes: Option<Time>,
}

/// What happened to a record: every one has exactly one of these (invariant OB-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventOutcome {
    /// It counts.
    Accepted,
    /// Valid, and not for us.
    Ignored,
    /// Not valid; it has a typed reason.
    Rejected,
    /// Its id was read before.
    Duplicate,
}

impl EventOutcome {
    /// All outcomes.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Ignored, Self::Rejected, Self::Duplicate];

    /// The label in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Rejected => "rejected",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Exact counts over everything read, out of the state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Records by type (`None`: rejected before its type was known) and outcome; absent pairs are zero.
    pub events: Vec<(Option<Kind>, EventOutcome, u64)>,
    /// Rejected records by reason; absent reasons are zero.
    pub rejected: Vec<(Code, u64)>,
    /// Users known.
    pub users: usize,
    /// Items known.
    pub items: usize,
}

impl Totals {
    /// The sum over all types of one outcome.
    #[must_use]
    pub fn of(&self, outcome: EventOutcome) -> u64 {
        self.events.iter().filter(|(_, o, _)| *o == outcome).map(|(_, _, n)| n).sum()
    }
}

/// What a list is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecommendRequest<'a> {
    /// The arm whose model ranks.
    pub arm: &'a str,
    /// The user.
    pub user_id: &'a str,
    /// How many items at most.
    pub k: usize,
    /// Rank only these; `None`: the whole catalogue.
    pub candidates: Option<&'a [String]>,
    /// Leave these out.
    pub exclude: &'a [String],
    /// Items of this session, newest first: they stand before what the log tells of the user.
    pub recent: &'a [String],
    /// Whether items that the user consumed may be listed again.
    pub repeat: bool,
}

/// One model, for people and dashboards. Scores are progressive: predicted first, learned after.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelFacts {
    /// Registry name.
    pub kind: String,
    /// Bytes held by its tables.
    pub bytes: usize,
    /// Examples learned.
    pub examples: u64,
    /// Examples ranked against the full catalogue before they were learned.
    pub scored: u64,
    /// Share of scored examples among the first ten.
    pub recall_at_10: f64,
    /// Discounted gain among the first ten.
    pub ndcg_at_10: f64,
    /// Mean reciprocal rank.
    pub mrr: f64,
    /// Mean logarithmic loss in nats; `None` for a model whose scores are only ranks.
    pub log_loss: Option<f64>,
    /// Area under the ROC curve against the drawn negatives; `None` before the first.
    pub auc: Option<f64>,
}

/// What readers ask of a published view. Immutable: two answers out of one view never contradict each other.
pub trait Facts: Send + Sync {
    /// Grows with every view (invariant VW-1).
    fn version(&self) -> u64;

    /// Log time of the cut at which it was taken.
    fn log_time(&self) -> Time;

    /// The driver's clock when it was published.
    fn published(&self) -> Time;

    /// The learner's generation.
    fn generation(&self) -> u64;

    /// All experiments in the order of the configuration.
    fn experiments(&self) -> &[Experiment];

    /// One experiment.
    fn experiment(&self, name: &str) -> Option<&Experiment> {
        self.experiments().iter().find(|e| e.name() == name)
    }

    /// Exact counts of an arm; zeros for one that is not there.
    fn tally(&self, experiment: &str, arm: &str) -> ArmTally;

    /// Exact counts of everything read.
    fn totals(&self) -> Totals;

    /// All models.
    fn models(&self) -> Vec<ModelFacts>;

    /// Every model against every other; none where nobody compares.
    fn comparisons(&self) -> Vec<Comparison> {
        Vec::new()
    }

    /// The best items for a user, best first; empty when the arm has no model here or nothing may be listed.
    fn recommend(&self, request: &RecommendRequest<'_>) -> Vec<ListedItem>;

    /// The newest decisions that were read, newest first, at most `n`; none where nobody keeps them.
    fn newest(&self, n: usize) -> Vec<DecisionKey> {
        let _ = n;
        Vec::new()
    }

    /// A decision among the newest that were read.
    fn decision(&self, key: DecisionKey) -> Option<DecisionTrace>;
}
