//! Changes to arms that were asked for here: durable and in force at once, in the log as soon as Kafka takes them.

use crate::adapter::kafka::names;
use crate::allocate::Overlay;
use crate::event::{Command, Control};
use crate::pipeline::Counts;
use crate::port::{Outgoing, Sink};
use crate::serve::{PauseError, PauseLog};
use arc_swap::ArcSwap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// File of commands that the log may not hold yet, beside the checkpoints: one JSON object a line.
const FILE: &str = "commands.jsonl";

/// Commands on their way into the log.
pub struct Pauses {
    path: PathBuf,
    open: Mutex<Vec<(Command, bool)>>,
    overlay: Arc<ArcSwap<Overlay>>,
}

impl Pauses {
    /// Takes up what an earlier process left.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(folder: &Path, overlay: Arc<ArcSwap<Overlay>>) -> std::io::Result<Self> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e),
        };
        // A line that a crash cut short was never answered: it did not happen.
        let open: Vec<(Command, bool)> =
            text.lines().filter_map(|line| Some((serde_json::from_str(line).ok()?, false))).collect();
        overlay.store(Arc::new(Overlay::of(open.iter().map(|(c, _)| c))));
        Ok(Self { path, open: Mutex::new(open), overlay })
    }

    /// Drops commands that the log has brought back.
    pub fn settle(&self, counts: &Counts) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let before = open.len();
        open.retain(|(c, _)| !counts.commands.contains(&c.event_id));
        if open.len() < before {
            self.overlay.store(Arc::new(Overlay::of(open.iter().map(|(c, _)| c))));
            // Should this fail, the next start appends them again, and their ids are recognised.
            if let Err(error) = self.write(&open) {
                tracing::warn!(%error, "settled commands stay in {}", self.path.display());
            }
        }
    }

    /// Whether anything waits to be appended.
    #[must_use]
    pub fn unsent(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|(_, sent)| !sent)
    }

    /// Appends what has not been acknowledged yet, in order; stops at the first that fails.
    pub async fn send(&self, sink: &dyn Sink, control: &Arc<str>) {
        let waiting: Vec<Command> = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.iter().filter(|(_, sent)| !sent).map(|(c, _)| c.clone()).collect()
        };
        for command in waiting {
            let id = command.event_id.clone();
            let payload = serde_json::to_vec(&Control::Command(command)).unwrap_or_default();
            let record = Outgoing { topic: Arc::clone(control), payload: Some(payload.into()), ..Outgoing::default() };
            if let Err(error) = sink.send(record).await {
                tracing::warn!(%error, topic = names::CONTROL, "a command waits to be appended");
                return;
            }
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.iter_mut().filter(|(c, _)| c.event_id == id).for_each(|(_, sent)| *sent = true);
        }
    }

    fn write(&self, open: &[(Command, bool)]) -> std::io::Result<()> {
        let beside = self.path.with_extension("tmp");
        let mut file = File::create(&beside)?;
        for (command, _) in open {
            serde_json::to_writer(&mut file, command)?;
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

impl PauseLog for Pauses {
    fn request(&self, command: Command) -> Result<(), PauseError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push((command, false));
        if let Err(error) = self.write(&open) {
            open.pop();
            return Err(PauseError::NotDurable(error.to_string()));
        }
        self.overlay.store(Arc::new(Overlay::of(open.iter().map(|(c, _)| c))));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::ArmState;
    use crate::event::CommandAction;

    fn command(id: &str, action: CommandAction) -> Command {
        Command {
            event_id: id.into(),
            event_time: 0,
            action,
            experiment: "home".into(),
            arm: "mf".into(),
            actor: String::new(),
            reason: "test".into(),
        }
    }

    #[test]
    fn a_pause_survives_the_process_and_ends_when_the_log_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let overlay = Arc::new(ArcSwap::default());
        let pauses = Pauses::open(folder.path(), Arc::clone(&overlay)).expect("opens");
        pauses.request(command("1", CommandAction::Paused)).expect("durable");
        assert_eq!(overlay.load().state("home", "mf"), Some(ArmState::Paused));

        let later = Arc::new(ArcSwap::default());
        let again = Pauses::open(folder.path(), Arc::clone(&later)).expect("opens");
        assert_eq!(later.load().state("home", "mf"), Some(ArmState::Paused));
        assert!(again.unsent());
        again.settle(&Counts { commands: ["1".to_owned()].into(), ..Counts::default() });
        assert_eq!(later.load().state("home", "mf"), None);
        assert!(!again.unsent());
        let third = Pauses::open(folder.path(), Arc::new(ArcSwap::default())).expect("opens");
        assert!(!third.unsent());
    }
}
