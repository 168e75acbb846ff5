//! What the demo's shop is configured with. A shop lives for minutes here: everything that forgets, forgets in seconds.

use crate::allocate::ExperimentConfig;
use crate::event::Span;
use crate::learn::ModelConfig;

/// The experiment's name.
pub const EXPERIMENT: &str = "shop";
/// Its arms; the first is the baseline.
pub const ARMS: [&str; 4] = ["popularity", "transitions", "mf", "ncf"];

/// The demo's experiment.
#[must_use]
pub fn experiment() -> ExperimentConfig {
    ExperimentConfig {
        stick: None,
        window: Span::seconds(3),
        grace: Span::seconds(1),
        half_life: Some(Span::seconds(20)),
        ramp: None,
        floor: 0.12,
        ..ExperimentConfig::new(EXPERIMENT, &ARMS, ARMS[0])
    }
}

/// The demo's models: popularity counts what is popular now, the others are as everywhere.
#[must_use]
pub fn models() -> Vec<(String, ModelConfig)> {
    ARMS.iter()
        .map(|arm| {
            let half_life = (*arm == "popularity").then_some(Span::seconds(4));
            ((*arm).to_owned(), ModelConfig { half_life, ..ModelConfig::default() })
        })
        .collect()
}
