//! `docs/assignment.md` against the code: whoever recomputes a decision from the page must get the same.

use reiver::allocate::{
    AssignRequest, Choice, Experiment, ExperimentConfig, Overlay, draw_hash, draw_number, epoch_of, held_out,
};
use reiver::event::{Command, CommandAction, Reason, Span, Time};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

const PAGE: &str = include_str!("../docs/assignment.md");

struct Row {
    arm: String,
    share: f64,
    hash: u64,
    u: f64,
    cost: f64,
}

/// The draws' tables on the page, in order.
fn tables() -> Vec<Vec<Row>> {
    let mut tables = Vec::new();
    for line in PAGE.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(|c| c.trim().trim_matches('`')).collect();
        if cells[..] == ["arm", "p", "h (hex)", "u", "cost"] {
            tables.push(Vec::new());
        }
        if let [arm, share, hash, u, cost] = cells[..]
            && let (Ok(share), Ok(hash)) = (share.parse(), u64::from_str_radix(hash, 16))
            && let Some(table) = tables.last_mut()
        {
            let number = |text: &str| text.parse().expect("a number");
            table.push(Row { arm: arm.to_owned(), share, hash, u: number(u), cost: number(cost) });
        }
    }
    tables
}

#[test]
fn the_tables_of_the_page_are_what_is_computed() {
    let tables = tables();
    let draws = [("u42", Some(20416), "ncf"), ("0197c3f2-8a51-7c3e-9b1d-3f6a5e2c4d10", None, "transitions")];
    assert_eq!(tables.len(), draws.len());
    for (table, (unit, epoch, winner)) in tables.iter().zip(draws) {
        assert_eq!(table.len(), 4);
        for row in table {
            let hash = draw_hash("home", "all", unit, epoch, &row.arm, "1");
            assert_eq!(hash, row.hash, "{}", row.arm);
            // Without our own functions, byte by byte as the page says.
            let epoch = epoch.map_or("-".to_owned(), |e: i64| e.to_string());
            let bytes = format!("home\0all\0{unit}\0{epoch}\0{}\01", row.arm);
            assert_eq!(xxh3_64(bytes.as_bytes()), row.hash);
            assert!((draw_number(hash) - row.u).abs() < 1e-9);
            assert!((-draw_number(hash).ln() / row.share - row.cost).abs() < 1e-8);
        }
        let least = table.iter().min_by(|a, b| a.cost.total_cmp(&b.cost)).expect("four arms");
        assert_eq!(least.arm, winner);
        assert!(PAGE.contains(&format!("smallest cost is `{winner}`")));
    }
}

#[test]
fn the_other_examples_of_the_page_hold() {
    assert_eq!(epoch_of("home", "u42", Span::seconds(86_400), Time(1_764_057_600_123)), (20416, 5_226_716));
    assert!(PAGE.contains("*h* = 220, epoch 20416, which began in\nslot 5226716") && 5_226_716 % 256 == 220);
    assert!(held_out("home", "u42", "1", 0.67) && !held_out("home", "u42", "1", 0.66));
}

fn config(stick: Option<Span>) -> ExperimentConfig {
    let mut config = ExperimentConfig::new("home", &["popularity", "transitions", "mf", "ncf"], "popularity");
    config.stick = stick;
    config.holdout = 0.05;
    config
}

fn command(action: CommandAction, arm: &str) -> Command {
    Command {
        event_id: format!("{action:?}{arm}"),
        event_time: 0,
        action,
        experiment: "home".to_owned(),
        arm: arm.to_owned(),
        actor: String::new(),
        reason: String::new(),
    }
}

/// Shares of an experiment that has learned something, over `ticks` seconds of log time.
fn experienced(stick: Option<Span>, ticks: i64) -> Experiment {
    let mut e = Experiment::new(config(stick));
    for t in 0..ticks {
        for arm in 0..4 {
            for i in 0..20u32 {
                e.credit(arm, f64::from(u8::from(i < 2 + arm as u32)));
            }
        }
        e.tick(Time(1_764_000_000_000 + 1000 * t), Span::seconds(1), 1);
    }
    e
}

/// Re-derives a choice from what the log holds, as the page says.
fn rederive(choice: &Choice, unit: &str, decision: &str) -> String {
    let (who, epoch) = choice.epoch.map_or((decision, "-".to_owned()), |e| (unit, e.to_string()));
    let key = |arm: &str, share: f64| {
        let bytes = format!("home\0{}\0{who}\0{epoch}\0{arm}\0{}", choice.scope, choice.salt_id);
        -((xxh3_64(bytes.as_bytes()) as f64 + 0.5) / 2f64.powi(64)).ln() / share
    };
    let drawn = choice.vector.iter().filter(|a| a.propensity > 0.0);
    let keys: Vec<(f64, &str)> = drawn.map(|a| (key(&a.arm, a.propensity), a.arm.as_str())).collect();
    keys.iter().min_by(|a, b| a.0.total_cmp(&b.0)).expect("AL-4: somebody has a share").1.to_owned()
}

#[test]
fn every_choice_is_rederived_from_its_log_line_and_its_propensity_is_true() {
    let stick = Span::seconds(3600);
    for (stick, overlay) in [
        (Some(stick), Overlay::default()),
        (None, Overlay::default()),
        (Some(stick), Overlay::of([&command(CommandAction::Paused, "transitions")])),
        (None, Overlay::of([&command(CommandAction::Paused, "transitions")])),
    ] {
        let e = experienced(stick, 4000);
        let (mut summed, mut counted) = (BTreeMap::new(), BTreeMap::new());
        let mut drawn = 0;
        for u in 0..40_000u32 {
            let (unit, decision) = (format!("unit {u}"), format!("decision {u}"));
            let request = AssignRequest { unit: &unit, decision_id: &decision, now: Time(1_764_003_000_000) };
            let choice = e.assign(&request, &overlay);
            assert_eq!(choice, e.assign(&request, &overlay), "the same request, the same answer");
            let of_arm = choice.vector.iter().find(|a| a.arm == choice.arm_name).expect("in its vector");
            assert_eq!(of_arm.propensity, choice.propensity, "AL-4");
            assert!(choice.propensity > 0.0);
            let sum: f64 = choice.vector.iter().map(|a| a.propensity).sum();
            assert!((sum - 1.0).abs() < 1e-9, "AL-1");
            assert_eq!(rederive(&choice, &unit, &decision), choice.arm_name);
            assert_eq!(choice.epoch.is_some(), stick.is_some());
            match choice.reason {
                Reason::Assigned => {
                    drawn += 1;
                    *counted.entry(choice.arm_name.clone()).or_insert(0.0) += 1.0;
                    for a in &choice.vector {
                        *summed.entry(a.arm.clone()).or_insert(0.0) += a.propensity;
                    }
                }
                Reason::Holdout => assert!(held_out("home", &unit, "1", 0.05)),
                Reason::Paused => assert!(stick.is_some() && overlay != Overlay::default()),
                other => panic!("{other:?}"),
            }
            let paused_serves = overlay != Overlay::default() && choice.arm_name == "transitions";
            assert!(!paused_serves, "a paused arm never serves");
        }
        // Masking by a pause takes draws of the paused arm out after the draw: only the others' can be compared then.
        if stick.is_some() && overlay != Overlay::default() {
            continue;
        }
        for (arm, expected) in summed {
            let off = (counted.get(&arm).copied().unwrap_or(0.0) - expected) / f64::from(drawn);
            assert!(off.abs() < 0.009, "{arm}: {off}");
        }
    }
}

#[test]
fn an_arm_is_kept_for_the_epoch_while_shares_move() {
    let stick = Span::seconds(3600);
    let mut e = experienced(Some(stick), 100);
    let start = Time(1_764_000_100_000);
    let ask = |e: &Experiment, u: u32, now: Time| {
        let unit = format!("unit {u}");
        e.assign(&AssignRequest { unit: &unit, decision_id: "d", now }, &Overlay::default())
    };
    let before: Vec<Choice> = (0..2000).map(|u| ask(&e, u, start)).collect();
    for t in 1..=1800 {
        for i in 0..50u32 {
            e.credit(3, f64::from(u8::from(i % 2 == 0)));
        }
        e.tick(start + Span::seconds(t), Span::seconds(1), 1);
    }
    let now = start + Span::seconds(1800);
    let mut moved = 0;
    for (u, old) in (0..).zip(&before) {
        let new = ask(&e, u, now);
        if new.epoch == old.epoch {
            assert_eq!((new.arm, new.propensity), (old.arm, old.propensity), "AL-5");
        } else {
            moved += u32::from(new.arm != old.arm);
        }
    }
    assert!(e.allocation().shares[3] > 0.8 && moved > 200, "{moved} moved, {:?}", e.allocation().shares);
}

#[test]
fn somebody_always_answers() {
    let mut e = experienced(Some(Span::seconds(3600)), 50);
    let request = AssignRequest { unit: "u1", decision_id: "d", now: Time(1_764_000_050_000) };
    let mut paused = vec![command(CommandAction::Paused, "popularity")];
    let choice = e.assign(&request, &Overlay::of(&paused));
    assert_ne!(choice.arm_name, "popularity");
    for arm in ["transitions", "mf", "ncf"] {
        paused.push(command(CommandAction::Paused, arm));
    }
    let overlay = Overlay::of(&paused);
    let choice = e.assign(&request, &overlay);
    assert_eq!((choice.arm, choice.reason, choice.propensity), (0, Reason::Fallback, 1.0));
    assert_eq!(e.unlogged(&overlay).reason, Reason::SpoolFull);
    // The log catches up, and a restarted learner says the same.
    paused.iter().for_each(|c| e.apply(c).expect("was live"));
    e.tick(Time(1_764_000_051_000), Span::seconds(1), 1);
    assert_eq!(e.assign(&request, &Overlay::default()).reason, Reason::Fallback);
    let resumed = Overlay::of([&command(CommandAction::Resumed, "mf")]);
    assert_eq!(e.assign(&request, &resumed).arm_name, "mf");
}
