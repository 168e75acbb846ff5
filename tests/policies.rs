//! What every policy must keep to, whatever it would like: one suite for all of them.

use proptest::prelude::*;
use reiver::allocate::{ArmState, CommandRefused, Experiment, ExperimentConfig, PolicyKind};
use reiver::event::{Command, CommandAction, Span, Time};
use reiver::reward::{RewardTable, RewardValue};
use reiver::table::Part;
use std::collections::BTreeMap;

const ARMS: [&str; 4] = ["a", "b", "c", "d"];
const TICK: Span = Span(1000);

fn policies() -> Vec<PolicyKind> {
    let shares =
        BTreeMap::from([("a".to_owned(), 0.4), ("b".to_owned(), 0.3), ("c".to_owned(), 0.2), ("d".to_owned(), 0.1)]);
    let all: Vec<PolicyKind> =
        PolicyKind::NAMES.iter().map(|n| PolicyKind::named(n, shares.clone()).expect("a listed name")).collect();
    assert!(all.iter().zip(PolicyKind::NAMES).all(|(p, name)| p.name() == name));
    assert_eq!(PolicyKind::named("greedy", BTreeMap::new()), None);
    all
}

fn config(policy: &PolicyKind) -> ExperimentConfig {
    let mut config = ExperimentConfig::new("home", &ARMS, "a");
    config.policy = policy.clone();
    config.floor = 0.04;
    config.half_life = Some(Span::seconds(60));
    config
}

fn command(action: CommandAction, arm: &str) -> Command {
    Command {
        event_id: String::new(),
        event_time: 0,
        action,
        experiment: "home".to_owned(),
        arm: arm.to_owned(),
        actor: String::new(),
        reason: String::new(),
    }
}

struct Run {
    e: Experiment,
    now: Time,
}

impl Run {
    fn new(config: ExperimentConfig) -> Self {
        config.validate().expect("a usable configuration");
        let mut run = Self { e: Experiment::new(config), now: Time(1_764_000_000_000) };
        run.ticks(1);
        run
    }

    /// Ticks; every one must keep all invariants.
    fn ticks(&mut self, n: u32) {
        for _ in 0..n {
            self.now = self.now + TICK;
            self.e.tick(self.now, TICK, 1);
            assert_eq!(self.e.breaches(), [], "{:?}", self.e.allocation());
            let shares = &self.e.allocation().shares;
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "AL-1 {shares:?}");
            for (arm, share) in self.e.arms().iter().zip(shares) {
                let live = arm.state == ArmState::Live;
                assert!(live || *share == 0.0, "{} is {} and has {share}", arm.name, arm.state.as_str());
            }
        }
    }

    fn credit(&mut self, rates: &[f64], n: u32) {
        for (arm, rate) in rates.iter().enumerate() {
            for i in 0..n {
                self.e.credit(arm, f64::from(u8::from(f64::from(i) < rate * f64::from(n))));
            }
        }
    }

    fn apply(&mut self, action: CommandAction, arm: &str) {
        self.e.apply(&command(action, arm)).expect("a command that fits");
    }

    fn share(&self, arm: &str) -> f64 {
        self.e.allocation().shares[self.e.arm_index(arm).expect("there")]
    }
}

#[test]
fn without_evidence_shares_are_the_policys_start() {
    for policy in policies() {
        let run = Run::new(config(&policy));
        let wanted = if policy == PolicyKind::Thompson { [0.25; 4] } else { [0.4, 0.3, 0.2, 0.1] };
        for (share, wanted) in run.e.allocation().shares.iter().zip(wanted) {
            assert!((share - wanted).abs() < 1e-6, "{}: {:?}", policy.name(), run.e.allocation());
        }
    }
}

#[test]
fn floor_caps_and_ramp_hold_when_one_arm_wins_everything() {
    for policy in policies() {
        let mut settings = config(&policy);
        settings.max_share = BTreeMap::from([("d".to_owned(), 0.6)]);
        let mut run = Run::new(settings);
        let mut last = run.share("d");
        for _ in 0..600 {
            run.credit(&[0.05, 0.05, 0.05, 0.5], 20);
            run.ticks(1);
            let now = run.share("d");
            assert!((now - last).abs() <= 0.1 / 60.0 + 1e-9, "AL-3: {last} to {now}");
            last = now;
            if policy == PolicyKind::Thompson {
                assert!(ARMS.iter().all(|a| run.share(a) >= 0.01 - 1e-9) && run.share("a") >= 0.05 - 1e-9, "AL-2");
            }
            assert!(now <= 0.6 + 1e-9);
        }
        let wanted = if policy == PolicyKind::Thompson { 0.6 } else { 0.1 };
        assert!((last - wanted).abs() < 1e-6, "{}: {last}", policy.name());
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_a_restore_goes_on_alike() {
    for policy in policies() {
        for table in [RewardTable::clicks(), ratings()] {
            let settings = ExperimentConfig { reward: table, ..config(&policy) };
            let (mut one, mut two) = (Run::new(settings.clone()), Run::new(settings.clone()));
            for round in 0..30 {
                for run in [&mut one, &mut two] {
                    run.credit(&[0.1, 0.2, 0.15, 0.3], 7 + round % 3);
                    run.ticks(1);
                }
            }
            assert_eq!(one.e.blob(), two.e.blob());
            let mut restored = Experiment::new(settings.clone());
            restored.restore(&one.e.blob()).expect("its own blob");
            assert_eq!(restored.blob(), one.e.blob(), "CK-1");
            two.e = restored;
            for run in [&mut one, &mut two] {
                run.apply(CommandAction::Paused, "b");
                run.credit(&[0.3, 0.2, 0.1, 0.0], 11);
                run.ticks(3);
            }
            assert_eq!(one.e.blob(), two.e.blob());
        }
    }
}

fn ratings() -> RewardTable {
    let entries = BTreeMap::from([("rating".to_owned(), RewardValue::Value)]);
    RewardTable::new(entries, Some(5.0)).expect("a usable table")
}

#[test]
fn arms_come_and_go() {
    for policy in policies() {
        let thompson = policy == PolicyKind::Thompson;
        let mut run = Run::new(config(&policy));
        run.credit(&[0.1, 0.1, 0.1, 0.1], 2000);
        run.ticks(5);
        let before = run.e.allocation().shares.clone();
        run.apply(CommandAction::Paused, "b");
        run.ticks(1);
        // What the paused arm leaves is spread in proportion, at once; the ramp does not hold it back.
        for (arm, share) in ARMS.iter().zip(&before) {
            let wanted = if *arm == "b" { 0.0 } else { share / (1.0 - before[1]) };
            assert!((run.share(arm) - wanted).abs() < 0.005, "{} {arm}: {} {wanted}", policy.name(), run.share(arm));
        }
        run.apply(CommandAction::Resumed, "b");
        run.ticks(1);
        assert!(run.share("b") <= 0.01 + 0.1 / 60.0 + 1e-9, "it enters at the floor: {}", run.share("b"));
        run.ticks(600);
        assert!(run.share("b") > if thompson { 0.1 } else { 0.29 }, "and comes back: {}", run.share("b"));
        run.apply(CommandAction::ArmRetired, "c");
        run.apply(CommandAction::ArmAdded, "e");
        assert_eq!(run.e.arm_index("e"), Some(4), "indices stay");
        run.ticks(1);
        let entered = run.share("e");
        assert!(entered <= 0.02, "a new arm enters at the floor: {entered}");
        assert_eq!(entered > 0.0, thompson, "fixed shares do not name it");
        run.ticks(120);
        assert!(run.share("c") == 0.0 && (!thompson || run.share("e") > 0.1), "{:?}", run.e.allocation());
        run.apply(CommandAction::Promoted, "d");
        assert_eq!(run.e.baseline(), 3);
        run.ticks(1);
        run.apply(CommandAction::Reset, "d");
        assert_eq!(run.e.summary(3).matured, 0);
        run.ticks(1);
    }
}

#[test]
fn commands_that_do_not_fit_are_refused_and_change_nothing() {
    let mut run = Run::new(config(&PolicyKind::Thompson));
    run.apply(CommandAction::Paused, "b");
    run.apply(CommandAction::ArmRetired, "c");
    let before = run.e.blob();
    let mut refused = |action, arm: &str| run.e.apply(&command(action, arm)).expect_err("does not fit");
    assert!(matches!(refused(CommandAction::Paused, "z"), CommandRefused::UnknownArm(..)));
    assert!(matches!(refused(CommandAction::Paused, "b"), CommandRefused::AlreadySo(..)));
    assert!(matches!(refused(CommandAction::Resumed, "a"), CommandRefused::AlreadySo(..)));
    assert!(matches!(refused(CommandAction::Promoted, "a"), CommandRefused::AlreadySo(..)));
    assert!(matches!(refused(CommandAction::ArmRetired, "c"), CommandRefused::AlreadySo(..)));
    for action in [CommandAction::Paused, CommandAction::Resumed, CommandAction::Promoted, CommandAction::Reset] {
        assert!(matches!(refused(action, "c"), CommandRefused::IsRetired(..)));
    }
    assert!(matches!(refused(CommandAction::ArmAdded, "c"), CommandRefused::ArmExists(..)));
    for bad in ["", "x\0y", &"n".repeat(129)] {
        assert!(matches!(refused(CommandAction::ArmAdded, bad), CommandRefused::BadName(..)));
    }
    assert_eq!(run.e.blob(), before);
    for i in 4..32 {
        run.apply(CommandAction::ArmAdded, &format!("arm {i}"));
    }
    let many = run.e.apply(&command(CommandAction::ArmAdded, "one more")).expect_err("32 are there");
    assert_eq!(many, CommandRefused::TooManyArms("home".to_owned(), 32));
    run.ticks(3);
}

#[test]
fn nobody_live_is_no_accident() {
    for policy in policies() {
        let mut run = Run::new(config(&policy));
        for arm in ARMS {
            run.apply(CommandAction::Paused, arm);
        }
        run.now = run.now + TICK;
        run.e.tick(run.now, TICK, 1);
        assert_eq!(run.e.allocation().shares, [1.0, 0.0, 0.0, 0.0], "the vector still sums to one");
        run.apply(CommandAction::Resumed, "d");
        run.ticks(1);
        assert_eq!(run.share("d"), 1.0);
    }
}

#[test]
fn evidence_is_forgotten_by_its_half_life_and_counts_are_not() {
    for policy in policies() {
        let mut run = Run::new(config(&policy));
        run.credit(&[0.5, 0.1, 0.1, 0.1], 100);
        run.ticks(60);
        let summary = run.e.summary(0);
        assert!((summary.weight - 50.0).abs() < 1e-6, "{summary:?}");
        assert_eq!((summary.matured, summary.mean), (100, 0.5));
        run.ticks(3600);
        let means: Vec<f64> = (0..4).map(|a| run.e.summary(a).posterior_mean).collect();
        assert!(means.iter().all(|m| (m - means[0]).abs() < 1e-9), "back at the common prior: {means:?}");
    }
}

#[test]
fn a_changed_configuration_meets_its_old_state() {
    let mut run = Run::new(config(&PolicyKind::Thompson));
    run.credit(&[0.1, 0.2, 0.3, 0.4], 100);
    run.apply(CommandAction::ArmAdded, "x");
    run.apply(CommandAction::Promoted, "b");
    run.ticks(3);
    let state = |e: &Experiment, arm: &str| e.arms()[e.arm_index(arm).expect("there")].state;
    let restart = |blob: &[u8], arms: &[&str], baseline: &str| {
        let mut settings = config(&PolicyKind::Thompson);
        settings.arms = arms.iter().map(|a| (*a).to_owned()).collect();
        settings.baseline = baseline.to_owned();
        let mut e = Experiment::new(settings);
        e.restore(blob).expect("fits");
        e
    };
    // d goes, e comes; what a command brought stays; the promotion holds while the named baseline is the same.
    let e = restart(&run.e.blob(), &["a", "b", "c", "e"], "a");
    assert_eq!((state(&e, "d"), state(&e, "x"), state(&e, "e")), (ArmState::Retired, ArmState::Live, ArmState::Live));
    assert_eq!((e.baseline(), e.arm_index("e")), (1, Some(5)));
    // Named again it is back, with its evidence; another baseline named rules.
    let e = restart(&e.blob(), &["a", "b", "c", "d", "e"], "c");
    assert_eq!((state(&e, "d"), e.summary(3).matured, e.baseline()), (ArmState::Live, 100, 2));
    // A retirement by command is for good, whatever the configuration says.
    let mut e = restart(&run.e.blob(), &ARMS, "a");
    e.apply(&command(CommandAction::ArmRetired, "c")).expect("live");
    let e = restart(&e.blob(), &["a", "b", "d"], "a");
    assert_eq!(state(&restart(&e.blob(), &ARMS, "a"), "c"), ArmState::Retired);
}

#[test]
fn damaged_state_is_refused() {
    let run = Run::new(config(&PolicyKind::Thompson));
    let text = String::from_utf8(run.e.blob()).expect("JSON");
    let mut e = Experiment::new(config(&PolicyKind::Thompson));
    for (from, to) in [("\"baseline\":0", "\"baseline\":9"), ("\"shares\":[0.25,", "\"shares\":[0.75,"), ("{", "[")] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text, "{from}");
        e.restore(damaged.as_bytes()).expect_err("damaged");
    }
    e.restore(b"").expect_err("empty");
    e.restore(text.as_bytes()).expect("whole");
}

fn action() -> impl Strategy<Value = (CommandAction, usize)> {
    use CommandAction::{ArmAdded, ArmRetired, Paused, Promoted, Reset, Resumed};
    let all = [Paused, Paused, Resumed, Resumed, ArmRetired, ArmAdded, Promoted, Reset];
    (proptest::sample::select(all.to_vec()), 0usize..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Any rewards, any commands, any gaps between ticks: AL-1 to AL-3 hold or the room itself says what had to yield.
    #[test]
    fn any_history_keeps_the_invariants(
        steps in proptest::collection::vec(
            (proptest::option::of(action()), 0usize..6, any::<f64>(), 0i64..200_000), 1..40,
        ),
        which in 0usize..2, values in any::<bool>(), ramp in proptest::option::of(0.01f64..1.0),
        floor in 0.0f64..0.5, cap in 0.3f64..1.0,
    ) {
        let mut settings = config(&policies()[which]);
        settings.ramp = ramp;
        settings.floor = floor;
        settings.max_share = BTreeMap::from([("b".to_owned(), cap), ("c".to_owned(), cap)]);
        settings.reward = if values { ratings() } else { RewardTable::clicks() };
        settings.validate().expect("usable");
        let mut e = Experiment::new(settings);
        let mut now = Time(0);
        for (change, arm, reward, elapsed) in steps {
            e.credit(arm, reward);
            e.credit(arm, 1.0);
            if let Some((action, arm)) = change {
                let _: Result<(), CommandRefused> = e.apply(&command(action, ["a", "b", "c", "d", "e", "f"][arm]));
            }
            now = now + Span(elapsed);
            e.tick(now, Span(elapsed), 1);
            prop_assert_eq!(e.breaches(), []);
            prop_assert!(e.allocation().shares.iter().all(|s| (0.0..=1.0).contains(s)));
            prop_assert!(e.allocation().moments.iter().all(|m| m.0.is_finite() && m.1.is_finite() && m.1 >= 0.0));
        }
        let mut back = Experiment::new(e.config().clone());
        back.restore(&e.blob()).expect("its own blob");
        prop_assert_eq!(back.blob(), e.blob());
    }
}
