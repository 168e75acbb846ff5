//! The driver in every order: records, control records, ends, timers and acknowledgements come as chance has it,
//! processes are killed and started again from their checkpoints, and those that were replaced go on writing. In the
//! end a replay of the same logs has the same digest, in whatever order it reads and wherever it is cut in two.

use super::log::{Log, Shelf};
use super::process::Process;
use super::shop::{Busy, OPENS, Shop};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use reiver::app::demo::{ARMS, EXPERIMENT};
use reiver::event::{Command, CommandAction, Control, Partition, Span, Time};
use reiver::pipeline::EventOutcome;
use reiver::rng::Seed;
use reiver::simulate::Faults;
use std::sync::Arc;

/// Virtual seconds of a run.
const SECONDS: i64 = 10;

/// A finished run: its logs and the state it ended with.
struct Finished {
    log: Log,
    digest: u128,
    kills: u32,
    accepted: u64,
}

struct Scene {
    seed: u64,
    chance: Pcg64Mcg,
    shop: Shop,
    log: Log,
    shelf: Arc<Shelf>,
    process: Process,
    /// Replaced, and not aware of it.
    zombie: Option<Process>,
    kills: u32,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let busy = Busy {
            browsing: 120,
            asking: 60,
            malformed: 0.03,
            faults: Faults { duplicates: 0.05, delay: Span(1500) },
            partitions: 3,
        };
        let (mut log, shelf) = (Log::default(), Arc::new(Shelf::default()));
        let mut chance = Seed(seed).named("disorder").stream();
        let mut process = Process::start("first", seed, &shelf, false);
        process.gain(&mut log, &mut chance, OPENS);
        Self { seed, chance, shop: Shop::new(seed, busy), log, shelf, process, zombie: None, kills: 0 }
    }

    fn now(&self) -> Time {
        self.shop.now
    }

    /// Whatever happens next.
    fn step(&mut self) {
        let now = self.now();
        let (log, chance) = (&mut self.log, &mut self.chance);
        match chance.random_range(0..100) {
            0..12 => {
                let view = self.process.view(1, now);
                let records = self.shop.cut(&view);
                log.produce(records);
            }
            12..40 => fetch(&mut self.process, log, chance, now),
            40..65 => {
                let n = chance.random_range(1..4);
                self.process.follow(log, n, chance, now);
            }
            65..93 => self.process.timer(log, chance, now),
            93..95 => self.process.save(now),
            95 if chance.random::<f64>() < 0.5 => self.kill(),
            96 if chance.random::<f64>() < 0.5 => self.command(),
            _ => {
                if let Some(zombie) = &mut self.zombie {
                    fetch(zombie, log, chance, now);
                    zombie.follow(log, 2, chance, now);
                    zombie.timer(log, chance, now);
                }
            }
        }
    }

    /// Somebody pauses an arm or ends its pause; now and then the same request comes twice.
    fn command(&mut self) {
        let actions = [CommandAction::Paused, CommandAction::Resumed];
        let command = Control::Command(Command {
            event_id: format!("command-{}", self.chance.random_range(0..20)),
            event_time: self.now().0,
            action: actions[self.chance.random_range(0..actions.len())],
            experiment: EXPERIMENT.to_owned(),
            arm: ARMS[self.chance.random_range(0..ARMS.len())].to_owned(),
            actor: "somebody".to_owned(),
            reason: String::new(),
        });
        self.log.control.push(serde_json::to_vec(&command).expect("a command has a JSON form").into());
    }

    /// The process is gone, or believed to be; the next one begins where its newest checkpoint stands.
    fn kill(&mut self) {
        self.kills += 1;
        let name = format!("seed {} life {}", self.seed, self.kills);
        let mut next = Process::start(&name, self.seed, &self.shelf, false);
        let now = self.now();
        next.gain(&mut self.log, &mut self.chance, now);
        let before = std::mem::replace(&mut self.process, next);
        self.zombie = (self.chance.random::<f64>() < 0.5).then_some(before);
    }

    fn run(mut self) -> Finished {
        while self.now() - OPENS < Span::seconds(SECONDS) {
            self.step();
        }
        // Everything that was written is read and learned.
        let mut now = self.now();
        for _ in 0..4000 {
            now = now + Span(50);
            self.process.follow(&mut self.log, 100, &mut self.chance, now);
            for partition in self.log.inputs.keys().cloned().collect::<Vec<_>>() {
                self.process.fetch(&mut self.log, &partition, 1000, &mut self.chance, now);
            }
            self.process.timer(&mut self.log, &mut self.chance, now);
            if self.process.drive.leading() && self.process.drive.drained() && self.process.drive.settled() {
                break;
            }
        }
        let counts = self.process.drive.pipeline().state().counts();
        let records: usize = self.log.inputs.values().map(Vec::len).sum();
        assert_eq!(counts.records, records as u64, "seed {}: every record counts exactly once", self.seed);
        let accepted = counts.outcome(EventOutcome::Accepted);
        Finished { digest: self.process.digest(), log: self.log, kills: self.kills, accepted }
    }
}

fn fetch(process: &mut Process, log: &mut Log, chance: &mut Pcg64Mcg, now: Time) {
    let partitions: Vec<Partition> = log.inputs.keys().cloned().collect();
    if !partitions.is_empty() {
        let at = &partitions[chance.random_range(0..partitions.len())];
        let n = chance.random_range(1..60);
        process.fetch(log, at, n, chance, now);
    }
}

/// Follows the logs in an order of its own, saving and starting again after `cut` control records.
fn replay(seed: u64, order: u64, log: &mut Log, cut: Option<usize>) -> u128 {
    let shelf = Arc::new(Shelf::default());
    let mut chance = Seed(order).named("replay").stream();
    let mut process = Process::start("replay", seed, &shelf, true);
    let (mut given, now) = (0, Time(0));
    while given <= log.control.len() {
        let n = chance.random_range(1..20).min(cut.filter(|c| *c > given).map_or(usize::MAX, |c| c - given));
        process.follow(log, n, &mut chance, now);
        given += n;
        while !process.drive.settled() {
            fetch(&mut process, log, &mut chance, now);
        }
        if cut == Some(given) {
            process.save(now);
            process = Process::start("replay, second half", seed, &shelf, true);
        }
    }
    process.digest()
}

#[test]
fn any_order_any_kill_the_same_state() {
    let seeds = std::env::var("REIVER_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    for seed in 1..=seeds {
        let Finished { mut log, digest, kills, accepted } = Scene::new(seed).run();
        eprintln!("seed {seed}: {accepted} accepted, {} control records, {kills} kills", log.control.len());
        assert!(accepted > 1000, "seed {seed}");
        assert_eq!(replay(seed, 1, &mut log, None), digest, "seed {seed}: replay");
        assert_eq!(replay(seed, 2, &mut log, None), digest, "seed {seed}: replay in another order");
        let half = log.control.len() / 2;
        assert_eq!(replay(seed, 3, &mut log, Some(half)), digest, "seed {seed}: cut in two by a checkpoint");
    }
}

#[test]
fn one_seed_one_run() {
    let (a, b) = (Scene::new(77).run(), Scene::new(77).run());
    assert_eq!(a.log.control, b.log.control);
    assert_eq!(a.digest, b.digest);
    let c = Scene::new(78).run();
    assert_ne!(a.digest, c.digest);
}
