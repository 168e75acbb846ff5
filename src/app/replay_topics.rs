//! Replay of the topics of a finished (or running) instance: follows the control log from its beginning and processes
//! what its cuts cover, as the instance did. Reads only.

use super::document::Document;
use super::drive::{Action, Drive, DriveConfig};
use super::export::export_all;
use super::reader::{Ask, Told, read};
use super::settings::RunSettings;
use super::warm::warm_start;
use crate::adapter::clock::Stopwatch;
use crate::adapter::kafka::{KafkaControl, KafkaCounters, KafkaSource, Leading};
use crate::pipeline::Pipeline;
use crate::pipeline::checkpoint::Manifest;
use crate::port::{ControlLog, SourceError};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Replays inputs and control topic of an installation, from the files that models begin from there, and at the end
/// writes all models to `export`, if given. `progress` is called with the records so far.
///
/// # Errors
/// When the brokers do not answer, or the log holds fewer records than a cut counted (unless gaps are allowed).
pub fn replay_topics(
    settings: &RunSettings,
    allow_gaps: bool,
    export: Option<&Path>,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<Document> {
    let watch = Stopwatch::start();
    let counters = Arc::new(KafkaCounters::default());
    let mut control = KafkaControl::new(&settings.kafka, Arc::clone(&counters), Leading::Alone)?;
    let mut source = KafkaSource::new(settings.kafka.clone(), counters);
    let config = DriveConfig {
        contents: settings.contents(),
        learner: "replay".to_owned(),
        rank: settings.rank,
        follow_only: true,
        allow_gaps,
    };
    let mut pipeline = Pipeline::new(&settings.pipeline).map_err(anyhow::Error::msg)?;
    warm_start(&mut pipeline, &settings.pipeline, |_| false).map_err(anyhow::Error::msg)?;
    let mut drive = Drive::new(pipeline, config, &Manifest::default());
    let (asks, asked) = mpsc::channel();
    let (tell, told) = mpsc::sync_channel(64);
    let contents = settings.contents();
    let reader = std::thread::spawn(move || read(&mut source, &contents, &asked, &tell));
    control.start(None);
    while !drive.followed() {
        let mut out = Vec::new();
        for led in control.poll(Duration::from_millis(5)) {
            drive.on_led(led, &mut out);
        }
        while let Ok(message) = told.try_recv() {
            take(&mut drive, message, &mut out)?;
        }
        for action in out {
            match action {
                Action::Read(parts) => asks.send(Ask::Read(parts))?,
                Action::Pause(partition, paused) => asks.send(Ask::Pause(partition, paused))?,
                Action::Stop(why) => anyhow::bail!(why),
                Action::Stepped(_) => progress(drive.pipeline().state().counts().records),
                Action::TakeOver | Action::Append(_) => {}
            }
        }
    }
    drop(asks);
    drop(told);
    if reader.join().is_err() {
        anyhow::bail!("the reader's thread ended in a panic");
    }
    if let Some(folder) = export {
        export_all(drive.pipeline(), folder)?;
    }
    Ok(Document::of(drive.pipeline(), watch.seconds()))
}

fn take(drive: &mut Drive, message: Told, out: &mut Vec<Action>) -> anyhow::Result<()> {
    match message {
        Told::Records(partition, arrivals) => drive.on_records(&partition, arrivals, out),
        Told::End(partition, offset) => drive.on_end(&partition, offset, out),
        Told::Added(..) | Told::AllAdded => {}
        Told::Trouble(error @ SourceError::PositionLost { .. }) => anyhow::bail!(error),
        Told::Trouble(error) => tracing::warn!(%error, "Kafka"),
    }
    Ok(())
}
